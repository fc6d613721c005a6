"""MoveNet MultiPose: reading its answer, up to six persons."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

import numpy as np

from pose_edge.estimators.keypoints import sane
from pose_edge.poses import KEYPOINT_COUNT, FloatArray
from pose_edge.runtimes import AnyArray

MAX_PEOPLE: Final = 6
VALUES: Final = 56
"""A person's values: 17 times y, x, score; then the box (ymin, xmin, ymax, xmax) and the score."""
SCORE: Final = 55


def decode(outputs: Sequence[AnyArray]) -> list[tuple[FloatArray, float]]:
    """Turn the model's answer into persons.

    The model's own box is left aside: a pose's box is that of the keypoints that count.

    Args:
        outputs: One float32 (1, 6, 56); y and x in 0...1 of the model's input.

    Returns:
        Six persons, most of them with a score near 0.
    """
    rows = np.asarray(outputs[0], dtype=np.float32).reshape(MAX_PEOPLE, VALUES)
    persons = []
    for row in rows:
        keypoints = row[: 3 * KEYPOINT_COUNT].reshape(KEYPOINT_COUNT, 3)[:, [1, 0, 2]]
        score = float(row[SCORE]) if np.isfinite(row[SCORE]) else 0.0
        persons.append((sane(keypoints), min(max(score, 0.0), 1.0)))
    return persons
