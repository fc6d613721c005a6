"""Makes the keypoints of a model safe to use."""

from __future__ import annotations

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
    keypoints[~np.isfinite(keypoints).all(axis=1)] = 0.0
    np.clip(keypoints[:, 2], 0.0, 1.0, out=keypoints[:, 2])
    return keypoints
