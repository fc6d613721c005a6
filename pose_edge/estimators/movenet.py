"""MoveNet, single person (Lightning and Thunder)."""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial
from typing import Final

import numpy as np

from pose_edge.estimators.keypoint_model import SinglePersonDecoder
from pose_edge.estimators.keypoints import sanitize
from pose_edge.poses import KEYPOINT_COUNT, FloatArray
from pose_edge.runtimes import AnyArray, Runtime

EXPECTED: Final = "1x1x17x3 (MoveNet, H = W)"
MIN_POSE_SCORE: Final = 0.3
"""The score of a pose is the mean score of the keypoints that count."""


def matches(runtime: Runtime) -> bool:
    """See `pose_edge.estimators.ModelFamily`."""
    _, height, width, _ = runtime.input.shape
    shapes = [output.shape for output in runtime.outputs]
    return shapes == [(1, 1, KEYPOINT_COUNT, 3)] and height == width


def decoders(runtime: Runtime, *, in_pixels: bool = False) -> tuple[SinglePersonDecoder, None]:
    """See `pose_edge.estimators.ModelFamily`."""
    _, height, width, _ = runtime.input.shape
    return partial(decode, unit=(height, width) if in_pixels else (1, 1)), None


def decode(outputs: Sequence[AnyArray], unit: tuple[int, int] = (1, 1)) -> FloatArray:
    """Turn the model's outputs into keypoints.

    Args:
        outputs: One float32 (1, 1, 17, 3) as y, x, score.
        unit: What y and x are where the model's input ends: 1, or its height and width.

    Returns:
        float32 (17, 3) as x, y, score, sanitized.
    """
    rows = np.asarray(outputs[0], dtype=np.float32).reshape(KEYPOINT_COUNT, 3)
    rows = rows / np.array((*unit, 1), dtype=np.float32)
    return sanitize(rows[:, [1, 0, 2]])
