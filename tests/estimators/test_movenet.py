from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import pytest
from clips import load_picture
from helpers import Answer, FakeRuntime, answer, make_frame, noise, person
from hypothesis import given
from hypothesis import settings as hypothesis_settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp
from shared import shared_dir

from pose_edge.config.schema import ModelSettings, Settings
from pose_edge.errors import ModelError
from pose_edge.estimators import load_estimator
from pose_edge.estimators.confidence import Calibration
from pose_edge.estimators.crop import HIPS_RULE, Crop, fit_crop, square_around_hips, whole_frame
from pose_edge.estimators.keypoint_model import KeypointModel
from pose_edge.estimators.movenet import decode
from pose_edge.estimators.preshrink import Preshrinker
from pose_edge.estimators.sighting import Sighting
from pose_edge.estimators.single_person import (
    CANDIDATE_SCORE,
    MEMORY_S,
    SinglePersonEstimator,
)
from pose_edge.estimators.warp import warp_into
from pose_edge.frames import ColourOrder, Frame, Image
from pose_edge.poses import FloatArray, Keypoint
from pose_edge.runtimes import AnyArray, load_runtime
from pose_edge.sources.picture_file import read_picture
from pose_edge.telemetry import Stopwatch
from pose_edge.util import resources
from pose_edge.zoo.registry import ModelFile, Tensor, Zoo

WIDTH, HEIGHT, SIZE = 640, 480, 64
MIN_KEYPOINT, MIN_POSE = 0.2, 0.3
SIZES = [(SIZE, SIZE)]
WHOLE = fit_crop(whole_frame(WIDTH, HEIGHT), SIZES)
NOBODY = np.full((1, 1, 17, 3), 0.01, dtype=np.float32)


def movenet(
    *answers: FloatArray | Answer, dtype: str = "uint8", min_keypoints: int = 0
) -> tuple[SinglePersonEstimator, FakeRuntime]:
    runtime = FakeRuntime(list(answers), size=SIZE, dtype=dtype)
    estimator = SinglePersonEstimator(
        KeypointModel(runtime, decode),
        min_keypoint_score=MIN_KEYPOINT,
        min_pose_score=MIN_POSE,
        min_keypoints=min_keypoints,
    )
    return estimator, runtime


@pytest.mark.parametrize(
    ("calibration", "expected"), [(None, None), (((0.0, 0.1), (1.0, 0.6)), 0.55)]
)
def test_confidence_is_known_for_a_calibrated_model(
    calibration: Calibration | None, expected: float | None
) -> None:
    runtime = FakeRuntime([answer(person(), WHOLE, WIDTH, HEIGHT)], size=SIZE, dtype="uint8")
    model = KeypointModel(runtime, decode, calibration=calibration)
    estimator = SinglePersonEstimator(
        model, min_keypoint_score=MIN_KEYPOINT, min_pose_score=MIN_POSE, second_look=False
    )
    (found,) = estimator.estimate(frame()).poses
    if expected is None:
        assert found.confidence is None
    else:
        assert found.confidence is not None
        np.testing.assert_allclose(found.confidence, [expected] * 17, atol=0.001)


def frame(width: int = WIDTH, height: int = HEIGHT, seed: int = 1) -> Frame:
    return make_frame(noise(width, height, seed))


def view(of: Frame, crop: Crop) -> Image:
    """Return the picture that the model must be given for a crop."""
    target = np.zeros((SIZE, SIZE, 3), dtype=np.uint8)
    picture, part = Preshrinker().apply(of.image, crop, (SIZE, SIZE))
    warp_into(picture, of.order, part, target)
    return target


def seen(who: FloatArray, crop: Crop) -> FloatArray:
    return answer(who, crop, WIDTH, HEIGHT)


def crop_of(who: FloatArray, min_score: float = MIN_KEYPOINT) -> Crop:
    return fit_crop(square_around_hips(who, WIDTH, HEIGHT, min_score), SIZES)


NUMBERS = st.one_of(
    st.floats(-1, 2, width=32),
    st.floats(-(2.0**20), 2.0**20, width=32),
    st.sampled_from([np.nan, np.inf, -np.inf]),
)

SMALL = person(scale=0.4, centre=(0.4, 0.55))
LARGE = person(scale=1.8, centre=(0.5, 0.5))


# --- passes ---------------------------------------------------------------------------------------


def test_a_large_person_takes_one_look_at_the_whole_frame() -> None:
    estimator, runtime = movenet(seen(LARGE, WHOLE))
    picture = frame()
    estimate = estimator.estimate(picture)
    assert len(runtime.seen) == 1
    assert (runtime.seen[0][0] == view(picture, WHOLE)).all()
    assert estimate.poses[0].keypoints[:, :2] == pytest.approx(LARGE[:, :2].clip(0, 1), abs=1e-5)


def test_a_large_person_is_seen_closer_in_the_next_frame() -> None:
    tall = person(scale=1.6)
    close = crop_of(tall)
    assert HIPS_RULE.refine_below * WHOLE.size <= close.size < WHOLE.size
    estimator, runtime = movenet(seen(tall, WHOLE), seen(tall, close), seen(tall, close))
    pictures = [frame(seed=seed) for seed in range(3)]
    estimates = [estimator.estimate(picture) for picture in pictures]
    crops = (WHOLE, close, close)
    for picture, tensor, crop in zip(pictures, runtime.seen, crops, strict=True):
        assert (tensor[0] == view(picture, crop)).all()
    assert estimates[0].crop is None
    assert estimates[1].crop == pytest.approx(close.normalised(WIDTH, HEIGHT))


def test_whom_a_crop_does_not_show_is_not_sought_in_one_at_once() -> None:
    """A lying person, say, is found in the whole frame, but not in the crop around them."""
    tall = person(scale=1.6)
    close = crop_of(tall)
    estimator, runtime = movenet(
        *(seen(tall, WHOLE), NOBODY, seen(tall, WHOLE)), seen(tall, WHOLE), seen(tall, close)
    )
    picture = frame()
    looks = []
    for _ in range(4):
        before = len(runtime.seen)
        (pose,) = estimator.estimate(picture).poses
        assert pose.keypoints == pytest.approx(tall, abs=1e-5)
        looks.append(len(runtime.seen) - before)
    assert looks == [1, 2, 1, 1]


def test_a_small_person_gets_a_closer_look_in_the_same_frame() -> None:
    close = crop_of(SMALL, CANDIDATE_SCORE)
    better = SMALL.copy()
    better[:, :2] += 0.01
    unsure = SMALL.copy()
    unsure[:, 2] = 0.16  # too low for a pose, but enough for a candidate
    estimator, runtime = movenet(seen(unsure, WHOLE), seen(better, close))
    picture = frame()
    estimate = estimator.estimate(picture)
    assert len(runtime.seen) == 2
    assert (runtime.seen[0][0] == view(picture, WHOLE)).all()
    assert (runtime.seen[1][0] == view(picture, close)).all()
    assert estimate.poses[0].keypoints == pytest.approx(better, abs=1e-5)
    assert estimate.crop == pytest.approx(close.normalised(WIDTH, HEIGHT))


def test_a_followed_person_takes_one_look_at_the_crop_of_the_last_frame() -> None:
    first = crop_of(SMALL, CANDIDATE_SCORE)
    moved = SMALL.copy()
    moved[:, 0] += 0.1
    estimator, runtime = movenet(
        seen(SMALL, WHOLE), seen(SMALL, first), seen(moved, first), seen(moved, crop_of(moved))
    )
    pictures = [frame(seed=seed) for seed in range(3)]
    for picture in pictures:
        estimate = estimator.estimate(picture)
    assert len(runtime.seen) == 4
    assert (runtime.seen[2][0] == view(pictures[1], first)).all()
    assert (runtime.seen[3][0] == view(pictures[2], crop_of(moved))).all()
    assert estimate.poses[0].keypoints == pytest.approx(moved, abs=1e-5)


def test_the_crop_rests_while_the_person_moves_little() -> None:
    """The crop depends on the last answer and the answer on the crop: they must not keep moving."""
    first = crop_of(SMALL, CANDIDATE_SCORE)
    left, right = SMALL.copy(), SMALL.copy()
    left[:, 0] -= 0.01
    right[:, 0] += 0.01
    estimator, runtime = movenet(
        seen(SMALL, WHOLE), *(seen(who, first) for who in (SMALL, left, right, left))
    )
    picture = frame()
    for _ in range(4):
        estimate = estimator.estimate(picture)
        assert estimate.crop == pytest.approx(first.normalised(WIDTH, HEIGHT))
    assert all((tensor[0] == view(picture, first)).all() for tensor in runtime.seen[1:])


def test_who_is_lost_in_the_crop_is_looked_for_in_the_whole_same_frame() -> None:
    first = crop_of(SMALL, CANDIDATE_SCORE)
    elsewhere = person(centre=(0.8, 0.5), scale=0.6)
    closer = crop_of(elsewhere, CANDIDATE_SCORE)
    estimator, runtime = movenet(
        seen(SMALL, WHOLE),
        seen(SMALL, first),
        NOBODY,
        seen(elsewhere, WHOLE),
        seen(elsewhere, closer),
    )
    estimator.estimate(frame(seed=1))
    picture = frame(seed=2)
    estimate = estimator.estimate(picture)
    assert len(runtime.seen) == 5
    assert (runtime.seen[2][0] == view(picture, first)).all()
    assert (runtime.seen[3][0] == view(picture, WHOLE)).all()
    assert (runtime.seen[4][0] == view(picture, closer)).all()
    assert estimate.poses[0].keypoints[:, 0] == pytest.approx(elsewhere[:, 0].clip(0, 1), abs=1e-5)


def test_who_was_there_a_moment_ago_needs_no_confirmation() -> None:
    """A lying person, say, is found in the whole frame, but not in the crop around them."""
    first = crop_of(SMALL, CANDIDATE_SCORE)
    estimator, _ = movenet(
        seen(SMALL, WHOLE),
        seen(SMALL, first),
        *(NOBODY, seen(SMALL, WHOLE), NOBODY),
        *(seen(SMALL, WHOLE), NOBODY),
    )
    picture = make_frame(noise(WIDTH, HEIGHT), moment=5.0)
    for _ in range(3):
        (pose,) = estimator.estimate(picture).poses
        assert pose.keypoints == pytest.approx(SMALL, abs=1e-5)


@pytest.mark.parametrize("later", [5.0 + MEMORY_S + 0.1, 4.0])
def test_who_was_there_long_ago_is_a_newcomer(later: float) -> None:
    first = crop_of(SMALL, CANDIDATE_SCORE)
    estimator, _ = movenet(
        seen(SMALL, WHOLE), seen(SMALL, first), NOBODY, seen(SMALL, WHOLE), NOBODY
    )
    assert estimator.estimate(make_frame(noise(WIDTH, HEIGHT), moment=5.0)).poses
    assert not estimator.estimate(make_frame(noise(WIDTH, HEIGHT), moment=later)).poses


def test_somebody_elsewhere_is_a_newcomer() -> None:
    first = crop_of(SMALL, CANDIDATE_SCORE)
    elsewhere = person(scale=0.4, centre=(0.85, 0.55))
    estimator, _ = movenet(
        seen(SMALL, WHOLE), seen(SMALL, first), NOBODY, seen(elsewhere, WHOLE), NOBODY
    )
    picture = make_frame(noise(WIDTH, HEIGHT), moment=5.0)
    assert estimator.estimate(picture).poses
    assert not estimator.estimate(picture).poses


def test_reset_makes_everybody_a_newcomer() -> None:
    first = crop_of(SMALL, CANDIDATE_SCORE)
    estimator, _ = movenet(seen(SMALL, WHOLE), seen(SMALL, first), seen(SMALL, WHOLE), NOBODY)
    picture = make_frame(noise(WIDTH, HEIGHT), moment=5.0)
    assert estimator.estimate(picture).poses
    estimator.reset()
    assert not estimator.estimate(picture).poses


@pytest.mark.parametrize("count", [0, 1, 3, 4])
def test_few_keypoints_are_nobody(count: int) -> None:
    few = LARGE.copy()
    few[:, 2] = 0.05
    few[[Keypoint.NOSE, Keypoint.LEFT_HIP, Keypoint.LEFT_KNEE, Keypoint.LEFT_ANKLE][:count], 2] = (
        0.9
    )
    estimator, _ = movenet(seen(few, WHOLE), min_keypoints=4)
    assert len(estimator.estimate(frame()).poses) == (count == 4)


def test_keypoints_in_one_place_are_nobody() -> None:
    estimator, _ = movenet(seen(person(scale=0.001), WHOLE), min_keypoints=4)
    assert estimator.estimate(frame()).poses == []


def test_when_nobody_is_there_any_more_the_skeleton_goes_at_once() -> None:
    estimator, runtime = movenet(
        seen(SMALL, WHOLE), seen(SMALL, crop_of(SMALL, CANDIDATE_SCORE)), NOBODY
    )
    assert len(estimator.estimate(frame()).poses) == 1
    picture = frame(seed=3)
    assert estimator.estimate(picture).poses == []
    assert len(runtime.seen) == 4, "the crop, then the whole frame"
    assert estimator.estimate(picture).poses == []
    assert len(runtime.seen) == 5, "an empty frame takes one look"
    assert (runtime.seen[4][0] == view(picture, WHOLE)).all()


def test_an_empty_picture_has_nobody() -> None:
    estimator, runtime = movenet(NOBODY)
    for _ in range(3):
        estimate = estimator.estimate(frame())
        assert estimate.poses == []
        assert estimate.crop is None
    assert len(runtime.seen) == 3


def test_a_candidate_that_turns_out_to_be_nobody() -> None:
    unsure = SMALL.copy()
    unsure[:, 2] = 0.25
    estimator, runtime = movenet(seen(unsure, WHOLE), NOBODY)
    assert estimator.estimate(frame()).poses == []
    assert len(runtime.seen) == 2


@hypothesis_settings(max_examples=60, deadline=None)
@given(
    st.lists(hnp.arrays(np.float32, (1, 1, 17, 3), elements=NUMBERS), min_size=1, max_size=6),
    st.integers(1, 5),
)
def test_whatever_a_model_answers_there_are_three_looks_at_most_and_sane_poses(
    answers: list[FloatArray], count: int
) -> None:
    estimator, runtime = movenet(*answers)
    for index in range(count):
        before = len(runtime.seen)
        estimate = estimator.estimate(frame(seed=index))
        assert 1 <= len(runtime.seen) - before <= 3
        assert len(estimate.poses) <= 1
        for pose in estimate.poses:
            assert MIN_POSE <= pose.score <= 1
            assert pose.keypoints.dtype == np.float32
            assert np.isfinite(pose.keypoints).all()
            assert pose.keypoints.min() >= 0
            assert pose.keypoints.max() <= 1
            x0, y0, x1, y1 = pose.box
            assert 0 <= x0 <= x1 <= 1
            assert 0 <= y0 <= y1 <= 1
        if estimate.crop is not None:
            assert np.isfinite(estimate.crop).all()


def test_without_a_second_look_there_is_one_look_a_frame() -> None:
    runtime = FakeRuntime([seen(SMALL, WHOLE), NOBODY, seen(SMALL, WHOLE)], size=SIZE)
    estimator = SinglePersonEstimator(
        KeypointModel(runtime, decode),
        min_keypoint_score=MIN_KEYPOINT,
        min_pose_score=MIN_POSE,
        second_look=False,
    )
    pictures = [frame(seed=seed) for seed in range(3)]
    found = [len(estimator.estimate(picture).poses) for picture in pictures]
    assert found == [1, 0, 1]
    assert len(runtime.seen) == 3
    for picture, tensor, crop in zip(
        pictures, runtime.seen, (WHOLE, crop_of(SMALL), WHOLE), strict=True
    ):
        assert (tensor[0] == view(picture, crop)).all()


def test_a_single_look_has_no_memory() -> None:
    crop = Crop.square(100, 50, 300)
    estimator, runtime = movenet(seen(SMALL, crop), seen(SMALL, crop), NOBODY)
    picture = frame()
    (found,) = estimator.estimate_crop(picture, crop)
    assert found.keypoints == pytest.approx(SMALL, abs=1e-5)
    assert (runtime.seen[0][0] == view(picture, crop)).all()
    estimator.estimate_crop(picture, crop)
    assert estimator.estimate(picture).poses == []
    assert (runtime.seen[2][0] == view(picture, WHOLE)).all(), "what a look found is not followed"


def test_reset_looks_at_the_whole_frame_again() -> None:
    estimator, runtime = movenet(
        seen(SMALL, WHOLE), seen(SMALL, crop_of(SMALL, CANDIDATE_SCORE)), NOBODY
    )
    estimator.estimate(frame())
    estimator.reset()
    picture = frame(seed=5)
    estimator.estimate(picture)
    assert len(runtime.seen) == 3
    assert (runtime.seen[2][0] == view(picture, WHOLE)).all()


@pytest.mark.parametrize("size", [(320, 240), (480, 640)])
def test_another_frame_size_looks_at_the_whole_frame_again(size: tuple[int, int]) -> None:
    estimator, runtime = movenet(
        seen(SMALL, WHOLE), seen(SMALL, crop_of(SMALL, CANDIDATE_SCORE)), NOBODY
    )
    estimator.estimate(frame())
    picture = frame(*size)
    estimator.estimate(picture)
    assert len(runtime.seen) == 3
    assert (runtime.seen[2][0] == view(picture, fit_crop(whole_frame(*size), SIZES))).all()


def test_stages_are_timed() -> None:
    estimator, _ = movenet(seen(SMALL, WHOLE), seen(SMALL, crop_of(SMALL, CANDIDATE_SCORE)))
    stopwatch = Stopwatch()
    estimator.estimate(frame(), stopwatch)
    assert list(stopwatch.laps_ms) == ["preprocess", "inference", "postprocess"]
    assert all(value >= 0 for value in stopwatch.laps_ms.values())


# --- invalid numbers ------------------------------------------------------------------------------


@pytest.mark.parametrize("dtype", ["uint8", "int8", "int32", "float32"])
@pytest.mark.parametrize("order", ["RGB", "BGR"])
def test_every_type_of_input_gets_rgb_in_its_range(dtype: str, order: ColourOrder) -> None:
    estimator, runtime = movenet(NOBODY, dtype=dtype)
    picture = make_frame(noise(SIZE, SIZE), order=order)
    estimator.estimate(picture)
    (given_,) = runtime.seen
    assert given_.dtype == dtype
    rgb = picture.image if order == "RGB" else picture.image[:, :, ::-1]
    least = -128 if dtype == "int8" else 0
    assert (given_[0].astype(int) - least == rgb).all()


def test_decoding_turns_y_x_into_x_y() -> None:
    output = np.zeros((1, 1, 17, 3), dtype=np.float32)
    output[0, 0, Keypoint.LEFT_WRIST] = (0.25, 0.75, 0.5)
    keypoints = decode([output], (SIZE, SIZE))
    assert keypoints.shape == (17, 3)
    assert keypoints[Keypoint.LEFT_WRIST].tolist() == [0.75, 0.25, 0.5]


@pytest.mark.parametrize("bad", [np.nan, np.inf, -np.inf])
@pytest.mark.parametrize("place", [0, 1, 2])
def test_what_is_no_number_does_not_travel_on(bad: float, place: int) -> None:
    output = np.full((1, 1, 17, 3), 0.5, dtype=np.float32)
    output[0, 0, 3, place] = bad
    before = output.copy()
    keypoints = decode([output], (SIZE, SIZE))
    assert keypoints[3].tolist() == [0, 0, 0]
    assert (np.delete(keypoints, 3, axis=0) == 0.5).all()
    np.testing.assert_array_equal(output, before)


def test_scores_stay_within_0_and_1() -> None:
    output = np.full((1, 1, 17, 3), 0.5, dtype=np.float32)
    output[0, 0, 0, 2], output[0, 0, 1, 2] = 1.5, -0.5
    assert decode([output], (SIZE, SIZE))[:2, 2].tolist() == [1, 0]


def test_a_score_that_is_no_number_makes_no_person() -> None:
    estimator, _ = movenet(np.full((1, 1, 17, 3), np.nan, dtype=np.float32))
    assert estimator.estimate(frame()).poses == []


def test_the_score_is_the_mean_of_what_counts() -> None:
    keypoints = person(
        0.0, scores={Keypoint.NOSE: 0.9, Keypoint.LEFT_EYE: 0.5, Keypoint.LEFT_EAR: 0.1}
    )
    assert Sighting(keypoints, 0.2).score == pytest.approx(0.7)
    assert Sighting(keypoints, 0.95).score == 0
    assert Sighting(person(0.0), 0.0).score == 0


def test_joints_beyond_the_edge_lie_on_the_edge() -> None:
    leaving = person(centre=(0.97, 0.9), scale=0.8)
    estimator, _ = movenet(
        seen(leaving, WHOLE), lambda _: seen(leaving, crop_of(leaving, CANDIDATE_SCORE))
    )
    (found,) = estimator.estimate(frame()).poses
    assert leaving[:, :2].max() > 1
    assert found.keypoints[:, :2] == pytest.approx(leaving[:, :2].clip(0, 1), abs=1e-5)
    assert found.box[2:] == (1, 1)


def test_the_persons_left_stays_left() -> None:
    estimator, _ = movenet(seen(SMALL, WHOLE), seen(SMALL, crop_of(SMALL, CANDIDATE_SCORE)))
    (found,) = estimator.estimate(frame()).poses
    for name in ("SHOULDER", "ELBOW", "WRIST", "HIP", "KNEE", "ANKLE", "EYE", "EAR"):
        left, right = (found.keypoints[Keypoint[f"{side}_{name}"], 0] for side in ("LEFT", "RIGHT"))
        assert left > right, "seen from the front, the person's left is on the right"


def test_poses_do_not_share_memory_from_frame_to_frame() -> None:
    estimator, _ = movenet(
        seen(LARGE, WHOLE), lambda _: seen(person(scale=1.8, centre=(0.45, 0.5)), WHOLE)
    )
    (first,) = estimator.estimate(frame()).poses
    kept = first.keypoints.copy()
    estimator.estimate(frame())
    assert (first.keypoints == kept).all()


# --- which models ---------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("shape", "dtype", "outputs"),
    [
        ((1, 192, 192, 1), "uint8", None),
        ((2, 192, 192, 3), "uint8", None),
        ((192, 192, 3), "uint8", None),
        ((1, 192, 192, 3), "uint8", [Tensor(shape=(1, 7, 56), dtype="float32")]),
        ((1, 192, 192, 3), "uint8", [Tensor(shape=(1, 1, 17, 3), dtype="uint8")]),
        ((1, 192, 192, 3), "uint8", [Tensor(shape=(1, 1, 17, 3), dtype="float32")] * 2),
    ],
)
def test_what_is_no_movenet_is_refused(
    shape: tuple[int, ...], dtype: str, outputs: list[Tensor] | None
) -> None:
    runtime = FakeRuntime(shape=shape, dtype=dtype, outputs=outputs)
    model = ModelFile("own", Path("own.tflite"))
    with pytest.raises(ModelError) as error:
        load_estimator(model, runtime, ModelSettings())
    message = str(error.value)
    assert "own.tflite is not a model that can be read" in message
    assert str(runtime.input) in message
    assert "\n" not in message
    with pytest.raises(ModelError):
        load_estimator(model, runtime, ModelSettings())


@pytest.mark.parametrize("dtype", ["uint8", "int8", "int32", "float32"])
@pytest.mark.parametrize("size", [192, 256])
def test_a_movenet_is_accepted(dtype: str, size: int) -> None:
    runtime = FakeRuntime([NOBODY], size=size, dtype=dtype)
    estimator = load_estimator(ModelFile("own", Path("own.tflite")), runtime, ModelSettings())
    assert estimator.runtime is runtime
    assert estimator.estimate(frame()).poses == []


# --- the real models ------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def models() -> dict[str, SinglePersonEstimator]:
    settings = ModelSettings(threads=2)
    loaded = {}
    for name in ("movenet-lightning-fp16", "movenet-thunder-fp16"):
        file = Zoo().find(name)
        estimator = load_estimator(file, load_runtime(file, Settings(model=settings)), settings)
        assert isinstance(estimator, SinglePersonEstimator)
        loaded[name] = estimator
    return loaded


def demo_frame(number: int) -> Frame:
    capture = cv2.VideoCapture(str(resources.demo_clip()))
    for _ in range(number + 1):
        ok, image = capture.read()
        assert ok
    capture.release()
    return make_frame(np.asarray(image, dtype=np.uint8), index=number)


# Joints of the woman who walks to the left through the demo clip, located by eye: nose, shoulders,
# elbows, wrists, hips, knees, ankles, left before right; in pixels of 1280x720.
SEEN = {
    120: [
        *((580, 399), (615, 429), (598, 434), (638, 479), (574, 482), (663, 521), (539, 504)),
        *((598, 520), (595, 518), (560, 586), (617, 588), (559, 657), (671, 643)),
    ],
    150: [
        *((362, 395), (392, 420), (393, 424), (405, 473), (363, 471), (422, 520), (326, 497)),
        *((382, 520), (389, 519), (342, 585), (397, 587), (322, 661), (420, 651)),
    ],
}
BODY = [int(k) for k in Keypoint if k.name == "NOSE" or k.name.split("_")[1] not in ("EYE", "EAR")]


@pytest.mark.parametrize("number", SEEN)
def test_both_models_find_the_walker_of_the_demo_clip(
    models: dict[str, SinglePersonEstimator], number: int
) -> None:
    picture = demo_frame(number)
    found = []
    for estimator in models.values():
        estimator.reset()
        (pose,) = estimator.estimate(picture).poses
        assert pose.score > 0.6
        pixels = pose.keypoints[:, :2] * (1280, 720)
        # She is 270 pixels tall: 15 pixels are less than half the height of her head.
        assert np.abs(pixels[BODY] - SEEN[number]).max() < 15
        found.append(pixels)
    assert np.abs(found[0] - found[1]).max() < 15


@pytest.mark.parametrize("number", [18, 20])
def test_a_scene_without_a_person_has_no_skeleton(
    models: dict[str, SinglePersonEstimator], number: int
) -> None:
    """The left half is cut off: somebody is in the air there, whom not every model finds."""
    picture = make_frame(np.ascontiguousarray(demo_frame(number).image[:, 640:]), order="BGR")
    for estimator in models.values():
        estimator.reset()
        assert estimator.estimate(picture).poses == []


def test_colours_in_the_wrong_order_would_show(models: dict[str, SinglePersonEstimator]) -> None:
    """The answer does not depend on the order, as each frame states its own."""
    bgr = demo_frame(150)
    rgb = make_frame(np.ascontiguousarray(bgr.image[:, :, ::-1]), order="RGB")
    estimator = models["movenet-lightning-fp16"]
    answers = []
    for picture in (bgr, rgb):
        estimator.reset()
        answers.append(estimator.estimate(picture).poses[0].keypoints)
    assert (answers[0] == answers[1]).all()


def golden_case(model: str, image: str) -> dict[str, Any]:
    folder = shared_dir("data", "golden")
    cases = json.loads((folder / "golden.json").read_text(encoding="utf-8"))["cases"]
    (case,) = [c for c in cases if (c["model"], c["image"]) == (model, image)]
    return {**case, "path": folder / image}


@pytest.mark.parametrize(
    ("name", "golden", "ties"),
    [
        ("movenet-lightning-fp16", "singlepose_lightning", []),
        # The right wrist has two equal peaks: rounding decides which one wins.
        ("movenet-thunder-fp16", "singlepose_thunder", [Keypoint.RIGHT_WRIST]),
    ],
)
def test_the_answer_of_another_implementation(
    models: dict[str, SinglePersonEstimator], name: str, golden: str, ties: list[Keypoint]
) -> None:
    case = golden_case(golden, "t2.jpg")
    runtime = models[name].runtime
    size = runtime.input.shape[1]
    bgr = cv2.resize(load_picture(str(case["path"])), (size, size), interpolation=cv2.INTER_LINEAR)
    tensor: AnyArray = cv2.cvtColor(bgr, cv2.COLOR_BGR2RGB)[np.newaxis].astype(runtime.input.dtype)
    keypoints = decode(runtime.run(tensor), (size, size))
    sure = np.array(case["scores"][0]) > 0.3
    sure[ties] = False
    assert sure.sum() >= 16
    difference = np.abs(keypoints[:, :2] - np.array(case["keypoints"][0]))
    assert difference[sure].max() < 0.001


@pytest.mark.parametrize("image", ["image1.png", "image2.jpeg"])
def test_thunder_is_near_the_truth(models: dict[str, SinglePersonEstimator], image: str) -> None:
    case = golden_case("any MoveNet", image)
    picture = read_picture(case["path"])
    estimator = models["movenet-thunder-fp16"]
    estimator.reset()
    (pose,) = estimator.estimate(make_frame(picture)).poses
    height, width = picture.shape[:2]
    difference = np.abs(pose.keypoints[:, :2] * (width, height) - np.array(case["keypoints"][0]))
    assert difference.max() < 21
