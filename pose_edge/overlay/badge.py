"""Grounds for text: rectangles with smooth round corners."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray
from PIL import Image as PillowImage


def rounded(width: int, height: int, radius: int, opacity: float) -> PillowImage.Image:
    """Return the opacity of a rounded rectangle, as an 8-bit picture.

    Args:
        width: Pixels.
        height: Pixels.
        radius: Of the corners, pixels, at most half of the shorter side.
        opacity: 0...1 inside.
    """
    radius = min(radius, width // 2, height // 2)
    inset = np.append(np.arange(radius, 0, -1) - 0.5, 0)  # 0: further inside than the corner
    corner = np.clip(radius + 0.5 - np.hypot(inset[:, None], inset), 0, 1)
    alpha = np.rint(corner * opacity * 255).astype(np.uint8)

    def from_edge(length: int) -> NDArray[np.int64]:
        """Return each pixel's distance from the nearer end, at most the radius."""
        place = np.arange(length)
        return np.minimum(np.minimum(place, place[::-1]), radius)

    return PillowImage.fromarray(alpha[from_edge(height)[:, None], from_edge(width)])
