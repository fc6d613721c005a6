"""Similarity of poses: object keypoint similarity (OKS), and overlap of boxes (IoU).

For OKS, distances and areas are in pixels, because normalised x and y have different scales.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

import numpy as np
from numpy.typing import NDArray

from pose_edge.poses import Box, FloatArray, Pose

_SIGMAS_OF_PAIRS: Final = (0.025, 0.035, 0.079, 0.072, 0.062, 0.107, 0.087, 0.089)
"""Eyes, ears, shoulders, elbows, wrists, hips, knees, ankles."""

SIGMAS: Final = (0.026, *(sigma for sigma in _SIGMAS_OF_PAIRS for _ in ("left", "right")))
"""Standard deviation of human annotators on each keypoint, as a fraction of the square root of the
person's area: the constants of the COCO keypoint evaluation (https://cocodataset.org/#keypoints-eval,
`kpt_oks_sigmas` in pycocotools)."""

MIN_KEYPOINT_SCORE: Final = 0.3
"""Minimum score of a keypoint to be compared."""

DUPLICATE_OKS: Final = 0.75
"""OKS from which two poses are the same body. On pictures of two people who walk past each other,
the OKS of two true poses was at most 0.59, and that of a body found twice at least 0.91."""

MIN_COMMON: Final = 4
"""Minimum number of common keypoints; with fewer, similarity is chance (value of the tfjs tracker).
This many of a pose's best keypoints are compared even if their scores are low."""

POINT: Final = 1e-9
"""Width and height added to boxes for IoU, as a fraction of the frame, so that no box is empty."""

MAX_ELONGATION: Final = 4.0
"""Maximum ratio of the sides of a box when its area is computed. A person seen from the side fills
a box that is nearly a line, whose area says nothing about the person's size."""

_VARIANCES: Final = (2.0 * np.asarray(SIGMAS)) ** 2


def oks_matrix(
    poses: FloatArray, tracks: FloatArray, width: int, height: int, *, min_score: float = 0.3
) -> NDArray[np.float64]:
    """Return the object keypoint similarity of every pose with every track.

    OKS is the mean of exp(-d^2 / (2 A (2 sigma)^2)) over the keypoints that are compared in both,
    where d is the distance and A the area of the box around the track's keypoints.

    Args:
        poses: float32 (n, 17, 3) as x, y, score, normalised.
        tracks: float32 (m, 17, 3) likewise; distances are relative to the size of the track.
        width: Width of the frame, pixels.
        height: Height of the frame, pixels.
        min_score: Minimum score of a keypoint to be compared; see also `MIN_COMMON`.

    Returns:
        float64 (n, m), 0...1; 1 for a pose with itself, 0 if fewer than `MIN_COMMON` keypoints are
        compared in both.
    """
    size = (width, height)
    counting = _counting(tracks, min_score)
    places = tracks[:, :, :2].astype(np.float64) * size
    areas = _areas(places, counting)[np.newaxis, :, np.newaxis]
    offsets = (poses[:, :, :2].astype(np.float64) * size)[:, np.newaxis] - places
    similar = np.exp(-(offsets**2).sum(axis=-1) / (2.0 * areas * _VARIANCES))
    common = _counting(poses, min_score)[:, np.newaxis] & counting
    counts = common.sum(axis=-1)
    means = np.where(common, similar, 0.0).sum(axis=-1) / np.maximum(counts, 1)
    return np.asarray(np.where(counts >= MIN_COMMON, means, 0.0))


def pose_similarities(
    poses: Sequence[Pose], others: Sequence[Pose], size: tuple[int, int]
) -> NDArray[np.float64]:
    """Return the OKS of every pose with every other one, as float64 (n, m).

    Args:
        poses: n poses, at least one.
        others: m poses, at least one; distances are relative to their size.
        size: Width and height of the frame, pixels.
    """
    rows = np.stack([pose.keypoints for pose in poses])
    columns = np.stack([other.keypoints for other in others])
    return oks_matrix(rows, columns, *size, min_score=MIN_KEYPOINT_SCORE)


def drop_duplicates(poses: Sequence[Pose], size: tuple[int, int]) -> list[Pose]:
    """Remove poses that duplicate an earlier one (OKS non-maximum suppression).

    Args:
        poses: The poses, best first.
        size: Width and height of the frame, pixels.
    """
    if len(poses) < 2:
        return list(poses)
    similar = pose_similarities(poses, poses, size)
    distinct: list[int] = []
    for index, row in enumerate(similar):
        if (row[distinct] < DUPLICATE_OKS).all():
            distinct.append(index)
    return [poses[index] for index in distinct]


def _counting(poses: FloatArray, min_score: float) -> NDArray[np.bool_]:
    """Return which keypoints of (n, 17, 3) reach the score or are among the best: bool (n, 17)."""
    scores = poses[:, :, 2]
    best = np.sort(scores, axis=1)[:, -MIN_COMMON, np.newaxis]
    return np.asarray(scores >= np.minimum(best, min_score))


def _areas(places: NDArray[np.float64], counting: NDArray[np.bool_]) -> NDArray[np.float64]:
    """Return the areas of the boxes around (m, 17, 2) positions: float64 (m,), more than 0."""
    mask = counting[:, :, np.newaxis]
    upper = np.where(mask, places, -np.inf).max(axis=1)
    lower = np.where(mask, places, np.inf).min(axis=1)
    extents = np.maximum(upper - lower, 0.0)
    thin = extents.max(axis=1) ** 2 / MAX_ELONGATION
    return np.asarray(np.maximum(np.maximum(extents.prod(axis=1), thin), 1e-9))


def iou(a: Box, b: Box) -> float:
    """Return the intersection over union (IoU) of two boxes.

    IoU does not change when both boxes are scaled along an axis, so normalised boxes are fine.

    Args:
        a: x0, y0, x1, y1.
        b: Likewise.

    Returns:
        0...1; 1 for a box with itself, even if it has no area.
    """
    across = min(a[2], b[2]) - max(a[0], b[0]) + POINT
    down = min(a[3], b[3]) - max(a[1], b[1]) + POINT
    if across <= 0.0 or down <= 0.0:
        return 0.0
    shared = across * down
    return min(1.0, shared / (_area(a) + _area(b) - shared))


def _area(box: Box) -> float:
    return (box[2] - box[0] + POINT) * (box[3] - box[1] + POINT)
