"""Runtimes: tensors in, tensors out. One file per way to run a model."""

from __future__ import annotations

from typing import TYPE_CHECKING, Protocol

import numpy as np
from numpy.typing import NDArray

from pose_edge.zoo import ModelFile, Tensor

if TYPE_CHECKING:
    from pose_edge.settings import ModelSettings

AnyArray = NDArray[np.generic]


class Runtime(Protocol):
    """What runs a model.

    Attributes:
        input: Shape and type of the one input.
        outputs: Shape and type of each output.
        backend: A short name for results and screen, e.g. "cpu".
        sizes: Heights and widths that the input can have.
    """

    @property
    def input(self) -> Tensor:
        """Shape and type of the one input."""

    @property
    def outputs(self) -> tuple[Tensor, ...]:
        """Shape and type of each output."""

    @property
    def backend(self) -> str:
        """A short name for results and screen, e.g. ``cpu``."""

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


def load_runtime(model: ModelFile, settings: ModelSettings) -> Runtime:
    """Load a model into the runtime that the settings ask for.

    Raises:
        ModelError: The runtime cannot read the file.
        UnavailableError: No runtime is installed.
    """
    from pose_edge.runtimes.litert import LiteRT

    return LiteRT(model, threads=settings.threads)
