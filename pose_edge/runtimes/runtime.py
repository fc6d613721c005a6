"""The interface of a runtime, as the estimators use it."""

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
"""Types of input tensors. Pixel values are 0...255. For int8 they are reduced by 128, because
converters set the zero point to -128."""


class InputSizeChanged(Exception):  # noqa: N818 - an event, like SourceLost
    """The input no longer has this size, because the backend has changed; read `sizes` again."""


class Runtime(Protocol):
    """A loaded model. Not thread-safe."""

    @property
    def input(self) -> Tensor:
        """Shape and type of the only input, with the first of the sizes."""

    @property
    def outputs(self) -> tuple[Tensor, ...]:
        """Shape and type of each output, for an input of the first size."""

    @property
    def provenance(self) -> Provenance:
        """Model and backend of the last result; before the first, those expected to be used."""

    @property
    def sizes(self) -> tuple[InputSize, ...]:
        """Heights and widths that the input can have now; most models have one size."""

    def run(self, tensor: AnyArray) -> list[AnyArray]:
        """Run the model once.

        Args:
            tensor: Input tensor (1, height, width, 3) of the input's type and one of the sizes.

        Returns:
            The outputs, valid until the next call.

        Raises:
            InputSizeChanged: The size was one of `sizes`, but no longer is.
        """

    def describe(self) -> str:
        """Return a short description of what runs the model, for the log and `doctor`."""

    def close(self) -> None:
        """Stop what the runtime has started; a second call does nothing."""
