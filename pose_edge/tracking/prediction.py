"""Where a person is a moment after the frame in which they were found."""

from __future__ import annotations

from dataclasses import replace
from typing import Final

import numpy as np

from pose_edge.poses import Pose, box_of

# The values were chosen on three clips of 30 frames a second (a walk, a wave, a balance on a beam),
# with an inference of 50 ms; `tools/measure_prediction.py` measures them.
MAX_AHEAD_S: Final = 0.1
"""Nobody is moved forward by more than this: people change their mind."""
MAX_INTERVAL_S: Final = 0.5
"""Two poses that lie further apart say nothing about the motion now."""
OWN_SHARE: Final = 0.5
"""The body's motion lasts; what a joint moves besides it is a swing, and counts in part only."""
STILL_SPEED: Final = 0.05
MOVING_SPEED: Final = 0.2
"""Joints slower than the first, in sizes of the person per second, are not moved: that is jitter.
From the second on they are moved in full."""


def move_forward(
    pose: Pose,
    before: Pose,
    *,
    interval_s: float,
    ahead_s: float,
    size: tuple[int, int],
    min_score: float,
) -> Pose:
    """Return a pose as it should be a moment later.

    Args:
        pose: The pose.
        before: An earlier pose of the same person.
        interval_s: Time between the two, seconds; beyond 0...`MAX_INTERVAL_S` nothing is moved.
        ahead_s: Time from the pose to that moment, seconds; more than `MAX_AHEAD_S` counts as that.
        size: Width and height of the frame, pixels.
        min_score: A keypoint that is weaker in either pose is moved with the body only, and does
            not count for the box.

    Returns:
        The pose, its joints within the frame; the same one where nothing is to be moved.
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
