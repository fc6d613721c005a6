"""Sizes and places in pixels, and how normalised coordinates become pixels."""

from __future__ import annotations

from typing import Final

import numpy as np
from numpy.typing import ArrayLike, NDArray

Size = tuple[int, int]
"""Width and height, pixels, both at least 1."""

Rectangle = tuple[int, int, int, int]
"""x, y, width and height, pixels."""

REACH: Final = 4.0
"""How many pictures away a point may lie; farther ones would overflow OpenCV's arithmetic."""


def to_pixels(points: ArrayLike, place: Rectangle, *, mirror: bool) -> NDArray[np.float32]:
    """Convert normalised points to pixels.

    Args:
        points: float (..., 2) as x, y, finite, 0...1 within the unmirrored picture.
        place: Where the picture lies on the canvas or screen.
        mirror: Whether the picture is shown mirrored.

    Returns:
        float32 (..., 2), pixels from the upper left corner of the canvas or screen.
    """
    placed = np.asarray(points, dtype=np.float32).clip(-REACH, 1.0 + REACH)
    if mirror:
        placed[..., 0] = 1.0 - placed[..., 0]
    x, y, width, height = place
    return np.asarray(placed * (width, height) + (x, y), dtype=np.float32)


def relative(size: Size, fraction: float, *, least: int = 1) -> int:
    """Return a fraction of the shorter side in whole pixels, at least `least`."""
    return max(least, round(min(size) * fraction))
