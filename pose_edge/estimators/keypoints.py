"""Makes the keypoints of a model safe to use."""

from __future__ import annotations

import math

import numpy as np

from pose_edge.poses import FloatArray


def sanitize(keypoints: FloatArray) -> FloatArray:
    """Replace numbers that are not finite, and limit scores to 0...1.

    A keypoint with such a number gets score 0 at the origin: NaN is neither above nor below a
    threshold, and would spread.

    Args:
        keypoints: float32 (17, 3) as x, y, score; changed in place.

    Returns:
        The same array.
    """
    if not math.isfinite(np.vdot(keypoints, keypoints)):  # so for any of them, and quicker to find
        keypoints[~np.isfinite(keypoints).all(axis=1)] = 0.0
    limit(keypoints[:, 2])
    return keypoints


def clip_to_frame(keypoints: FloatArray) -> None:
    """Move keypoints from outside of the frame to its edge.

    Args:
        keypoints: float32 (17, 3) as x, y, score; changed in place.
    """
    limit(keypoints[:, :2])


def limit(values: FloatArray) -> None:
    """Limit values to 0...1 in place; for so few, `np.clip` takes three times as long."""
    np.maximum(values, 0.0, out=values)
    np.minimum(values, 1.0, out=values)
