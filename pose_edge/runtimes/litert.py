"""TensorFlow Lite models on CPU threads: LiteRT, or tflite-runtime where that is installed."""

from __future__ import annotations

import importlib
from typing import Any, Final

import numpy as np
from pydantic import ValidationError

from pose_edge.cores import usable_cores
from pose_edge.errors import ModelError, UnavailableError
from pose_edge.runtimes import AnyArray
from pose_edge.runtimes.native_log import native_log_captured
from pose_edge.zoo import ModelFile, Tensor

RUNTIME_MODULES: Final = ("ai_edge_litert.interpreter", "tflite_runtime.interpreter")
"""Best first: LiteRT runs INT8 models many times faster than tflite-runtime 2.14 does."""


class LiteRT:
    """One model in a TensorFlow Lite interpreter. Not thread-safe."""

    backend = "cpu"

    def __init__(self, model: ModelFile, *, threads: int) -> None:
        """Load the model and run it once, for the first run is slow.

        Args:
            model: The file.
            threads: Wanted CPU threads; more than the usable cores are never started, as that
                makes it far slower.

        Raises:
            ModelError: The file cannot be read by the runtime.
            UnavailableError: No runtime is installed.
        """
        self._library, interpreter_class = _import_interpreter()
        self.threads = min(threads, usable_cores())
        try:
            with native_log_captured():
                self._interpreter = interpreter_class(
                    model_path=str(model.path), num_threads=self.threads
                )
                self._interpreter.allocate_tensors()
        except (ValueError, RuntimeError) as error:
            reason = " ".join(str(error).split())[:200]
            raise ModelError(f"{self._library} cannot load {model.path}: {reason}") from error
        inputs = self._interpreter.get_input_details()
        outputs = self._interpreter.get_output_details()
        if len(inputs) != 1:
            raise ModelError(f"{model.path} has {len(inputs)} inputs; a pose model has one")
        self._input_index: int = inputs[0]["index"]
        self._output_indices: list[int] = [details["index"] for details in outputs]
        self.input = _tensor(model, inputs[0])
        self.outputs = tuple(_tensor(model, details) for details in outputs)
        self.run(np.zeros(self.input.shape, dtype=self.input.dtype))

    def run(self, tensor: AnyArray) -> list[AnyArray]:
        """Run the model once; other threads go on meanwhile (the interpreter frees the GIL)."""
        self._interpreter.set_tensor(self._input_index, tensor)
        self._interpreter.invoke()
        return [self._interpreter.get_tensor(index) for index in self._output_indices]

    def describe(self) -> str:
        """Say which library runs it on how many threads."""
        plural = "" if self.threads == 1 else "s"
        return f"{self._library}, {self.threads} CPU thread{plural}"


def _import_interpreter() -> tuple[str, Any]:
    reasons = []
    for name in RUNTIME_MODULES:
        try:
            return name.partition(".")[0], importlib.import_module(name).Interpreter
        except ImportError as error:
            reasons.append(f"{name.partition('.')[0]}: {error}")
    raise UnavailableError(
        "no TensorFlow Lite runtime can be imported; `pip install ai-edge-litert` "
        f"({'; '.join(reasons)})"
    )


def _tensor(model: ModelFile, details: dict[str, Any]) -> Tensor:
    dtype = np.dtype(details["dtype"]).name
    try:
        return Tensor.model_validate({"shape": details["shape"].tolist(), "dtype": dtype})
    except ValidationError as error:
        raise ModelError(
            f"{model.path} has a tensor of type {dtype}, which no pose model has"
        ) from error
