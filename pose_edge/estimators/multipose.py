"""MoveNet MultiPose: up to six people."""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial
from typing import Final

import numpy as np

from pose_edge.estimators.keypoints import sanitize
from pose_edge.estimators.multi_person import MultiPersonDecoder
from pose_edge.poses import KEYPOINT_COUNT, FloatArray
from pose_edge.runtimes import AnyArray, InputSize, Runtime

EXPECTED: Final = "1x6x56 (MultiPose)"
MIN_POSE_SCORE: Final = 0.15
"""Minimum score of a person; with this model the score is one of its outputs."""
CALIBRATION: Final = None
MAX_PEOPLE: Final = 6
VALUES: Final = 56
"""Values per person: 17 times y, x, score; then the box (ymin, xmin, ymax, xmax) and the score."""
SCORE: Final = 55
"""Index of the person's score among these values."""


def matches(runtime: Runtime) -> bool:
    """See `pose_edge.estimators.ModelFamily`."""
    return [output.shape for output in runtime.outputs] == [(1, MAX_PEOPLE, VALUES)]


def decoders(*, in_pixels: bool = False) -> tuple[None, MultiPersonDecoder]:
    """See `pose_edge.estimators.ModelFamily`."""
    return None, partial(decode, in_pixels=in_pixels)


def decode(
    outputs: Sequence[AnyArray], size: InputSize, *, in_pixels: bool = False
) -> list[tuple[FloatArray, float]]:
    """Decode the model's outputs into people.

    The model's own box is ignored: the box of a pose is computed from its keypoints.

    Args:
        outputs: One float32 (1, 6, 56).
        size: Height and width of the model's input, pixels.
        in_pixels: Whether y and x are in pixels of the input instead of 0...1.

    Returns:
        Six people, most of them with a score near 0; see `MultiPersonDecoder`.
    """
    rows = np.asarray(outputs[0], dtype=np.float32).reshape(MAX_PEOPLE, VALUES)
    unit = size if in_pixels else (1, 1)
    people = []
    for row in rows:
        keypoints = row[: 3 * KEYPOINT_COUNT].reshape(KEYPOINT_COUNT, 3)
        keypoints = (keypoints / np.array((*unit, 1), dtype=np.float32))[:, [1, 0, 2]]
        score = float(row[SCORE]) if np.isfinite(row[SCORE]) else 0.0
        people.append((sanitize(keypoints), min(max(score, 0.0), 1.0)))
    return people
