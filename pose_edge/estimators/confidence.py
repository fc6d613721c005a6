"""From the scores of a model to probabilities.

A model's score only says which keypoint it is surer of: of MoveNet's keypoints with a score of 0.3
four fifths are right. `tools/fit_confidence.py` measures a calibration on pictures with known
keypoints. A keypoint is right when its part of COCO's OKS is at least 0.5: a nose within about 6 %
of the person's size, a wrist within 15 %, a hip within 25 % (size: square root of the area).
"""

from __future__ import annotations

from typing import TypeAlias

import numpy as np

from pose_edge.poses import FloatArray

Calibration: TypeAlias = tuple[tuple[float, float], ...]
"""Scores in rising order, each with the probability that a keypoint with this score is right."""


def probabilities(scores: FloatArray, calibration: Calibration) -> FloatArray:
    """Return how probable it is that keypoints are right, linear between the calibration's points.

    Args:
        scores: float32 (n,), 0...1.
        calibration: See `Calibration`.

    Returns:
        float32 (n,), 0...1.
    """
    known, right = zip(*calibration, strict=True)
    return np.interp(scores, known, right).astype(np.float32)
