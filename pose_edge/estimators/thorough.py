"""More inference passes on the same person, for those who have the time.

The same person mirrored, or somewhat larger, gives slightly other answers; where two agree, their
mean is nearer to the truth than either. The mean over mirrored pictures is common in the evaluation
of pose models; taking the surer answer where two disagree keeps an error of one of them out.
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
"""Parts of the crop's longer edge within which two answers mean the same place."""
CLOSER: Final = 0.88
"""Edges of the closer crop, in parts of those of the first one."""

MIRRORED: Final = (0, 2, 1, 4, 3, 6, 5, 8, 7, 10, 9, 12, 11, 14, 13, 16, 15)
"""Each keypoint's counterpart on the other side of the body."""


def run_thoroughly(
    model: KeypointModel, frame: Frame, crop: Crop, found: FloatArray, stopwatch: Stopwatch
) -> FloatArray:
    """Improve what one pass found in a crop by three more: mirrored, closer, and both.

    Args:
        model: The model.
        frame: The picture.
        crop: The part of it that the first pass saw.
        found: float32 (17, 3), what that pass found; x and y in 0...1 of the frame.
        stopwatch: See `KeypointModel.run`.

    Returns:
        float32 (17, 3) likewise.
    """
    width, height = frame.width, frame.height
    # Only the mirrored crop is read of the mirrored frame, but mirroring costs little.
    image: Image = cv2.flip(frame.image, 1)  # type: ignore[assignment]  # its dtype is kept
    other_way = replace(frame, image=image)

    def both_ways(seen: Crop, found: FloatArray | None = None) -> FloatArray:
        if found is None:
            found = model.run(frame, seen, stopwatch)
        turned = replace(seen, left=width - seen.left - seen.width)
        return combine(found, mirror(model.run(other_way, turned, stopwatch)), reach)

    reach = (AGREEMENT * crop.size / width, AGREEMENT * crop.size / height)
    return combine(both_ways(crop, found), both_ways(crop.scaled(CLOSER)), reach)


def mirror(keypoints: FloatArray) -> FloatArray:
    """Return keypoints of a mirrored frame as they are in the frame: float32 (17, 3)."""
    turned = keypoints[list(MIRRORED)]
    turned[:, 0] = 1.0 - turned[:, 0]
    return turned


def combine(one: FloatArray, other: FloatArray, reach: tuple[float, float]) -> FloatArray:
    """Return the mean of two answers for each keypoint where they agree, else the surer one.

    Args:
        one: float32 (17, 3) as x, y, score.
        other: Likewise.
        reach: Distances along x and y, more than 0, up to which two places agree (of an ellipse).
    """
    distances = (one[:, :2] - other[:, :2]) / np.asarray(reach, dtype=np.float32)
    agree = (distances**2).sum(axis=1, keepdims=True) <= 1.0
    surer = np.where(one[:, 2:] >= other[:, 2:], one, other)
    return np.where(agree, (one + other) / 2, surer)
