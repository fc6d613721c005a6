"""What every runtime offers to the estimators."""

from __future__ import annotations

from typing import Final, Protocol

import numpy as np
from numpy.typing import NDArray

from pose_edge.poses import Provenance
from pose_edge.zoo.registry import Tensor

AnyArray = NDArray[np.generic]

InputSize = tuple[int, int]
"""Height and width of an input, pixels."""

INPUT_TYPES: Final = ("uint8", "int8", "int32", "float32")
"""Types of input tensors. They take pixel values from 0 to 255; int8 takes them less 128, which is
where converters put its zero point."""


class SizeGone(Exception):  # noqa: N818 - an event, like SourceLost
    """Another backend has taken over, whose input has no such size: ask for `sizes` again."""


class Runtime(Protocol):
    """A loaded model. Not thread-safe."""

    @property
    def input(self) -> Tensor:
        """Shape and type of the only input; its shape is that of the first of the sizes."""

    @property
    def outputs(self) -> tuple[Tensor, ...]:
        """Shape and type of each output, with an input of that shape."""

    @property
    def provenance(self) -> Provenance:
        """Model and backend of the last answer; before the first, those expected to answer."""

    @property
    def sizes(self) -> tuple[InputSize, ...]:
        """Heights and widths that the input can have now; most models have one."""

    def run(self, tensor: AnyArray) -> list[AnyArray]:
        """Run the model once.

        Args:
            tensor: Of the input's type, and of one of the sizes.

        Returns:
            The outputs, valid until the next call.

        Raises:
            SizeGone: The size was one of `sizes`, but no longer is.
        """

    def describe(self) -> str:
        """Return what runs the model, in a few words for log and doctor."""

    def close(self) -> None:
        """End what the runtime has started; a second call does nothing."""
