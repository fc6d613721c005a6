from __future__ import annotations

import math

import numpy as np
import pytest
from helpers import person, pose
from hypothesis import given
from hypothesis import settings as hypothesis_settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

from pose_edge.activity.angles import JOINTS, joint_angles
from pose_edge.poses import FloatArray, Keypoint

KEYPOINTS = hnp.arrays(np.float32, (17, 3), elements=st.floats(0.0625, 0.9375, width=32))
SIZE = st.integers(16, 4096)

Places = dict[Keypoint, tuple[float, float]]


def angle_of(joint: Keypoint, places: Places, width: int = 100, height: int = 100) -> float:
    found = joint_angles(pose(person(places=places)), width, height, 0.25)[joint]
    assert found is not None
    return found


def leg(ankle: tuple[float, float]) -> Places:
    return {
        Keypoint.LEFT_HIP: (0.5, 0.2),
        Keypoint.LEFT_KNEE: (0.5, 0.4),
        Keypoint.LEFT_ANKLE: ankle,
    }


@pytest.mark.parametrize(
    ("ankle", "degrees"),
    [((0.5, 0.6), 180), ((0.7, 0.4), 90), ((0.3, 0.4), 90), ((0.5, 0.2), 0), ((0.6, 0.5), 135)],
)
def test_a_knee(ankle: tuple[float, float], degrees: float) -> None:
    assert angle_of(Keypoint.LEFT_KNEE, leg(ankle)) == pytest.approx(degrees, abs=0.01)


def test_a_frame_that_is_wider_than_high_does_not_bend_it() -> None:
    """The picture has 200 x 100 pixels, so 0.1 of its width is as long as 0.2 of its height."""
    assert angle_of(Keypoint.LEFT_KNEE, leg((0.6, 0.6)), 200, 100) == pytest.approx(135, abs=0.01)


def test_both_sides_have_shoulder_elbow_hip_and_knee() -> None:
    names = {joint.name.partition("_")[2] for joint in JOINTS}
    assert names == {"SHOULDER", "ELBOW", "HIP", "KNEE"}
    assert len(JOINTS) == 8


def test_an_uncertain_keypoint_makes_no_angle() -> None:
    uncertain = pose(person(scores={Keypoint.LEFT_WRIST: 0.2}))
    angles = joint_angles(uncertain, 100, 100, 0.25)
    assert [joint for joint, angle in angles.items() if angle is None] == [Keypoint.LEFT_ELBOW]


def test_two_keypoints_in_one_place_make_no_angle() -> None:
    places = {Keypoint.LEFT_WRIST: (0.3, 0.3), Keypoint.LEFT_ELBOW: (0.3, 0.3)}
    angles = joint_angles(pose(person(places=places)), 100, 100, 0.25)
    assert angles[Keypoint.LEFT_ELBOW] is None


@hypothesis_settings(deadline=None)
@given(KEYPOINTS, SIZE, SIZE)
def test_every_angle_is_between_folded_and_straight(
    keypoints: FloatArray, width: int, height: int
) -> None:
    for angle in joint_angles(pose(keypoints), width, height, 0.5).values():
        assert angle is None or 0 <= angle <= 180


@hypothesis_settings(deadline=None)
@given(KEYPOINTS, SIZE, SIZE)
def test_a_mirrored_person_has_the_same_angles(
    keypoints: FloatArray, width: int, height: int
) -> None:
    mirrored = keypoints * np.array([-1, 1, 1], np.float32) + np.array([1, 0, 0], np.float32)
    there = joint_angles(pose(keypoints), width, height, 0.0)
    here = joint_angles(pose(mirrored), width, height, 0.0)
    for joint, (first, second) in JOINTS.items():
        sides = keypoints[[first, second], :2] - keypoints[joint, :2]
        if np.abs(sides * (width, height)).max(axis=1).min() > 1.0:  # else rounding decides
            assert here[joint] == pytest.approx(there[joint], abs=0.1)


@hypothesis_settings(deadline=None)
@given(KEYPOINTS, st.floats(0, 2 * math.pi))
def test_a_turned_camera_sees_the_same_angles(keypoints: FloatArray, turn: float) -> None:
    """In a square picture, where a rotation of normalised coordinates keeps the angles."""
    rotation = np.array(
        [[math.cos(turn), -math.sin(turn)], [math.sin(turn), math.cos(turn)]], np.float32
    )
    turned = keypoints.copy()
    turned[:, :2] = (keypoints[:, :2] - 0.5) @ rotation.T + 0.5
    there = joint_angles(pose(keypoints), 1000, 1000, 0.0)
    here = joint_angles(pose(turned), 1000, 1000, 0.0)
    for joint, (first, second) in JOINTS.items():
        sides = keypoints[[first, second], :2] - keypoints[joint, :2]
        if np.abs(sides).max(axis=1).min() > 0.01:
            assert here[joint] == pytest.approx(there[joint], abs=0.1)
