"""Runs TensorFlow Lite models on CPU threads: by LiteRT, or by tflite-runtime."""

from __future__ import annotations

import importlib
import logging
import os
import sys
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

import numpy as np
from pydantic import ValidationError

from pose_edge.errors import ModelError, UnavailableError
from pose_edge.poses import Provenance
from pose_edge.runtimes.runtime import AnyArray
from pose_edge.util.cores import usable_cores
from pose_edge.zoo.registry import ModelFile, Tensor

if TYPE_CHECKING:
    from pose_edge.config.schema import Settings

log = logging.getLogger(__name__)

RUNTIME_MODULES: Final = ("ai_edge_litert.interpreter", "tflite_runtime.interpreter")
"""The first that can be imported is used: LiteRT is many times faster with INT8 models."""


@dataclass(frozen=True, slots=True)
class _Graph:
    """One of the graphs of a file, each with its own input size."""

    input: Tensor
    outputs: tuple[Tensor, ...]
    run: Callable[[AnyArray], list[AnyArray]]


@dataclass(frozen=True, slots=True)
class Accelerator:
    """What a model runs on in place of the CPU.

    Attributes:
        backend: A short name for results and screen, e.g. "edgetpu".
        describe: What it is, for the log.
        version: Version of its library; None where the library does not tell.
        make_interpreter: Makes the interpreter, with its delegate, from the model's path.
    """

    backend: str
    describe: str
    version: str | None
    make_interpreter: Callable[[str], Any]


class LiteRT:
    """One model in a TensorFlow Lite interpreter. Not thread-safe."""

    def __init__(
        self, model: ModelFile, *, threads: int, accelerator: Accelerator | None = None
    ) -> None:
        """Load the model and run it once, for the first run is slow.

        Args:
            model: The file. It may hold several graphs, one for each input size; the first one is
                used until another size is chosen.
            threads: CPU threads, at most as many as there are usable cores: more are far slower.
            accelerator: What runs the model in place of the CPU.

        Raises:
            ModelError: The file cannot be read by the runtime.
            UnavailableError: No runtime is installed.
        """
        self._accelerator = accelerator
        self._library, interpreter_class = import_runtime()
        self.threads = min(threads, usable_cores())
        self.provenance = Provenance(model.name, accelerator.backend if accelerator else "cpu")
        try:
            path = str(model.path)
            if accelerator is not None:
                interpreter = accelerator.make_interpreter(path)
            else:
                interpreter = interpreter_class(model_path=path, num_threads=self.threads)
            signatures = list(interpreter.get_signature_list())
            if len(signatures) > 1:
                runners = [interpreter.get_signature_runner(name) for name in signatures]
                graphs = [_signature_graph(model, runner) for runner in runners]
            else:
                interpreter.allocate_tensors()
                graphs = [_only_graph(model, interpreter)]
            self._graphs = {graph.input.shape[1:3]: graph for graph in graphs}
            self._use(graphs[0])
        except (ValueError, RuntimeError) as error:
            reason = " ".join(str(error).split())[:200]
            if accelerator is None and model.compiled:
                reason = "it is compiled for the Edge TPU"
            raise ModelError(f"{self._library} cannot load {model.path}: {reason}") from error

    @property
    def sizes(self) -> tuple[tuple[int, int], ...]:
        """Heights and widths that the input can have."""
        return tuple((height, width) for height, width in self._graphs)

    def choose_size(self, size: tuple[int, int]) -> None:
        """Run with another of `sizes` from now on."""
        if self._graphs[size] is not self._graph:
            self._use(self._graphs[size])

    def run(self, tensor: AnyArray) -> list[AnyArray]:
        """Run the model once; the interpreter releases the GIL."""
        return self._graph.run(tensor)

    def describe(self) -> str:
        """Return the library and the number of threads, or the accelerator."""
        if self._accelerator is not None:
            return f"{self._library}, {self._accelerator.describe}"
        plural = "" if self.threads == 1 else "s"
        return f"{self._library}, {self.threads} CPU thread{plural}"

    def close(self) -> None:
        """Do nothing: there is no process or thread to end."""

    def _use(self, graph: _Graph) -> None:
        """Choose a graph and run it once, for the first run is slow."""
        self._graph, self.input, self.outputs = graph, graph.input, graph.outputs
        self.run(np.zeros(self.input.shape, dtype=self.input.dtype))


def load_litert(model: ModelFile, settings: Settings) -> LiteRT:
    """Load a model on the CPU, see `LiteRT`, with a clean terminal."""
    with _announcement_logged():
        return LiteRT(model, threads=settings.model.threads)


@contextmanager
def _announcement_logged() -> Iterator[None]:
    """Log what the runtime writes to the standard error, at level debug.

    The first model that a process loads makes the runtime announce XNNPACK there, and nothing that
    its Python packages offer turns that off. The standard error belongs to the whole process, so it
    is redirected only while no other thread can write to it; otherwise that one line is shown.
    """
    if threading.active_count() > 1 or sys.stderr is None:
        yield
        return
    sys.stderr.flush()
    original = os.dup(2)
    with os.fdopen(os.memfd_create("runtime"), "rb") as captured:  # /tmp may be full
        os.dup2(captured.fileno(), 2)
        try:
            yield
        finally:
            os.dup2(original, 2)
            os.close(original)
            captured.seek(0)
            for line in captured.read().decode("utf-8", "replace").splitlines():
                log.debug("%s", line)


def _only_graph(model: ModelFile, interpreter: Any) -> _Graph:  # noqa: ANN401 - of either library
    inputs, outputs = interpreter.get_input_details(), interpreter.get_output_details()
    source = _only_input(model, inputs)
    input_index: int = source["index"]
    output_indices: list[int] = [details["index"] for details in outputs]

    def run(tensor: AnyArray) -> list[AnyArray]:
        interpreter.set_tensor(input_index, tensor)
        interpreter.invoke()
        return [interpreter.get_tensor(index) for index in output_indices]

    return _Graph(_tensor(model, source), tuple(_tensor(model, d) for d in outputs), run)


def _signature_graph(model: ModelFile, runner: Any) -> _Graph:  # noqa: ANN401 - of either library
    inputs, outputs = runner.get_input_details(), runner.get_output_details()
    source = _only_input(model, list(inputs.values()))
    name = next(iter(inputs))

    def run(tensor: AnyArray) -> list[AnyArray]:
        answer = runner(**{name: tensor})
        return [answer[output] for output in outputs]

    return _Graph(_tensor(model, source), tuple(_tensor(model, d) for d in outputs.values()), run)


def _only_input(model: ModelFile, inputs: list[dict[str, Any]]) -> dict[str, Any]:
    if len(inputs) != 1:
        raise ModelError(f"{model.path} has {len(inputs)} inputs; a pose model has one")
    return inputs[0]


def import_runtime(member: str = "Interpreter") -> tuple[str, Any]:
    """Import Interpreter or load_delegate from the best runtime that is installed.

    Returns:
        Name of the library, and the member.

    Raises:
        UnavailableError: No runtime is installed.
    """
    reasons = []
    for name in RUNTIME_MODULES:
        try:
            return name.partition(".")[0], getattr(importlib.import_module(name), member)
        except ImportError as error:
            reasons.append(f"{name.partition('.')[0]}: {error}")
    raise UnavailableError(
        f"no TensorFlow Lite runtime can be imported ({'; '.join(reasons)})",
        remedy="`pip install ai-edge-litert`",
    )


def _tensor(model: ModelFile, details: dict[str, Any]) -> Tensor:
    dtype = np.dtype(details["dtype"]).name
    try:
        return Tensor.model_validate({"shape": details["shape"].tolist(), "dtype": dtype})
    except ValidationError as error:
        raise ModelError(
            f"{model.path} has a tensor of type {dtype}, which no pose model has"
        ) from error
