"""Triangle meshes with anti-aliased edges for capsules (lines with round ends), for a GPU."""

from __future__ import annotations

import math
from functools import cache
from typing import Final

import numpy as np
from numpy.typing import NDArray

from pose_edge.overlay import Capsules

EDGE: Final = 0.5
"""Half the width of the anti-aliased edge along a shape's outline, pixels."""

FLATNESS: Final = 0.25
"""Tolerated distance between a round end and the polygon that approximates it, pixels."""

LEAST_STEPS: Final = 3
MOST_STEPS: Final = 16
"""Bounds of the number of segments that approximate a half circle."""


def triangulate(
    capsules: Capsules,
) -> tuple[NDArray[np.float32], NDArray[np.uint8], NDArray[np.int32]]:
    """Return the triangles of all capsules; the first capsule is drawn first.

    Each capsule has two rings of points along its outline: an opaque one, half a pixel inside, and
    a transparent one, half a pixel outside. The GPU interpolates the opacity between them.

    Args:
        capsules: Any number of capsules, with finite coordinates.

    Returns:
        corners: float32 (n, 2), pixels.
        colours: uint8 (n, 4), red, green, blue and opacity of each corner.
        indices: int32 (m,), three indices into `corners` for each triangle, in drawing order.
    """
    count = len(capsules)
    steps = _steps(float(capsules.radii.max(initial=1.0)))
    around = 2 * (steps + 1)
    along = capsules.ends[:, 2:] - capsules.ends[:, :2]
    length = np.hypot(along[:, 0], along[:, 1])[:, None]
    # A disc has no direction: use the x axis.
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
    """Return the number of segments of a half circle, for the tolerance `FLATNESS`."""
    if radius <= FLATNESS:
        return LEAST_STEPS
    half_piece = math.acos(1 - FLATNESS / radius)
    return min(MOST_STEPS, max(LEAST_STEPS, math.ceil(math.pi / 2 / half_piece)))


@cache
def _indices_of_one(steps: int) -> NDArray[np.int32]:
    """Return the triangles of one capsule: a fan inside, and pairs between the two rings."""
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
