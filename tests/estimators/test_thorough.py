from __future__ import annotations

import numpy as np
from helpers import FakeRuntime, answer, make_frame, noise, person
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

from pose_edge.estimators.crop import Crop
from pose_edge.estimators.keypoint_model import KeypointModel
from pose_edge.estimators.movenet import decode
from pose_edge.estimators.thorough import SMALLER_CROP, combine, mirror, run_thoroughly
from pose_edge.poses import FloatArray, Keypoint
from pose_edge.telemetry import Stopwatch

WIDTH, HEIGHT = 640, 480
CROP = Crop.square(200.0, 100.0, 300.0)
KEYPOINTS = hnp.arrays(np.float32, (17, 3), elements=st.floats(0, 1, width=32))
REACH = (0.05, 0.05)


@given(KEYPOINTS)
def test_mirrored_twice_is_unchanged(keypoints: FloatArray) -> None:
    np.testing.assert_allclose(mirror(mirror(keypoints)), keypoints, atol=1e-6)


def test_left_and_right_change_places_in_a_mirror() -> None:
    keypoints = person(places={Keypoint.LEFT_WRIST: (0.9, 0.3)})
    np.testing.assert_allclose(mirror(keypoints)[Keypoint.RIGHT_WRIST, :2], (0.1, 0.3), atol=1e-6)


@given(KEYPOINTS, KEYPOINTS)
def test_each_keypoint_is_the_mean_or_one_of_both(one: FloatArray, other: FloatArray) -> None:
    mean, found = (one + other) / 2, combine(one, other, REACH)
    for keypoint in range(17):
        choices = (one[keypoint], other[keypoint], mean[keypoint])
        assert any(np.array_equal(found[keypoint], choice) for choice in choices)
    np.testing.assert_array_equal(found[:, 2] >= mean[:, 2], True)


def test_near_answers_are_averaged_and_of_distant_ones_the_surer_is_taken() -> None:
    one, near, far = person(0.5), person(0.7), person(0.7)
    near[:, 0] += 0.02
    far[:, 0] += 0.2
    np.testing.assert_allclose(combine(one, near, REACH), (one + near) / 2)
    np.testing.assert_array_equal(combine(one, far, REACH), far)
    np.testing.assert_array_equal(combine(far, one, REACH), far)


def test_a_perfect_model_is_confirmed_by_the_mirror_and_from_nearer() -> None:
    found, size = person(), (WIDTH, HEIGHT)
    closer = CROP.scaled(SMALLER_CROP)

    def mirrored(crop: Crop) -> Crop:
        return Crop(WIDTH - crop.left - crop.width, crop.top, crop.width, crop.height)

    answers = [
        answer(mirror(found), mirrored(CROP), *size),
        answer(found, closer, *size),
        answer(mirror(found), mirrored(closer), *size),
    ]
    runtime = FakeRuntime(list(answers), size=64)
    picture = noise(WIDTH, HEIGHT)
    improved = run_thoroughly(
        KeypointModel(runtime, decode), make_frame(picture), CROP, found, Stopwatch()
    )
    np.testing.assert_allclose(improved, found, atol=1e-5)
    assert len(runtime.seen) == 3
    # The crops were mirrored: the last input is the mirror image of the one before.
    np.testing.assert_allclose(
        runtime.seen[2][0].astype(int), runtime.seen[1][0, :, ::-1].astype(int), atol=2
    )
