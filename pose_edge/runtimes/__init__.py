"""Runtimes: tensors in, tensors out. One file per way to run a model."""

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
"""Types of the input tensors that pixel values 0...255 can be handed to."""


class Runtime(Protocol):
    """What runs a model.

    Attributes:
        input: Shape and type of the one input.
        outputs: Shape and type of each output.
        provenance: What gave the last answer (before the first: what is to give it).
        sizes: Heights and widths that the input can have.
    """

    @property
    def input(self) -> Tensor:
        """Shape and type of the one input."""

    @property
    def outputs(self) -> tuple[Tensor, ...]:
        """Shape and type of each output."""

    @property
    def provenance(self) -> Provenance:
        """What gave the last answer."""

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
        """Say in a few words what runs it, for log and doctor."""

    def close(self) -> None:
        """End what it started; doing it twice does no harm."""


def load_runtime(model: ModelFile, settings: Settings) -> Runtime:
    """Load one model where it can run: on the CPU, or, if compiled for it, on the Edge TPU.

    Raises:
        ModelError: The runtime cannot read the file.
        UnavailableError: No runtime is installed, or there is no Edge TPU.
    """
    if model.compiled:
        from pose_edge.runtimes.edgetpu.opening import load_edgetpu

        return load_edgetpu(model, settings)
    from pose_edge.runtimes.litert import LiteRT

    return LiteRT(model, threads=settings.model.threads)
