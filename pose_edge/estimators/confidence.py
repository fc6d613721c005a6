"""Convert the keypoint scores of a model to probabilities.

A model's score is not a probability; it only ranks keypoints. Of MoveNet's keypoints with a score
of 0.3, for example, four fifths are right. `tools/fit_confidence.py` measures a calibration on
annotated pictures. A keypoint counts as right when its term of COCO's OKS is at least 0.5: a nose
within about 6 % of the person's size, a wrist within 15 %, a hip within 25 % (the size is the
square root of the person's area).
"""

from __future__ import annotations

from typing import TypeAlias

import numpy as np

from pose_edge.poses import FloatArray

Calibration: TypeAlias = tuple[tuple[float, float], ...]
"""Pairs of a score, in rising order, and the probability that a keypoint with it is right."""


def probabilities(scores: FloatArray, calibration: Calibration) -> FloatArray:
    """Return the probabilities that keypoints are right, by linear interpolation.

    Args:
        scores: float32 (n,), 0...1.
        calibration: See `Calibration`.

    Returns:
        float32 (n,), 0...1.
    """
    known, right = zip(*calibration, strict=True)
    return np.interp(scores, known, right).astype(np.float32)
