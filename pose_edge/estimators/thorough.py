"""Test-time augmentation: extra inference passes on one person, for accuracy at the cost of time.

A mirrored or slightly smaller crop gives slightly different keypoints. Where two results agree on a
keypoint, their mean is more accurate than either; averaging over mirrored pictures is common in the
evaluation of pose models. Where they disagree, the one with the higher score is taken, so that an
error in one of them is not averaged in.
"""

from __future__ import annotations

from dataclasses import replace
from typing import Final

import cv2
import numpy as np

from pose_edge.estimators.crop import Crop
from pose_edge.estimators.keypoint_model import KeypointModel
from pose_edge.frames import Frame, Image
from pose_edge.poses import FloatArray
from pose_edge.telemetry import Stopwatch

AGREEMENT: Final = 0.05
"""Distance, as a fraction of `Crop.size`, within which two results agree on a keypoint."""
SMALLER_CROP: Final = 0.88
"""Ratio of the edges of the smaller crop to those of the first one."""

MIRRORED: Final = (0, 2, 1, 4, 3, 6, 5, 8, 7, 10, 9, 12, 11, 14, 13, 16, 15)
"""Each keypoint's counterpart on the other side of the body."""


def run_thoroughly(
    model: KeypointModel, frame: Frame, crop: Crop, found: FloatArray, stopwatch: Stopwatch
) -> FloatArray:
    """Refine the keypoints of one pass with three more: mirrored, with a smaller crop, and both.

    Args:
        model: The model.
        frame: The picture.
        crop: The part of the frame that the first pass saw.
        found: Keypoints of the first pass: float32 (17, 3) as x, y, score; x and y in 0...1 of the
            frame.
        stopwatch: See `KeypointModel.run`.

    Returns:
        The refined keypoints, in the same format as `found`.
    """
    width, height = frame.width, frame.height
    # Mirroring the crop alone would be enough, but mirroring the whole frame costs little.
    image: Image = cv2.flip(frame.image, 1)  # type: ignore[assignment]  # its dtype is kept
    other_way = replace(frame, image=image)

    def both_ways(seen: Crop, found: FloatArray | None = None) -> FloatArray:
        if found is None:
            found = model.run(frame, seen, stopwatch)
        turned = replace(seen, left=width - seen.left - seen.width)
        return combine(found, mirror(model.run(other_way, turned, stopwatch)), reach)

    reach = (AGREEMENT * crop.size / width, AGREEMENT * crop.size / height)
    return combine(both_ways(crop, found), both_ways(crop.scaled(SMALLER_CROP)), reach)


def mirror(keypoints: FloatArray) -> FloatArray:
    """Convert keypoints of a mirrored frame to those of the original frame: float32 (17, 3)."""
    turned = keypoints[list(MIRRORED)]
    turned[:, 0] = 1.0 - turned[:, 0]
    return turned


def combine(one: FloatArray, other: FloatArray, reach: tuple[float, float]) -> FloatArray:
    """Return, for each keypoint, the mean of two results that agree, else the higher-scoring one.

    Args:
        one: float32 (17, 3) as x, y, score.
        other: Likewise.
        reach: Semi-axes along x and y, more than 0, of the ellipse within which two results agree.
    """
    distances = (one[:, :2] - other[:, :2]) / np.asarray(reach, dtype=np.float32)
    agree = (distances**2).sum(axis=1, keepdims=True) <= 1.0
    surer = np.where(one[:, 2:] >= other[:, 2:], one, other)
    return np.where(agree, (one + other) / 2, surer)
