"""Runs a .tflite file with the runtime that pose_edge uses."""

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
    """Return shape and type of a model's first input and of its first output."""
    interpreter = Interpreter(model_content=model)
    details = (interpreter.get_input_details()[0], interpreter.get_output_details()[0])
    source, result = (
        Tensor(tuple(int(size) for size in tensor["shape"]), np.dtype(tensor["dtype"]).name)
        for tensor in details
    )
    return source, result


def run(model: bytes, tensor: NDArray[Any]) -> NDArray[Any]:
    """Run the graph for pictures of this size once, on one thread.

    Args:
        model: A model with one graph, or with several graphs of one output each.
        tensor: The picture, in the shape and type of the input.

    Returns:
        The first output.

    Raises:
        ValueError: The model has no graph for the picture's size.
    """
    interpreter = Interpreter(model_content=model, num_threads=1)
    if len(interpreter.get_signature_list()) <= 1:
        interpreter.allocate_tensors()
        interpreter.set_tensor(interpreter.get_input_details()[0]["index"], tensor)
        interpreter.invoke()
        return np.array(interpreter.get_tensor(interpreter.get_output_details()[0]["index"]))
    for key in interpreter.get_signature_list():
        runner = interpreter.get_signature_runner(key)
        ((name, details),) = runner.get_input_details().items()
        if tuple(details["shape"]) == tensor.shape:
            (answer,) = runner(**{name: tensor}).values()
            return np.array(answer)
    raise ValueError(f"the model has no graph for {tensor.shape}")


def outputs(model: bytes) -> list[str]:
    """Return the names of the outputs in order."""
    return [tensor["name"] for tensor in Interpreter(model_content=model).get_output_details()]
