"""The search for other people, and the geometry of crops that it needs."""

from __future__ import annotations

import math

import numpy as np
import pytest
from helpers import FakeRuntime, answer, make_frame, noise, person
from hypothesis import given
from hypothesis import settings as hypothesis_settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

from pose_edge.estimators.crop import Crop, fit_crop, square_around_hips, whole_frame
from pose_edge.estimators.keypoint_model import KeypointModel
from pose_edge.estimators.movenet import decode
from pose_edge.estimators.preshrink import Preshrinker
from pose_edge.estimators.single_person import (
    CANDIDATE_SCORE,
    SEARCH_INTERVAL_S,
    SWITCH_MARGIN,
    SinglePersonEstimator,
)
from pose_edge.estimators.warp import warp_into
from pose_edge.frames import Frame
from pose_edge.poses import FloatArray
from pose_edge.runtimes import AnyArray

WIDTH, HEIGHT, SIZE = 640, 480, 64
MIN_KEYPOINT, MIN_POSE = 0.2, 0.3
SIZES = [(SIZE, SIZE)]
WHOLE = fit_crop(whole_frame(WIDTH, HEIGHT), SIZES)
START = 100.0

FIRST = person(0.5, scale=0.35, centre=(0.25, 0.5))
"""The person who is followed."""


def other(score: float) -> FloatArray:
    """Return somebody who stands far away from FIRST."""
    return person(score, scale=0.35, centre=(0.75, 0.5))


class Scene(FakeRuntime):
    """A perfect model: it recognises the crop that it gets, and answers with a person in it.

    In the whole frame that is `people[prominent]`, in a crop the first person whose hips it holds.
    """

    def __init__(self, *people: FloatArray) -> None:
        super().__init__(size=SIZE)
        self.people = list(people)
        self.prominent = 0
        self.picture = noise(WIDTH, HEIGHT)
        self.looks: list[Crop] = []
        self.crops: list[Crop] = [WHOLE]

    def expect(self, *crops: Crop) -> None:
        self.crops = [WHOLE, *crops]

    def run(self, tensor: AnyArray) -> list[AnyArray]:
        (crop,) = [crop for crop in self.crops if (tensor[0] == self._view(crop)).all()]
        self.looks.append(crop)
        if crop == WHOLE:
            who = self.people[self.prominent] if self.people else None
        else:
            inside = [p for p in self.people if Crop.square(*_hips(p), 1).overlaps(crop)]
            who = inside[0] if inside else None
        if who is None:
            return [np.full((1, 1, 17, 3), 0.01, dtype=np.float32)]
        return [answer(who, crop, WIDTH, HEIGHT)]

    def _view(self, crop: Crop) -> AnyArray:
        target = np.zeros((SIZE, SIZE, 3), dtype=np.uint8)
        picture, part = Preshrinker().apply(self.picture, crop, (SIZE, SIZE))
        warp_into(picture, "BGR", part, target)
        return target

    def frame(self, time_s: float) -> Frame:
        return make_frame(self.picture, moment=time_s)


def _hips(keypoints: FloatArray) -> tuple[float, float]:
    x, y = keypoints[11:13, :2].mean(axis=0) * (WIDTH, HEIGHT)
    return float(x), float(y)


def crops_of(*people: FloatArray) -> list[Crop]:
    found = [
        fit_crop(square_around_hips(p, WIDTH, HEIGHT, s), SIZES)
        for p in people
        for s in (MIN_KEYPOINT, CANDIDATE_SCORE)
    ]
    return list(dict.fromkeys(found))


def following(scene: Scene, *, second_look: bool = True) -> SinglePersonEstimator:
    """Return an estimator that follows the first person and has just searched the frame."""
    estimator = SinglePersonEstimator(
        KeypointModel(scene, decode),
        min_keypoint_score=MIN_KEYPOINT,
        min_pose_score=MIN_POSE,
        second_look=second_look,
    )
    scene.expect(*crops_of(*scene.people))
    for _ in range(2):
        (pose,) = estimator.estimate(scene.frame(START)).poses
        assert pose.keypoints == pytest.approx(scene.people[0], abs=1e-5)
    scene.looks.clear()
    return estimator


def test_somebody_clearly_better_elsewhere_is_followed_instead() -> None:
    better = other(0.5 + SWITCH_MARGIN + 0.05)
    scene = Scene(FIRST, better)
    estimator = following(scene)
    scene.prominent = 1
    mine, theirs = crops_of(FIRST)[0], crops_of(better)[0]
    estimate = estimator.estimate(scene.frame(START + SEARCH_INTERVAL_S))
    assert scene.looks == [mine, WHOLE, theirs]
    (pose,) = estimate.poses
    assert pose.keypoints == pytest.approx(better, abs=1e-5)
    assert estimate.crop == pytest.approx(theirs.normalised(WIDTH, HEIGHT))
    scene.looks.clear()
    (pose,) = estimator.estimate(scene.frame(START + SEARCH_INTERVAL_S + 0.03)).poses
    assert pose.keypoints == pytest.approx(better, abs=1e-5)
    assert scene.looks == [theirs], "and followed from then on"


def test_somebody_a_little_better_is_not() -> None:
    better = other(0.5 + SWITCH_MARGIN - 0.05)
    scene = Scene(FIRST, better)
    estimator = following(scene)
    scene.prominent = 1
    estimate = estimator.estimate(scene.frame(START + SEARCH_INTERVAL_S))
    assert scene.looks == [crops_of(FIRST)[0], WHOLE, crops_of(better)[0]]
    assert estimate.poses[0].keypoints == pytest.approx(FIRST, abs=1e-5)
    assert estimate.crop == pytest.approx(crops_of(FIRST)[0].normalised(WIDTH, HEIGHT))
    scene.looks.clear()
    estimator.estimate(scene.frame(START + SEARCH_INTERVAL_S + 0.03))
    assert scene.looks == [crops_of(FIRST)[0]]


def test_two_persons_do_not_take_turns() -> None:
    scene = Scene(FIRST, other(0.55))
    estimator = following(scene)
    scene.prominent = 1
    for step in range(1, 8):
        (pose,) = estimator.estimate(scene.frame(START + step * SEARCH_INTERVAL_S)).poses
        assert pose.keypoints == pytest.approx(FIRST, abs=1e-5)


def test_who_is_followed_is_not_looked_at_again() -> None:
    """The whole frame shows the person who is followed: two passes are enough, not three."""
    scene = Scene(FIRST)
    estimator = following(scene)
    (pose,) = estimator.estimate(scene.frame(START + SEARCH_INTERVAL_S)).poses
    assert pose.keypoints == pytest.approx(FIRST, abs=1e-5)
    assert scene.looks == [crops_of(FIRST)[0], WHOLE]


def test_the_interval_is_that_of_the_frames_time() -> None:
    scene = Scene(FIRST)
    estimator = following(scene)
    mine = crops_of(FIRST)[0]
    around = []
    for tenth in range(1, 65):
        scene.looks.clear()
        estimator.estimate(scene.frame(START + tenth / 10))
        assert scene.looks in ([mine], [mine, WHOLE])
        if WHOLE in scene.looks:
            around.append(tenth / 10)
    assert around == pytest.approx([SEARCH_INTERVAL_S * n for n in (1, 2, 3)], abs=0.11)


@pytest.mark.parametrize("later", [START - 50, 0.5, START + 1e6])
def test_a_time_that_jumps_makes_one_look_around_and_then_the_interval_again(later: float) -> None:
    scene = Scene(FIRST)
    estimator = following(scene)
    counts = []
    for step in range(4):
        scene.looks.clear()
        estimator.estimate(scene.frame(later + step * 0.1))
        counts.append(len(scene.looks))
    assert counts == [2, 1, 1, 1]


def test_without_a_second_look_nobody_looks_around() -> None:
    scene = Scene(FIRST, other(0.9))
    estimator = following(scene, second_look=False)
    scene.prominent = 1
    for step in range(1, 5):
        scene.looks.clear()
        (pose,) = estimator.estimate(scene.frame(START + step * SEARCH_INTERVAL_S)).poses
        assert scene.looks == [crops_of(FIRST)[0]]
        assert pose.keypoints == pytest.approx(FIRST, abs=1e-5)


def test_a_lost_person_is_looked_for_once_not_looked_around_besides() -> None:
    scene = Scene(FIRST)
    estimator = following(scene)
    scene.people.clear()
    assert estimator.estimate(scene.frame(START + SEARCH_INTERVAL_S)).poses == []
    assert scene.looks == [crops_of(FIRST)[0], WHOLE]


NUMBERS = st.one_of(st.floats(-1, 2, width=32), st.sampled_from([np.nan, np.inf, -np.inf]))
BODIES = st.builds(
    lambda x, y, scale, score: person(score, centre=(x, y), scale=scale),
    st.floats(0.1, 0.9),
    st.floats(0.1, 0.9),
    st.floats(0.1, 1.5),
    st.floats(0.1, 1.0),
).map(lambda keypoints: answer(keypoints, WHOLE, WIDTH, HEIGHT))


@hypothesis_settings(max_examples=60, deadline=None)
@given(
    st.lists(
        st.one_of(BODIES, hnp.arrays(np.float32, (1, 1, 17, 3), elements=NUMBERS)),
        min_size=1,
        max_size=9,
    ),
    st.lists(st.floats(0.001, 1e9), min_size=1, max_size=6),
)
def test_never_more_than_three_looks_whatever_is_seen_and_whenever(
    answers: list[FloatArray], times: list[float]
) -> None:
    runtime = FakeRuntime(answers, size=SIZE)
    estimator = SinglePersonEstimator(
        KeypointModel(runtime, decode), min_keypoint_score=MIN_KEYPOINT, min_pose_score=MIN_POSE
    )
    picture = noise(WIDTH, HEIGHT)
    for moment in times:
        before = len(runtime.seen)
        estimate = estimator.estimate(make_frame(picture, moment=moment))
        assert 1 <= len(runtime.seen) - before <= 3
        for pose in estimate.poses:
            assert np.isfinite(pose.keypoints).all()
            assert pose.keypoints.min() >= 0
            assert pose.keypoints.max() <= 1


# --- crops ----------------------------------------------------------------------------------------

EDGES = st.floats(1, 2000)
CROPS = st.builds(Crop, st.floats(-2000, 2000), st.floats(-2000, 2000), EDGES, EDGES)


def middle(crop: Crop) -> tuple[float, float]:
    return crop.left + crop.width / 2, crop.top + crop.height / 2


def holds(crop: Crop, place: tuple[float, float]) -> bool:
    x, y = place
    return crop.left < x < crop.left + crop.width and crop.top < y < crop.top + crop.height


@given(CROPS, CROPS)
def test_overlapping_is_mutual(one: Crop, two: Crop) -> None:
    assert one.overlaps(two) == two.overlaps(one)
    assert one.overlaps(one)


@given(st.floats(-500, 500), st.floats(-500, 500), EDGES, st.floats(-500, 500), st.floats(1, 500))
def test_squares_overlap_when_the_larger_holds_the_middle_of_the_smaller(
    left: float, top: float, size: float, shift: float, other_size: float
) -> None:
    one = Crop.square(left, top, size)
    two = Crop.square(left + shift, top - shift, other_size)
    larger, smaller = (one, two) if one.size >= two.size else (two, one)
    x, y = middle(smaller)
    near_edge = any(
        math.isclose(a, b, abs_tol=1e-6)
        for a, b in (
            (x, larger.left),
            (x, larger.left + larger.size),
            (y, larger.top),
            (y, larger.top + larger.size),
        )
    )
    if not near_edge:  # at the edge rounding errors decide
        assert one.overlaps(two) == holds(larger, (x, y))


@given(st.floats(-500, 500), st.floats(-500, 500), EDGES)
def test_a_square_is_square(left: float, top: float, size: float) -> None:
    crop = Crop.square(left, top, size)
    assert crop == Crop(left, top, size, size)
    assert crop.size == size
