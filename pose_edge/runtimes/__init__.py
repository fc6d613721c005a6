"""Runtimes run a model: tensors in, tensors out.

`litert.py` runs models on the CPU; `edgetpu/` runs them on a Coral Edge TPU, in a child process
(`child*.py`, `shared_tensors.py`), with the CPU as the fallback.

May import: errors, util, frames, poses, config, logs, supervision, telemetry, zoo.

To add the runtime of another accelerator, write one file here with a class that fulfils `Runtime`
and a function like `litert.load_litert`, and add a line to `load_runtime` below that says which
models are its own.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final, Protocol

import numpy as np
from numpy.typing import NDArray

from pose_edge.poses import Provenance
from pose_edge.zoo.registry import ModelFile, Tensor

if TYPE_CHECKING:
    from pose_edge.config.schema import Settings

AnyArray = NDArray[np.generic]

INPUT_TYPES: Final = ("uint8", "int32", "float32")
"""Types of input tensors that take pixel values from 0 to 255."""


class Runtime(Protocol):
    """A loaded model. Not thread-safe."""

    @property
    def input(self) -> Tensor:
        """Shape and type of the one input."""

    @property
    def outputs(self) -> tuple[Tensor, ...]:
        """Shape and type of each output."""

    @property
    def provenance(self) -> Provenance:
        """Model and backend that gave the last answer; before the first, that are to give it."""

    @property
    def sizes(self) -> tuple[tuple[int, int], ...]:
        """Heights and widths that the input can have; most models have one."""

    def choose_size(self, size: tuple[int, int]) -> None:
        """Run with another of `sizes` from now on; `input` and `outputs` follow."""

    def run(self, tensor: AnyArray) -> list[AnyArray]:
        """Run the model once.

        Args:
            tensor: Of the input's shape and type.

        Returns:
            The outputs, valid until the next call.
        """

    def describe(self) -> str:
        """Return what runs the model, in a few words for log and doctor."""

    def close(self) -> None:
        """End what the runtime has started; doing it twice does no harm."""


def load_runtime(model: ModelFile, settings: Settings) -> Runtime:
    """Load one model where it can run: on the CPU, or, if compiled for it, on the Edge TPU.

    Raises:
        ModelError: The runtime cannot read the file.
        UnavailableError: No runtime is installed, or there is no Edge TPU.
    """
    if model.compiled:
        from pose_edge.runtimes.edgetpu.opening import load_edgetpu as load
    else:
        from pose_edge.runtimes.litert import load_litert as load
    return load(model, settings)
