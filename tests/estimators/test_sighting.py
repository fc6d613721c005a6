from __future__ import annotations

import numpy as np
import pytest
from helpers import person

from pose_edge.estimators.sighting import Sighting
from pose_edge.poses import KEYPOINT_COUNT, MIN_SPREAD, Keypoint, box_of


def test_the_score_is_the_mean_of_the_keypoints_above_the_threshold() -> None:
    keypoints = person(0.9, scores={Keypoint.NOSE: 0.5, Keypoint.LEFT_ANKLE: 0.125})
    seen = Sighting(keypoints, 0.125)
    assert seen.score == pytest.approx((15 * 0.9 + 0.5) / 16)
    assert seen.box == box_of(keypoints, 0.125), "which one at the threshold stretches"
    assert seen.keypoints is keypoints


@pytest.mark.parametrize(("count", "somebody"), [(0, True), (17, True), (18, False)])
def test_so_many_keypoints_must_count(count: int, somebody: bool) -> None:
    assert Sighting(person(0.9), 0.2).is_person(count) == somebody


def test_keypoints_in_one_place_are_nobody_unless_somebody_was_there() -> None:
    keypoints = np.full((KEYPOINT_COUNT, 3), 0.5, dtype=np.float32)
    keypoints[0, 0] += MIN_SPREAD / 2
    seen = Sighting(keypoints, 0.2)
    assert not seen.is_person(3)
    assert seen.is_person(3, 0.0)


def test_nothing_is_nobody() -> None:
    seen = Sighting(person(0.0), 0.2)
    assert (seen.score, seen.box) == (0.0, (0.0, 0.0, 0.0, 0.0))
    assert not seen.is_person(1, 0.0)
    assert seen.is_person(0)
