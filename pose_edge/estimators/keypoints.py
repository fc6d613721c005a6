"""Keypoints as models give them, before anything relies on them."""

from __future__ import annotations

import numpy as np

from pose_edge.poses import FloatArray


def sane(keypoints: FloatArray) -> FloatArray:
    """Make numbers of a model safe to work with.

    A keypoint with a number that is not finite gets score 0 at the origin: NaN passes no threshold
    in either direction and must not travel on. Scores are limited to 0...1.

    Args:
        keypoints: float32 (17, 3) as x, y, score; changed in place.

    Returns:
        The same array.
    """
    keypoints[~np.isfinite(keypoints).all(axis=1)] = 0.0
    np.clip(keypoints[:, 2], 0.0, 1.0, out=keypoints[:, 2])
    return keypoints
