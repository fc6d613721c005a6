"""From normalised coordinates to pixels, and sizes that follow the picture."""

from __future__ import annotations

from typing import Final

import numpy as np
from numpy.typing import ArrayLike, NDArray

from pose_edge.overlay.shapes import Rectangle, Size

REACH: Final = 4.0
"""How many pictures away a point may lie; farther ones would overflow OpenCV's arithmetic."""


def to_pixels(points: ArrayLike, place: Rectangle, *, mirror: bool) -> NDArray[np.float32]:
    """Place points where the picture lies.

    Args:
        points: float (..., 2) as x, y, finite, normalised to the unmirrored picture.
        place: Where the picture lies on what is drawn on.
        mirror: Whether it is shown mirrored.

    Returns:
        float32 (..., 2), pixels from the upper left edge of what is drawn on.
    """
    placed = np.asarray(points, dtype=np.float32).clip(-REACH, 1.0 + REACH)
    if mirror:
        placed[..., 0] = 1.0 - placed[..., 0]
    x, y, width, height = place
    return np.asarray(placed * (width, height) + (x, y), dtype=np.float32)


def shorter(size: Size) -> int:
    """Return the shorter side, by which everything is sized."""
    return min(size)


def relative(size: Size, fraction: float, *, least: int = 1) -> int:
    """Return a length in whole pixels: a fraction of the shorter side, but not below `least`."""
    return max(least, round(shorter(size) * fraction))
