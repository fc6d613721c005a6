"""Extrapolate a pose to a moment shortly after the frame in which it was found."""

from __future__ import annotations

from dataclasses import replace
from typing import Final

import numpy as np

from pose_edge.poses import Pose, box_of

# The values were chosen on three clips of 30 frames a second (a walk, a wave, a balance on a beam),
# with an inference of 50 ms; `tools/measure_prediction.py` measures them.
MAX_AHEAD_S: Final = 0.1
"""Maximum time, in seconds, by which poses are extrapolated: people change direction."""
MAX_INTERVAL_S: Final = 0.5
"""Maximum time, in seconds, between two poses from which a velocity is computed."""
OWN_SHARE: Final = 0.5
"""Fraction of a joint's motion relative to the body that is extrapolated. The motion of the body as
a whole lasts, but a joint swings to and fro."""
STILL_SPEED: Final = 0.05
"""Speed, in sizes of the person per second, up to which a joint is not moved: it is jitter."""
MOVING_SPEED: Final = 0.2
"""Speed, in the same unit, from which a joint is moved in full; in between it is moved in part."""


def move_forward(
    pose: Pose,
    before: Pose,
    *,
    interval_s: float,
    ahead_s: float,
    size: tuple[int, int],
    min_score: float,
) -> Pose:
    """Return a pose extrapolated by a short time.

    Args:
        pose: The pose.
        before: An earlier pose of the same person.
        interval_s: Time between the two poses, seconds. Outside of 0...`MAX_INTERVAL_S` the pose is
            not moved.
        ahead_s: Time to extrapolate, seconds; limited to `MAX_AHEAD_S`.
        size: Width and height of the frame, pixels.
        min_score: Minimum keypoint score. A keypoint that is weaker in either pose is moved with
            the body only; one that is weaker in `pose` is ignored for the box.

    Returns:
        The extrapolated pose, clipped to the frame; or `pose` itself if it is not moved.
    """
    sure = np.minimum(pose.keypoints[:, 2], before.keypoints[:, 2]) >= min_score
    if not (0.0 < interval_s <= MAX_INTERVAL_S and ahead_s > 0.0 and sure.any()):
        return pose
    steps = pose.keypoints[:, :2] - before.keypoints[:, :2]
    body = np.median(steps[sure], axis=0)
    own = np.where(sure[:, np.newaxis], steps - body, 0.0)
    velocity = (body + OWN_SHARE * own) / interval_s
    x0, y0, x1, y1 = pose.box
    person = max(1.0, ((x1 - x0) * size[0] + (y1 - y0) * size[1]) / 2)
    speed = np.hypot(*(velocity * size).T) / person
    share = np.clip((speed - STILL_SPEED) / (MOVING_SPEED - STILL_SPEED), 0.0, 1.0)
    keypoints = pose.keypoints.copy()
    keypoints[:, :2] += min(ahead_s, MAX_AHEAD_S) * share[:, np.newaxis] * velocity
    np.clip(keypoints[:, :2], 0.0, 1.0, out=keypoints[:, :2])
    return replace(pose, keypoints=keypoints, box=box_of(keypoints, min_score))
