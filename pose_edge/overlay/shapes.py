"""What is drawn, as plain numbers: made once, drawn by OpenCV on a picture or by a GPU on a screen.

All positions are pixels of whatever is drawn on, from its upper left edge, to the right and down.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

Size = tuple[int, int]
"""Width and height, pixels, both at least 1."""

Rectangle = tuple[int, int, int, int]
"""x, y, width and height, pixels."""


@dataclass(frozen=True, slots=True)
class Capsules:
    """Lines with round ends, in the order in which they are drawn; one without length is a disc.

    Attributes:
        ends: float32 (n, 4) as x0, y0, x1, y1.
        radii: float32 (n,), half of a line's width.
        colours: uint8 (n, 3), red, green, blue.
    """

    ends: NDArray[np.float32]
    radii: NDArray[np.float32]
    colours: NDArray[np.uint8]

    def __len__(self) -> int:
        """Return how many there are."""
        return len(self.radii)


NO_CAPSULES = Capsules(
    np.zeros((0, 4), np.float32), np.zeros(0, np.float32), np.zeros((0, 3), np.uint8)
)


def joined(parts: Sequence[Capsules]) -> Capsules:
    """Put capsules together, the first at the bottom."""
    if len(parts) < 2:
        return parts[0] if parts else NO_CAPSULES
    return Capsules(
        np.concatenate([part.ends for part in parts]),
        np.concatenate([part.radii for part in parts]),
        np.concatenate([part.colours for part in parts]),
    )


@dataclass(frozen=True, slots=True)
class Stamp:
    """A small picture at its place: a panel, a number.

    Attributes:
        picture: uint8 (height, width, 4), red, green, blue and opacity. Painters prepare a picture
            once for as long as it is used, so the same look must be the same array.
        x: Of the left edge; it may lie outside.
        y: Of the upper edge.
    """

    picture: NDArray[np.uint8]
    x: int
    y: int


@dataclass(frozen=True, slots=True)
class Drawing:
    """All that is drawn over a picture.

    Attributes:
        capsules: Belong to the picture, and are cut off at its edges.
        stamps: Lie over the capsules, in their order.
        panels: Lie below the capsules: a read-out must not hide a person.
    """

    capsules: Capsules = NO_CAPSULES
    stamps: tuple[Stamp, ...] = ()
    panels: tuple[Stamp, ...] = ()
