"""Run TensorFlow Lite models with LiteRT or tflite-runtime, on the CPU or an accelerator."""

from __future__ import annotations

import importlib
import logging
import os
import sys
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any, Final

import numpy as np
from pydantic import ValidationError

from pose_edge.errors import ModelError, UnavailableError
from pose_edge.poses import Provenance
from pose_edge.runtimes.runtime import AnyArray, InputSize
from pose_edge.util.cores import usable_cores
from pose_edge.util.text import counted, one_line
from pose_edge.zoo.registry import ModelFile, Tensor
from pose_edge.zoo.subgraphs import keep_sizes

if TYPE_CHECKING:
    from pose_edge.config.schema import Settings

log = logging.getLogger(__name__)

RUNTIME_MODULES: Final = ("ai_edge_litert.interpreter", "tflite_runtime.interpreter")
"""The first one that can be imported is used; LiteRT is many times faster with INT8 models."""

LAST_FOR_NUMPY_1: Final = (2, 14)
"""Last version of tflite-runtime by Google; later versions, by others, are built for NumPy 2."""

DYNAMIC_SIZES: Final = ((256, 256), (224, 288), (192, 320), (288, 224), (320, 192))
"""Heights and widths used with a model whose input has no fixed size. They are multiples of 32, as
MoveNet's feature pyramid requires, and have about the same number of pixels."""


@dataclass(frozen=True, slots=True)
class _Graph:
    """A model with one input size: one of the file's graphs, or its only graph resized.

    Attributes:
        input: Shape and type of the input.
        outputs: Shape and type of each output.
        run: Runs the graph once.
        prepare: Resizes the interpreter's only graph to this size; None if no resizing is needed.
    """

    input: Tensor
    outputs: tuple[Tensor, ...]
    run: Callable[[AnyArray], list[AnyArray]]
    prepare: Callable[[], None] | None = None


@dataclass(frozen=True, slots=True)
class Accelerator:
    """Hardware that runs a model in place of the CPU.

    Attributes:
        backend: Short name for results and the screen, e.g. "edgetpu".
        describe: Short description for the log.
        version: Version of its library; None if the library does not report it.
        make_interpreter: Creates the interpreter, with its delegate, from the model's path.
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
        """Load the model and run it once as a warm-up.

        The first run includes preparations that take as long as two further runs. The first run
        with another input size takes a quarter longer than later ones, and only then is memory
        allocated for that size.

        Args:
            model: The file. It may contain several graphs, one for each input size.
            threads: CPU threads; limited to the number of usable cores, as more are far slower.
            accelerator: Hardware that runs the model in place of the CPU.

        Raises:
            ModelError: The runtime cannot read the file.
            UnavailableError: No runtime is installed, or the accelerator is not available.
        """
        self._accelerator = accelerator
        self._library, interpreter_class = import_runtime()
        self.threads = min(threads, usable_cores())
        self.provenance = Provenance(model.name, accelerator.backend if accelerator else "cpu")
        try:
            if accelerator is not None:
                interpreter = accelerator.make_interpreter(str(model.path))
            else:
                # Read the file instead of mapping it: it may be overwritten while the model runs.
                content = model.path.read_bytes()
                if model.entry is not None and model.entry.sizes:
                    content = keep_sizes(content, model.entry.sizes)
                interpreter = interpreter_class(model_content=content, num_threads=self.threads)
            graphs = _graphs(model, interpreter)
            self._graphs = {graph.input.shape[1:3]: graph for graph in graphs}
            self._prepared: _Graph | None = None
            self.input, self.outputs = graphs[0].input, graphs[0].outputs
            self.run(np.zeros(self.input.shape, dtype=self.input.dtype))
        except OSError as error:
            raise ModelError(f"{model.path} cannot be read: {error.strerror}") from error
        except (ValueError, RuntimeError) as error:
            reason = one_line(error)
            if accelerator is None and model.compiled:
                reason = "it is compiled for the Edge TPU"
            raise ModelError(f"{self._library} cannot load {model.path}: {reason}") from error

    @property
    def sizes(self) -> tuple[InputSize, ...]:
        """Heights and widths that the input can have."""
        return tuple((height, width) for height, width in self._graphs)

    def run(self, tensor: AnyArray) -> list[AnyArray]:
        """Run the model once on a tensor of one of the sizes; the GIL is released meanwhile."""
        graph = self._graphs[tensor.shape[1:3]]
        if graph.prepare is not None and graph is not self._prepared:
            graph.prepare()
            self._prepared = graph
        return graph.run(tensor)

    def describe(self) -> str:
        """Return the library and the number of threads, or the accelerator."""
        if self._accelerator is not None:
            return f"{self._library}, {self._accelerator.describe}"
        return f"{self._library}, {counted(self.threads, 'CPU thread')}"

    def close(self) -> None:
        """Do nothing: there is no process or thread to end."""


def load_litert(model: ModelFile, settings: Settings) -> LiteRT:
    """Load a model on the CPU, see `LiteRT`, and keep the runtime's messages off the terminal."""
    with _announcement_logged():
        return LiteRT(model, threads=settings.model.threads)


@contextmanager
def _announcement_logged() -> Iterator[None]:
    """Redirect what the runtime writes to standard error to the log, at level debug.

    When a process loads its first model, the runtime announces XNNPACK on standard error, and its
    Python packages offer no way to turn that off. Standard error belongs to the whole process, so
    it is redirected only if no other thread is running; otherwise that one line is shown.
    """
    if threading.active_count() > 1 or sys.stderr is None:
        yield
        return
    sys.stderr.flush()
    original = os.dup(2)
    with os.fdopen(os.memfd_create("runtime"), "rb") as captured:  # needs no space on a disk
        os.dup2(captured.fileno(), 2)
        try:
            yield
        finally:
            os.dup2(original, 2)
            os.close(original)
            captured.seek(0)
            for line in captured.read().decode("utf-8", "replace").splitlines():
                log.debug("%s", line)


def _graphs(model: ModelFile, interpreter: Any) -> list[_Graph]:  # noqa: ANN401 - of either library
    """Return a graph for each input size that a model has, the default size first."""
    signatures = list(interpreter.get_signature_list())
    if len(signatures) > 1:
        runners = [interpreter.get_signature_runner(name) for name in signatures]
        return [_signature_graph(model, runner) for runner in runners]
    source = _only_input(model, interpreter.get_input_details())
    if not _is_dynamic(source):
        interpreter.allocate_tensors()
        return [_only_graph(model, interpreter)]
    graphs: list[_Graph] = []
    for size in DYNAMIC_SIZES:
        try:
            graphs.append(_resized_graph(model, interpreter, size))
        except ModelError:
            if not graphs:
                raise
    return graphs


def _is_dynamic(source: dict[str, Any]) -> bool:
    """Return whether the height and width of the input are not fixed in the model."""
    signature = list(source.get("shape_signature", ()))
    unfixed = len(signature) == 4 and signature[1:3] == [-1, -1]
    return unfixed or list(source["shape"]) == [1, 1, 1, 3]


def _resized_graph(model: ModelFile, interpreter: Any, size: tuple[int, int]) -> _Graph:  # noqa: ANN401
    """Return the only graph of a model without a fixed input size, resized to a given size."""
    index: int = _only_input(model, interpreter.get_input_details())["index"]

    def prepare() -> None:
        interpreter.resize_tensor_input(index, (1, *size, 3))
        interpreter.allocate_tensors()

    try:
        prepare()
        interpreter.invoke()  # some output shapes are known only after a run
    except (ValueError, RuntimeError) as error:
        height, width = size
        raise ModelError(
            f"the size of the input of {model.path} is not fixed, and it cannot be set to "
            f"{width}x{height}: {one_line(error)}",
            remedy="convert the model with a fixed size",
        ) from error
    return replace(_only_graph(model, interpreter), prepare=prepare)


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
    """Import `Interpreter` or `load_delegate` from the best runtime that is installed.

    Returns:
        Name of the library, and the imported member.

    Raises:
        UnavailableError: No runtime is installed, or it is incompatible with this NumPy.
    """
    reasons = []
    for name in RUNTIME_MODULES:
        package = name.partition(".")[0]
        if package == "tflite_runtime" and (clash := _numpy_clash()):
            reasons.append(clash)
            continue
        try:
            return package, getattr(importlib.import_module(name), member)
        except ImportError as error:
            reasons.append(f"{package}: {error}")
    raise UnavailableError(
        f"no TensorFlow Lite runtime can be imported ({'; '.join(reasons)})",
        remedy="`pip install ai-edge-litert`",
    )


def _numpy_clash() -> str | None:
    """Return why the installed tflite-runtime is incompatible with this NumPy, or None.

    A version built for NumPy 1 must not even be imported under NumPy 2: it prints NumPy's long
    warning and then fails with another error, or crashes.
    """
    from importlib import metadata

    from packaging.version import Version

    try:
        version = metadata.version("tflite-runtime")
    except metadata.PackageNotFoundError:
        return None
    if Version(version).release[:2] > LAST_FOR_NUMPY_1 or Version(np.__version__).major < 2:
        return None
    return f"tflite-runtime {version} needs numpy below 2, and numpy is {np.__version__}"


def _tensor(model: ModelFile, details: dict[str, Any]) -> Tensor:
    dtype = np.dtype(details["dtype"]).name
    try:
        return Tensor.model_validate({"shape": details["shape"].tolist(), "dtype": dtype})
    except ValidationError as error:
        raise ModelError(
            f"{model.path} has a tensor of type {dtype}, which no pose model has"
        ) from error
