from __future__ import annotations

import json
import math
from collections.abc import Sequence
from pathlib import Path

import cv2
import numpy as np
import pytest
from clips import demo_frames, load_picture
from helpers import make_frame, noise, person
from hypothesis import assume, given
from hypothesis import settings as hypothesis_settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp
from shared import shared_dir

from pose_edge.config.schema import ModelSettings, Settings
from pose_edge.estimators import load_estimator
from pose_edge.estimators.crop import Crop, whole_frame
from pose_edge.estimators.multi_person import MultiPersonEstimator
from pose_edge.estimators.multipose import MAX_PEOPLE, MIN_POSE_SCORE, VALUES, decode
from pose_edge.poses import FloatArray, Keypoint, Pose, Provenance
from pose_edge.runtimes import AnyArray, Runtime, load_runtime
from pose_edge.telemetry import Stopwatch
from pose_edge.zoo.registry import ModelFile, Tensor, Zoo

MODEL = "movenet-multipose-int8"
SIZES = ((256, 256), (224, 288), (192, 320), (288, 224), (320, 192))
MIN_KEYPOINT, MIN_POSE = 0.2, 0.25
NUMBERS = st.one_of(
    st.floats(-1, 2, width=32),
    st.floats(-(2.0**20), 2.0**20, width=32),
    st.sampled_from([np.nan, np.inf, -np.inf]),
)


def rows(*persons: tuple[FloatArray, float]) -> FloatArray:
    """Return the model's output for persons, each given as keypoints (17, 3) and a score."""
    output = np.zeros((1, MAX_PEOPLE, VALUES), dtype=np.float32)
    for row, (keypoints, score) in zip(output[0], persons, strict=False):
        row[:51] = keypoints[:, [1, 0, 2]].reshape(-1)
        # The model's own box is wrong here on purpose: the decoder must ignore it.
        row[51:55] = (0.9, 0.9, 0.1, 0.1)
        row[55] = score
    return output


class Sized:
    """A runtime with several input sizes; it gives a fixed answer or finds a bright spot."""

    provenance = Provenance("fake-model", "fake")

    def __init__(
        self,
        answer: FloatArray | None = None,
        sizes: Sequence[tuple[int, int]] = SIZES,
        *,
        find_dot: bool = False,
    ) -> None:
        self.answer = rows() if answer is None else answer
        self.sizes = tuple(sizes)
        self.find_dot = find_dot
        self.seen: list[AnyArray] = []
        self.input = Tensor(shape=(1, *self.sizes[0], 3), dtype="uint8")
        self.outputs = (Tensor(shape=(1, MAX_PEOPLE, VALUES), dtype="float32"),)

    def close(self) -> None:
        """Do nothing: there is nothing to free."""

    def run(self, tensor: AnyArray) -> list[AnyArray]:
        assert tensor.shape in [(1, *size, 3) for size in self.sizes]
        assert tensor.dtype == np.uint8
        self.seen.append(tensor.copy())
        return [dot_answer(tensor[0]) if self.find_dot else self.answer]

    def describe(self) -> str:
        return "a fake"


def dot_answer(picture: AnyArray) -> FloatArray:
    """Return the output of a model that puts the nose on the bright spot of its input."""
    weights = np.asarray(picture, dtype=np.float64).sum(axis=2)
    assert weights.sum() > 0, "the spot is not in the input"
    ys, xs = np.indices(weights.shape)
    x = ((xs * weights).sum() / weights.sum() + 0.5) / weights.shape[1]
    y = ((ys * weights).sum() / weights.sum() + 0.5) / weights.shape[0]
    return rows((person(0.0, places={Keypoint.NOSE: (x, y)}, scores={Keypoint.NOSE: 0.9}), 0.9))


def several(runtime: Runtime, *, max_people: int = 6) -> MultiPersonEstimator:
    return MultiPersonEstimator(
        runtime,
        decode,
        min_keypoint_score=MIN_KEYPOINT,
        min_pose_score=MIN_POSE,
        max_people=max_people,
    )


# --- decoding -------------------------------------------------------------------------------------


def test_values_are_y_x_score_then_the_box_then_the_persons_score() -> None:
    output = np.zeros((1, 6, 56), dtype=np.float32)
    output[0, 2] = np.arange(56) / 100
    persons = decode([output], (256, 256))
    assert len(persons) == 6
    keypoints, score = persons[2]
    assert keypoints.shape == (17, 3)
    for index, keypoint in enumerate(keypoints):
        x, y, s = (3 * index + 1) / 100, 3 * index / 100, (3 * index + 2) / 100
        assert keypoint == pytest.approx([x, y, s])
    assert score == pytest.approx(0.55)
    assert [score for index, (_, score) in enumerate(persons) if index != 2] == [0] * 5


@pytest.mark.parametrize("bad", [np.nan, np.inf, -np.inf])
@pytest.mark.parametrize("place", [0, 1, 2])
def test_what_is_no_number_does_not_travel_on(bad: float, place: int) -> None:
    output = np.full((1, 6, 56), 0.5, dtype=np.float32)
    output[0, 1, 3 * 4 + place] = bad
    before = output.copy()
    (first, _), (keypoints, score), *_ = decode([output], (256, 256))
    assert keypoints[4].tolist() == [0, 0, 0]
    assert (np.delete(keypoints, 4, axis=0) == 0.5).all()
    assert (first == 0.5).all()
    assert score == 0.5
    np.testing.assert_array_equal(output, before)


@pytest.mark.parametrize(
    ("given_", "expected"), [(np.nan, 0), (np.inf, 0), (-np.inf, 0), (1.5, 1), (-0.5, 0), (1, 1)]
)
def test_the_persons_score_stays_within_0_and_1(given_: float, expected: float) -> None:
    output = np.full((1, 6, 56), 0.5, dtype=np.float32)
    output[0, 3, 55] = given_
    assert decode([output], (256, 256))[3][1] == expected


@given(hnp.arrays(np.float32, (1, 6, 56), elements=NUMBERS))
def test_whatever_the_model_answers_is_made_sane(output: FloatArray) -> None:
    for keypoints, score in decode([output], (256, 256)):
        assert np.isfinite(keypoints).all()
        assert (keypoints[:, 2] >= 0).all()
        assert (keypoints[:, 2] <= 1).all()
        assert 0 <= score <= 1


# --- who is there ---------------------------------------------------------------------------------


def found(
    answer: FloatArray, size: tuple[int, int] = (640, 640), max_people: int = 6
) -> list[Pose]:
    estimator = several(Sized(answer), max_people=max_people)
    return estimator.estimate(make_frame(noise(*size))).poses


def test_the_best_come_first_and_who_is_below_the_threshold_is_not_there() -> None:
    bodies = [person(0.8, centre=(0.1 * n + 0.2, 0.5), scale=0.3) for n in range(6)]
    scores = [0.3, 0.9, 0.2499, 0.0, 0.25, 0.6]
    poses = found(rows(*zip(bodies, scores, strict=True)))
    assert [pose.score for pose in poses] == pytest.approx([0.9, 0.6, 0.3, 0.25])
    for pose, index in zip(poses, (1, 5, 0, 4), strict=True):
        assert pose.keypoints == pytest.approx(bodies[index], abs=1e-5)


@pytest.mark.parametrize("limit", [1, 2, 5, 6])
def test_no_more_people_than_asked_for_the_best(limit: int) -> None:
    bodies = [(person(0.8, centre=(0.1 * n + 0.2, 0.5)), 0.3 + 0.1 * n) for n in range(6)]
    poses = found(rows(*bodies), max_people=limit)
    assert [pose.score for pose in poses] == pytest.approx([0.8, 0.7, 0.6, 0.5, 0.4, 0.3][:limit])


@pytest.mark.parametrize("count", [0, 1, 2, 3])
def test_few_keypoints_are_nobody(count: int) -> None:
    few = person(0.05)
    few[:count, 2] = 0.9
    runtime = Sized(rows((few, 0.9), (person(0.9, scale=0.0), 0.9)))
    estimator = load_estimator(ModelFile("own", Path("own.tflite")), runtime, ModelSettings())
    assert len(estimator.estimate(make_frame(noise(64, 48))).poses) == (count == 3)


def test_an_empty_picture_has_nobody() -> None:
    estimate = several(Sized()).estimate(make_frame(noise(640, 480)))
    assert estimate.poses == []
    assert estimate.crop is None


def test_the_box_is_that_of_the_keypoints_that_count() -> None:
    body = person(0.8, scale=0.5, places={Keypoint.LEFT_WRIST: (0.99, 0.01)})
    body[Keypoint.LEFT_WRIST, 2] = 0.1
    (pose,) = found(rows((body, 0.8)))
    counting = np.delete(body, Keypoint.LEFT_WRIST, axis=0)
    assert pose.box == pytest.approx(
        (*counting[:, :2].min(axis=0), *counting[:, :2].max(axis=0)), abs=1e-5
    )


@pytest.mark.parametrize("size", [(640, 640), (640, 360), (360, 640)])
def test_joints_beyond_the_edge_lie_on_the_edge(size: tuple[int, int]) -> None:
    body = person(0.8, centre=(0.95, 0.95), scale=1.5)
    (pose,) = found(rows((body, 0.8)), size)
    assert pose.keypoints[:, :2].min() >= 0
    assert pose.keypoints[:, :2].max() == 1
    assert pose.box[2:] == (1, 1)


@hypothesis_settings(max_examples=50, deadline=None)
@given(
    hnp.arrays(np.float32, (1, 6, 56), elements=NUMBERS),
    st.sampled_from([(64, 48), (48, 64), (50, 50), (200, 20)]),
)
def test_whatever_a_model_answers_the_poses_are_sane(
    answer: FloatArray, size: tuple[int, int]
) -> None:
    poses = found(answer, size)
    scores = [pose.score for pose in poses]
    assert scores == sorted(scores, reverse=True)
    for pose in poses:
        assert MIN_POSE <= pose.score <= 1
        assert np.isfinite(pose.keypoints).all()
        assert pose.keypoints.min() >= 0
        assert pose.keypoints.max() <= 1
        x0, y0, x1, y1 = pose.box
        assert 0 <= x0 <= x1 <= 1
        assert 0 <= y0 <= y1 <= 1


# --- where they are -------------------------------------------------------------------------------


@hypothesis_settings(max_examples=60, deadline=None)
@given(
    st.integers(64, 900),
    st.integers(64, 900),
    st.floats(0.03, 0.97),
    st.floats(0.03, 0.97),
    st.sampled_from([SIZES, SIZES[:1], SIZES[2:3], SIZES[4:]]),
)
def test_a_spot_of_the_frame_comes_back_where_it_is(
    width: int, height: int, x: float, y: float, sizes: Sequence[tuple[int, int]]
) -> None:
    assume(max(width, height) < 6 * min(width, height))
    picture = np.zeros((height, width, 3), dtype=np.uint8)
    radius = max(3, round(max(width, height) / 40))
    centre = round(x * width), round(y * height)
    cv2.circle(picture, centre, radius, (255, 255, 255), -1, cv2.LINE_AA)
    weights = picture[:, :, 0].astype(np.float64)
    ys, xs = np.indices(weights.shape)
    true_x = ((xs * weights).sum() / weights.sum() + 0.5) / width
    true_y = ((ys * weights).sum() / weights.sum() + 0.5) / height

    runtime = Sized(find_dot=True, sizes=sizes)
    (pose,) = several(runtime).estimate(make_frame(picture)).poses
    nose = pose.keypoints[Keypoint.NOSE]
    # Sampling is exact to a pixel of the input, here in pixels of the frame.
    _, input_height, input_width, _ = runtime.seen[0].shape
    seen = whole_frame(width, height).shaped((input_height, input_width))
    unit = max(seen.width / input_width, 1.0)
    assert nose[0] * width == pytest.approx(true_x * width, abs=unit)
    assert nose[1] * height == pytest.approx(true_y * height, abs=unit)


@pytest.mark.parametrize(
    ("size", "input_size"),
    [
        ((640, 360), (192, 320)),
        ((1280, 720), (192, 320)),
        ((640, 480), (224, 288)),
        ((500, 500), (256, 256)),
        ((510, 500), (256, 256)),
        ((480, 640), (288, 224)),
        ((720, 1280), (320, 192)),
        ((900, 100), (192, 320)),
        ((100, 900), (320, 192)),
    ],
)
def test_the_input_size_suits_the_frame(size: tuple[int, int], input_size: tuple[int, int]) -> None:
    runtime = Sized()
    several(runtime).estimate(make_frame(noise(*size)))
    assert runtime.seen[0].shape == (1, *input_size, 3)


@hypothesis_settings(max_examples=60, deadline=None)
@given(st.integers(16, 1200), st.integers(16, 1200))
def test_no_other_input_size_would_show_more_of_the_frames_pixels(width: int, height: int) -> None:
    runtime = Sized()
    several(runtime).estimate(make_frame(np.zeros((height, width, 3), dtype=np.uint8)))

    def shrinks_by(size: tuple[int, int]) -> float:
        return whole_frame(width, height).shaped(size).width / size[1]

    _, input_height, input_width, _ = runtime.seen[0].shape
    assert shrinks_by((input_height, input_width)) <= min(map(shrinks_by, SIZES)) + 1e-9


def test_the_size_follows_the_frame() -> None:
    runtime = Sized()
    estimator = several(runtime)
    sizes = [(640, 360)] * 3 + [(360, 640)] * 2 + [(360, 360)]
    for size in sizes:
        estimator.estimate(make_frame(noise(*size)))
    expected = [(192, 320)] * 3 + [(320, 192)] * 2 + [(256, 256)]
    assert [tensor.shape[1:3] for tensor in runtime.seen] == expected


def test_what_the_model_sees_is_the_frame_with_black_bars_in_rgb() -> None:
    runtime = Sized(sizes=[(100, 100)])
    image = np.zeros((50, 100, 3), dtype=np.uint8)
    image[:, :, 0] = 255  # blue
    several(runtime).estimate(make_frame(image))
    (seen,) = runtime.seen
    assert (seen[0, 26:74] == (0, 0, 255)).all()
    assert (seen[0, :24] == 0).all()
    assert (seen[0, 76:] == 0).all()


def test_a_look_at_a_part_gives_places_in_the_whole_frame() -> None:
    body = person(0.8, scale=0.6)
    runtime = Sized(rows((body, 0.7)))
    crop = Crop.square(100, 50, 200)
    (pose,) = several(runtime).estimate_crop(make_frame(noise(640, 480)), crop)
    assert runtime.seen[0].shape == (1, 256, 256, 3)
    assert pose.keypoints[:, 0] == pytest.approx((100 + body[:, 0] * 200) / 640, abs=1e-5)
    assert pose.keypoints[:, 1] == pytest.approx((50 + body[:, 1] * 200) / 480, abs=1e-5)


def test_nothing_is_kept_from_frame_to_frame() -> None:
    runtime = Sized(rows((person(0.8), 0.7)))
    estimator = several(runtime)
    picture = make_frame(noise(640, 480))
    (first,) = estimator.estimate(picture).poses
    kept = first.keypoints.copy()
    runtime.answer = rows((person(0.8, centre=(0.3, 0.3)), 0.7))
    estimator.estimate(picture)
    assert (first.keypoints == kept).all()
    runtime.answer = rows()
    assert estimator.estimate(picture).poses == []
    estimator.reset()
    runtime.answer = rows((person(0.8), 0.7))
    (again,) = estimator.estimate(picture).poses
    assert (again.keypoints == kept).all()
    assert (runtime.seen[0] == runtime.seen[-1]).all()


def test_stages_are_timed() -> None:
    stopwatch = Stopwatch()
    several(Sized()).estimate(make_frame(noise(64, 48)), stopwatch)
    assert list(stopwatch.laps_ms) == ["preprocess", "inference", "postprocess"]


def test_settings_reach_the_estimator() -> None:
    bodies = [(person(0.8, centre=(0.2 * n + 0.2, 0.5)), 0.2 + 0.1 * n) for n in range(4)]
    model = ModelFile("own", Path("own.tflite"))
    frame = make_frame(noise(64, 64))
    least = MIN_POSE_SCORE
    for settings, expected in (
        (ModelSettings(), [s for s in (0.5, 0.4, 0.3, 0.2) if s >= least]),
        (ModelSettings(min_pose_score=0.35), [0.5, 0.4]),
        (ModelSettings(min_pose_score=0.0, max_people=2), [0.5, 0.4]),
    ):
        estimator = load_estimator(model, Sized(rows(*bodies)), settings)
        scores = [pose.score for pose in estimator.estimate(frame).poses]
        assert scores == pytest.approx(expected)


# --- the real model -------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def real() -> MultiPersonEstimator:
    zoo = Zoo()
    if MODEL not in zoo.entries:
        pytest.skip(f"{MODEL} is not among the models that ship")
    file, settings = zoo.find(MODEL), ModelSettings(threads=2)
    estimator = load_estimator(file, load_runtime(file, Settings(model=settings)), settings)
    assert isinstance(estimator, MultiPersonEstimator)
    return estimator


@pytest.mark.parametrize("image", ["t1.jpg", "t2.jpg", "t4.jpg"])
def test_the_answer_of_another_implementation(real: MultiPersonEstimator, image: str) -> None:
    folder = shared_dir("data", "golden")
    cases = json.loads((folder / "golden.json").read_text(encoding="utf-8"))["cases"]
    (case,) = [c for c in cases if (c["model"], c["image"]) == ("multipose_lightning", image)]
    bgr = cv2.resize(load_picture(folder / image), (256, 256), interpolation=cv2.INTER_LINEAR)
    tensor: AnyArray = cv2.cvtColor(bgr, cv2.COLOR_BGR2RGB)[np.newaxis]
    persons = [
        keypoints
        for keypoints, score in decode(real.runtime.run(tensor), (256, 256))
        if score >= 0.2
    ]
    assert len(persons) >= len(case["keypoints"])
    for true_points, true_scores in zip(case["keypoints"], case["scores"], strict=True):
        sure = np.array(true_scores) > 0.3
        assert sure.sum() >= 5
        difference = min(
            float(np.abs(keypoints[:, :2] - np.array(true_points))[sure].max())
            for keypoints in persons
        )
        assert difference < 0.015  # other kernels of the runtime differ by up to 0.0115


@pytest.mark.parametrize("number", [50, 70])
def test_both_people_of_the_demo_clip_are_found(real: MultiPersonEstimator, number: int) -> None:
    """A man jumps on the roof on the left; a woman walks in from the right."""
    (image,) = demo_frames(range(number, number + 1))
    poses = real.estimate(make_frame(image)).poses
    middles = sorted(
        ((pose.box[0] + pose.box[2]) / 2, (pose.box[1] + pose.box[3]) / 2) for pose in poses
    )
    assert len(middles) == 2
    assert middles[0] == pytest.approx((0.36, 0.23), abs=0.05)
    assert middles[1] == pytest.approx({50: (0.84, 0.75), 70: (0.74, 0.73)}[number], abs=0.05)


@pytest.mark.parametrize("shape", ["landscape", "portrait", "square"])
def test_the_walker_is_found_in_a_frame_of_any_shape(
    real: MultiPersonEstimator, shape: str
) -> None:
    """The same person in three cut-outs is found at the same place of the whole picture."""
    (image,) = demo_frames(range(120, 121))
    x0, y0, x1, y1 = {
        "landscape": (260, 360, 900, 720),
        "portrait": (500, 300, 740, 720),
        "square": (420, 340, 800, 720),
    }[shape]
    part = np.ascontiguousarray(image[y0:y1, x0:x1])
    pose = real.estimate(make_frame(part)).poses[0]
    pixels = pose.keypoints[:, :2] * (x1 - x0, y1 - y0) + (x0, y0)
    # By eye: nose, shoulders, hips.
    seen = {
        Keypoint.NOSE: (580, 399),
        Keypoint.LEFT_SHOULDER: (615, 429),
        Keypoint.RIGHT_SHOULDER: (598, 434),
        Keypoint.LEFT_HIP: (598, 520),
        Keypoint.RIGHT_HIP: (595, 518),
    }
    for keypoint, place in seen.items():
        assert math.dist(pixels[keypoint], place) < 25, keypoint.name
