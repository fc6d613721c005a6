"""From normalised coordinates to OpenCV's fixed-point pixels, and sizes that follow the picture."""

from __future__ import annotations

from typing import Final

import numpy as np
from numpy.typing import ArrayLike, NDArray

from pose_edge.frames import Image

SHIFT: Final = 4
"""Fractional bits of a position: lines move by 1/16 pixel, so they glide instead of jumping."""

SUBPIXELS: Final = 1 << SHIFT

REACH: Final = 4.0
"""How many pictures away a point may lie; farther ones would overflow OpenCV's arithmetic."""


def to_subpixels(points: ArrayLike, canvas: Image, *, mirror: bool) -> NDArray[np.int32]:
    """Place points on the canvas.

    Args:
        points: float (n, 2) as x, y, finite, normalised to the unmirrored picture.
        canvas: uint8 (height, width, 3); only its size matters.
        mirror: Whether the canvas shows the picture mirrored.

    Returns:
        int32 (n, 2) in units of 1/16 pixel.
    """
    placed = np.asarray(points, dtype=np.float64).clip(-REACH, 1.0 + REACH)
    if mirror:
        placed[:, 0] = 1.0 - placed[:, 0]
    # OpenCV counts from the middle of the first pixel, the model from the picture's edge.
    height, width = canvas.shape[:2]
    pixels = placed * (width, height) - 0.5
    return np.asarray(np.rint(pixels * SUBPIXELS), dtype=np.int32)


def relative(canvas: Image, fraction: float, *, least: int = 1) -> int:
    """Return a length in pixels: a fraction of the canvas's shorter side, but not below `least`."""
    height, width = canvas.shape[:2]
    return max(least, round(float(min(height, width)) * fraction))
