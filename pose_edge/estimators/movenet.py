"""MoveNet, single person (Lightning and Thunder): reading its answer."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from pose_edge.estimators.keypoints import sane
from pose_edge.poses import KEYPOINT_COUNT, FloatArray
from pose_edge.runtimes import AnyArray


def decode(outputs: Sequence[AnyArray]) -> FloatArray:
    """Turn the model's answer into keypoints.

    Args:
        outputs: One float32 (1, 1, 17, 3) as y, x, score; y and x in 0...1 of the model's input.

    Returns:
        float32 (17, 3) as x, y, score, made sane.
    """
    rows = np.asarray(outputs[0], dtype=np.float32).reshape(KEYPOINT_COUNT, 3)
    return sane(rows[:, [1, 0, 2]])
