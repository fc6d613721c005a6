"""Runs a .tflite file with the runtime that the product uses."""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np
from ai_edge_litert.interpreter import Interpreter
from numpy.typing import NDArray


class Tensor(NamedTuple):
    """Shape and numpy type name of an input or output."""

    shape: tuple[int, ...]
    dtype: str


def signature(model: bytes) -> tuple[Tensor, Tensor]:
    """Returns what the first input takes and the first output gives."""
    interpreter = Interpreter(model_content=model)
    details = (interpreter.get_input_details()[0], interpreter.get_output_details()[0])
    source, result = (
        Tensor(tuple(int(size) for size in tensor["shape"]), np.dtype(tensor["dtype"]).name)
        for tensor in details
    )
    return source, result


def run(model: bytes, tensor: NDArray[Any]) -> NDArray[Any]:
    """Runs the model once on one thread and returns a copy of its first output."""
    interpreter = Interpreter(model_content=model, num_threads=1)
    interpreter.allocate_tensors()
    interpreter.set_tensor(interpreter.get_input_details()[0]["index"], tensor)
    interpreter.invoke()
    return np.array(interpreter.get_tensor(interpreter.get_output_details()[0]["index"]))


def run_signature(model: bytes, key: str, tensor: NDArray[Any]) -> NDArray[Any]:
    """Runs one signature of a model once on one thread and returns its first output."""
    interpreter = Interpreter(model_content=model, num_threads=1)
    runner = interpreter.get_signature_runner(key)
    (name,) = runner.get_input_details()
    return np.array(next(iter(runner(**{name: tensor}).values())))


def outputs(model: bytes) -> list[str]:
    """Returns the names of the outputs, in their order."""
    return [tensor["name"] for tensor in Interpreter(model_content=model).get_output_details()]
