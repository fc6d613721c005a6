"""Triangles with smooth edges for lines with round ends, for a GPU."""

from __future__ import annotations

import math
from functools import cache
from typing import Final

import numpy as np
from numpy.typing import NDArray

from pose_edge.overlay import Capsules

EDGE: Final = 0.5
"""Pixels on either side of the outline over which a shape fades out."""

FLATNESS: Final = 0.25
"""Pixels by which the corners of a round end may cut into it."""

LEAST_STEPS: Final = 3
MOST_STEPS: Final = 16
"""Limits of the number of pieces of a half circle."""


def triangulate(
    capsules: Capsules,
) -> tuple[NDArray[np.float32], NDArray[np.uint8], NDArray[np.int32]]:
    """Return the triangles of all capsules, those of the first at the bottom.

    Each capsule is a ring of points around its outline, half a pixel inside and opaque, and another
    half a pixel outside and transparent; between the two the GPU fades.

    Args:
        capsules: Finite; there may be none.

    Returns:
        corners: float32 (n, 2), pixels.
        colours: uint8 (n, 4), red, green, blue and opacity of each corner.
        indices: int32 (m,), three corners for each triangle, in the order in which they are drawn.
    """
    count = len(capsules)
    steps = _steps(float(capsules.radii.max(initial=1.0)))
    around = 2 * (steps + 1)
    along = capsules.ends[:, 2:] - capsules.ends[:, :2]
    length = np.hypot(along[:, 0], along[:, 1])[:, None]
    # A disc has no direction: any will do.
    along = np.where(length > 0, along / np.maximum(length, 1e-6), np.array([1, 0], np.float32))
    across = np.stack([-along[:, 1], along[:, 0]], axis=1)

    angles = np.linspace(0.5 * math.pi, 1.5 * math.pi, steps + 1)
    turns = np.concatenate([angles, angles + math.pi]).astype(np.float32)
    outward = along[:, None] * np.cos(turns)[:, None] + across[:, None] * np.sin(turns)[:, None]
    centres = np.repeat(capsules.ends.reshape(count, 2, 2), steps + 1, axis=1)
    reach = np.stack([np.maximum(capsules.radii - EDGE, 0), capsules.radii + EDGE], axis=1)
    corners = centres[:, None] + reach[:, :, None, None] * outward[:, None]

    colours = np.zeros((count, 2, around, 4), np.uint8)
    colours[..., :3] = capsules.colours[:, None, None]
    colours[:, 0, :, 3] = 255
    first = np.arange(count, dtype=np.int32) * (2 * around)
    return (
        np.ascontiguousarray(corners.reshape(-1, 2), np.float32),
        colours.reshape(-1, 4),
        (first[:, None] + _indices_of_one(steps)).reshape(-1),
    )


def _steps(radius: float) -> int:
    """Return the number of pieces of a half circle that make it look round."""
    if radius <= FLATNESS:
        return LEAST_STEPS
    half_piece = math.acos(1 - FLATNESS / radius)
    return min(MOST_STEPS, max(LEAST_STEPS, math.ceil(math.pi / 2 / half_piece)))


@cache
def _indices_of_one(steps: int) -> NDArray[np.int32]:
    """Return the triangles of one capsule: a fan inside, a ring of pairs at the edge."""
    around = 2 * (steps + 1)
    inner = np.arange(around)
    following = (inner + 1) % around
    fan = np.stack([np.zeros(around - 2, int), inner[1:-1], inner[2:]], axis=1)
    outer, following_outer = inner + around, following + around
    ring = np.concatenate(
        [
            np.stack([inner, outer, following_outer], axis=1),
            np.stack([inner, following_outer, following], axis=1),
        ]
    )
    triangles: NDArray[np.int32] = np.concatenate([fan, ring]).astype(np.int32)
    return triangles.reshape(-1)
