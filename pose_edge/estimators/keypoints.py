"""Sanitise the keypoints that a model returns."""

from __future__ import annotations

import math

import numpy as np

from pose_edge.poses import FloatArray


def sanitize(keypoints: FloatArray) -> FloatArray:
    """Replace non-finite numbers, and limit scores to 0...1.

    A keypoint with a non-finite number becomes (0, 0) with score 0. Otherwise NaN would spread
    through later computations, and compare false with any threshold.

    Args:
        keypoints: float32 (17, 3) as x, y, score; changed in place.

    Returns:
        The same array.
    """
    if not math.isfinite(np.vdot(keypoints, keypoints)):  # faster than checking every number
        keypoints[~np.isfinite(keypoints).all(axis=1)] = 0.0
    limit(keypoints[:, 2])
    return keypoints


def clip_to_frame(keypoints: FloatArray) -> None:
    """Move keypoints outside the frame to its edge.

    Args:
        keypoints: float32 (17, 3) as x, y, score; changed in place.
    """
    limit(keypoints[:, :2])


def limit(values: FloatArray) -> None:
    """Limit values to 0...1 in place; for few values, `np.clip` takes three times as long."""
    np.maximum(values, 0.0, out=values)
    np.minimum(values, 1.0, out=values)
