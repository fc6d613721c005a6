"""How alike two poses are: object keypoint similarity, and overlap of boxes.

Keypoints are normalised to the frame, so a step of 0.1 is longer across a wide picture than down
it. Distances and areas are therefore measured in pixels.
"""

from __future__ import annotations

from typing import Final

import numpy as np
from numpy.typing import NDArray

from pose_edge.poses import Box, FloatArray

SIGMAS: Final = (
    0.026,  # nose
    0.025,  # eyes
    0.025,
    0.035,  # ears
    0.035,
    0.079,  # shoulders
    0.079,
    0.072,  # elbows
    0.072,
    0.062,  # wrists
    0.062,
    0.107,  # hips
    0.107,
    0.087,  # knees
    0.087,
    0.089,  # ankles
    0.089,
)
"""How far human annotators differ on each keypoint, in parts of the square root of the person's
area: the constants of the COCO keypoint evaluation (https://cocodataset.org/#keypoints-eval,
`kpt_oks_sigmas` in pycocotools)."""

MIN_COMMON: Final = 4
"""With fewer keypoints in common, likeness is chance (the value of the tfjs tracker)."""

MAX_ELONGATION: Final = 4.0
"""A person seen from the side fills a box that is nearly a line, and the box's area says nothing
about the person's size any more; no box counts as narrower than this."""

_VARIANCES: Final = (2.0 * np.asarray(SIGMAS)) ** 2


def oks(
    pose: FloatArray, track: FloatArray, width: int, height: int, *, min_score: float = 0.3
) -> float:
    """Return the object keypoint similarity of one pose with one track; see `oks_matrix`.

    Args:
        pose: float32 (17, 3) as x, y, score, normalised.
        track: float32 (17, 3) likewise.
        width: Of the frame, pixels.
        height: Of the frame, pixels.
        min_score: Keypoints below this score, in either, do not count.
    """
    matrix = oks_matrix(pose[np.newaxis], track[np.newaxis], width, height, min_score=min_score)
    return float(matrix[0, 0])


def oks_matrix(
    poses: FloatArray, tracks: FloatArray, width: int, height: int, *, min_score: float = 0.3
) -> NDArray[np.float64]:
    """Return the object keypoint similarity of every pose with every track.

    It is the mean, over the keypoints that both are sure of, of exp(-d^2 / (2 A (2 sigma)^2)), d
    being the distance and A the area of the box around the track's keypoints.

    Args:
        poses: float32 (n, 17, 3) as x, y, score, normalised.
        tracks: float32 (m, 17, 3) likewise; their size decides what is near.
        width: Of the frame, pixels.
        height: Of the frame, pixels.
        min_score: Keypoints below this score, in either, do not count.

    Returns:
        float64 (n, m), 0...1; 1 for the same place, 0 when fewer than 4 keypoints count in both.
    """
    size = (width, height)
    counting = tracks[:, :, 2] >= min_score
    places = tracks[:, :, :2].astype(np.float64) * size
    areas = _areas(places, counting)[np.newaxis, :, np.newaxis]
    offsets = (poses[:, :, :2].astype(np.float64) * size)[:, np.newaxis] - places
    alike = np.exp(-(offsets**2).sum(axis=-1) / (2.0 * areas * _VARIANCES))
    common = (poses[:, np.newaxis, :, 2] >= min_score) & counting
    counts = common.sum(axis=-1)
    means = np.where(common, alike, 0.0).sum(axis=-1) / np.maximum(counts, 1)
    return np.asarray(np.where(counts >= MIN_COMMON, means, 0.0))


def _areas(places: NDArray[np.float64], counting: NDArray[np.bool_]) -> NDArray[np.float64]:
    """Return the areas of the boxes around bodies, but never that of a very thin box.

    Args:
        places: float64 (m, 17, 2), pixels.
        counting: bool (m, 17), which of them count.

    Returns:
        float64 (m,), square pixels, more than 0.
    """
    mask = counting[:, :, np.newaxis]
    upper = np.where(mask, places, -np.inf).max(axis=1)
    lower = np.where(mask, places, np.inf).min(axis=1)
    extents = np.maximum(upper - lower, 0.0)
    thin = extents.max(axis=1) ** 2 / MAX_ELONGATION
    return np.asarray(np.maximum(np.maximum(extents.prod(axis=1), thin), 1e-9))


def iou(a: Box, b: Box) -> float:
    """Return how much two boxes overlap: the area of what they share, by that of their union.

    Stretching both along an axis changes nothing, so boxes need not be brought to pixels.

    Args:
        a: x0, y0, x1, y1.
        b: Likewise.

    Returns:
        0...1; 0 when neither has an area.
    """
    across = min(a[2], b[2]) - max(a[0], b[0])
    down = min(a[3], b[3]) - max(a[1], b[1])
    if across <= 0.0 or down <= 0.0:
        return 0.0
    shared = across * down
    union = (a[2] - a[0]) * (a[3] - a[1]) + (b[2] - b[0]) * (b[3] - b[1]) - shared
    return min(1.0, shared / union)
