from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from helpers import pose

from pose_edge.poses import Keypoint, Pose
from pose_edge.tracking.prediction import (
    MAX_AHEAD_S,
    MAX_INTERVAL_S,
    OWN_SHARE,
    move_forward,
)

SIZE = (1000, 1000)
WRIST = Keypoint.LEFT_WRIST


def moved(one: Pose, x: float, y: float = 0.0, *, wrist: float = 0.0) -> Pose:
    """Return a pose moved by x and y, with the left wrist moved further down by `wrist`."""
    keypoints = one.keypoints.copy()
    keypoints[:, 0] += x
    keypoints[:, 1] += y
    keypoints[WRIST, 1] += wrist
    return replace(one, keypoints=keypoints, box=(one.box[0] + x, one.box[1] + y, *one.box[2:]))


def forward(now: Pose, before: Pose, ahead_s: float, interval_s: float = 0.05) -> Pose:
    return move_forward(
        now, before, interval_s=interval_s, ahead_s=ahead_s, size=SIZE, min_score=0.2
    )


def test_a_body_goes_on_as_it_went() -> None:
    before = pose()
    now = moved(before, 0.04)
    later = forward(now, before, 0.05)
    np.testing.assert_allclose(later.keypoints, moved(now, 0.04).keypoints, atol=1e-6)
    assert later.box[0] == pytest.approx(later.keypoints[:, 0].min())


def test_nobody_is_moved_by_more_than_the_longest_time() -> None:
    before = pose()
    now = moved(before, 0.02)
    far, farthest = forward(now, before, 5.0), forward(now, before, MAX_AHEAD_S)
    np.testing.assert_array_equal(far.keypoints, farthest.keypoints)


def test_what_a_joint_moves_besides_the_body_counts_in_part() -> None:
    before = pose()
    now = moved(before, 0.02, wrist=0.04)
    later = forward(now, before, 0.05)
    steps = later.keypoints - now.keypoints
    assert steps[WRIST, 0] == pytest.approx(0.02, abs=1e-5)
    assert steps[WRIST, 1] == pytest.approx(OWN_SHARE * 0.04, abs=1e-5)


def test_jitter_is_not_moved_on() -> None:
    before = pose()
    now = moved(before, 0.0005)
    np.testing.assert_array_equal(forward(now, before, 0.05).keypoints, now.keypoints)


def test_an_uncertain_joint_moves_with_the_body() -> None:
    before = pose()
    now = moved(before, 0.02, wrist=0.3)
    now.keypoints[WRIST, 2] = 0.1
    steps = forward(now, before, 0.05).keypoints - now.keypoints
    np.testing.assert_allclose(steps[WRIST, :2], (0.02, 0.0), atol=1e-5)


def test_joints_stay_within_the_frame() -> None:
    before = pose()
    now = moved(before, 0.4)
    later = forward(now, before, 0.1)
    assert later.keypoints[:, :2].max() == 1.0
    assert later.keypoints[:, :2].min() >= 0.0


@pytest.mark.parametrize(
    ("ahead_s", "interval_s"), [(0.0, 0.05), (-0.1, 0.05), (0.05, 0.0), (0.05, MAX_INTERVAL_S + 1)]
)
def test_without_a_usable_time_nothing_moves(ahead_s: float, interval_s: float) -> None:
    before = pose()
    now = moved(before, 0.04)
    assert forward(now, before, ahead_s, interval_s) is now


def test_the_poses_given_are_not_changed() -> None:
    before = pose()
    now = moved(before, 0.04)
    copies = before.keypoints.copy(), now.keypoints.copy()
    forward(now, before, 0.05)
    np.testing.assert_array_equal(before.keypoints, copies[0])
    np.testing.assert_array_equal(now.keypoints, copies[1])
