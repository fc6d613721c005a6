"""MoveNet, single person (Lightning and Thunder)."""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial
from typing import Final

import numpy as np

from pose_edge.estimators.keypoint_model import SinglePersonDecoder
from pose_edge.estimators.keypoints import sanitize
from pose_edge.poses import KEYPOINT_COUNT, FloatArray
from pose_edge.runtimes import AnyArray, InputSize, Runtime

EXPECTED: Final = "1x1x17x3 (MoveNet)"
MIN_POSE_SCORE: Final = 0.3
"""Minimum score of a person: the mean score of the keypoints above the minimum keypoint score."""
CALIBRATION: Final = (
    (0.0, 0.103),
    (0.1, 0.298),
    (0.2, 0.630),
    (0.3, 0.786),
    (0.4, 0.924),
    (0.5, 0.966),
    (0.7, 0.987),
    (1.0, 0.994),
)
"""Calibration of all INT8 models, fitted by `tools/fit_confidence.py`; see models/README.md."""


def matches(runtime: Runtime) -> bool:
    """See `pose_edge.estimators.ModelFamily`."""
    return [output.shape for output in runtime.outputs] == [(1, 1, KEYPOINT_COUNT, 3)]


def decoders(*, in_pixels: bool = False) -> tuple[SinglePersonDecoder, None]:
    """See `pose_edge.estimators.ModelFamily`."""
    return partial(decode, in_pixels=in_pixels), None


def decode(outputs: Sequence[AnyArray], size: InputSize, *, in_pixels: bool = False) -> FloatArray:
    """Decode the model's outputs into keypoints.

    Args:
        outputs: One float32 (1, 1, 17, 3) as y, x, score.
        size: Height and width of the model's input, pixels.
        in_pixels: Whether y and x are in pixels of the input instead of 0...1.

    Returns:
        float32 (17, 3) as x, y, score; x and y in 0...1 of the input. See `sanitize`.
    """
    rows = outputs[0].reshape(KEYPOINT_COUNT, 3)
    keypoints = np.empty((KEYPOINT_COUNT, 3), dtype=np.float32)
    keypoints[:, 0], keypoints[:, 1], keypoints[:, 2] = rows[:, 1], rows[:, 0], rows[:, 2]
    if in_pixels:
        keypoints /= np.array((size[1], size[0], 1), dtype=np.float32)
    return sanitize(keypoints)
