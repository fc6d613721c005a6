"""Two stages on painted people: who is found, who is refined when, and how long it takes."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterator
from functools import partial

import numpy as np
import pytest
from helpers import oks
from painted_people import (
    HEIGHT,
    WIDTH,
    FakeClock,
    PaintedFinder,
    PaintedRefiner,
    Places,
    keypoints_in,
    number_of,
    painted,
)

from pose_edge.config.schema import Settings
from pose_edge.estimators.crop import Crop
from pose_edge.estimators.keypoint_model import KeypointModel
from pose_edge.estimators.movenet import decode
from pose_edge.estimators.two_stage import TwoStageEstimator, make_finder
from pose_edge.frames import Frame
from pose_edge.poses import Pose
from pose_edge.telemetry import Stopwatch
from pose_edge.tracking import PoseTracker

SCALE = np.array((WIDTH, HEIGHT, 1), dtype=np.float32)


class Rig:
    """An estimator with two models for painted people, and a clock that only these advance."""

    def __init__(
        self,
        search_s: float = 0.0,
        refine_s: float = 0.0,
        max_people: int = 12,
        effort: str = "auto",
    ) -> None:
        self.clock = FakeClock()
        self.finder = PaintedFinder(search_s, self.clock)
        self.refiner = PaintedRefiner(refine_s, self.clock)
        self.estimator = TwoStageEstimator(
            make_finder(self.finder),
            KeypointModel(self.refiner, decode),
            min_keypoint_score=0.2,
            min_pose_score=0.3,
            max_people=max_people,
            min_keypoints=3,
            effort=effort,  # type: ignore[arg-type]
        )

    def estimate(self, frame: Frame) -> list[Pose]:
        return self.estimator.estimate(frame, Stopwatch(self.clock(), clock_ns=self.clock)).poses


def standing(count: int, shift: float = 0.0) -> Places:
    """Return the boxes of people who stand side by side, with gaps."""
    step = WIDTH / count
    return {
        number + 1: (
            step * (number + 0.3) + shift,
            HEIGHT * 0.25,
            step * (number + 0.7) + shift,
            HEIGHT * 0.75,
        )
        for number in range(count)
    }


def frames(
    scene: Callable[[float], Places], seconds: float, fps: float = 30.0, *, live: bool
) -> Iterator[Frame]:
    for index in range(round(seconds * fps)):
        yield painted(scene(index / fps), index / fps, index, live=live)


def numbers(poses: list[Pose], frame: Frame) -> set[int]:
    return {number_of(pose.keypoints, frame) for pose in poses}


@pytest.mark.parametrize("count", [1, 2, 6])
def test_everybody_in_a_picture_is_found_where_they_are(count: int) -> None:
    places = standing(count)
    frame = painted(places)
    poses = Rig().estimate(frame)
    assert len(poses) == count
    for pose in poses:
        true = keypoints_in(places[number_of(pose.keypoints, frame)]) / SCALE
        true[:, 2] = 0.8
        assert oks(pose.keypoints, true, WIDTH, HEIGHT) > 0.8
        assert not pose.predicted


def test_tiles_find_more_people_than_the_finder_returns_at_once() -> None:
    frame = painted(standing(10))
    assert len(Rig(effort="thorough").estimate(frame)) == 10
    assert len(Rig(effort="fast").estimate(frame)) == 6


@pytest.mark.parametrize("effort", ["fast", "thorough"])
def test_at_most_so_many_people_are_returned(effort: str) -> None:
    rig = Rig(max_people=3, effort=effort)
    for index in range(4):
        assert len(rig.estimate(painted(standing(6), index / 30, index))) == 3


def test_an_empty_picture_has_nobody() -> None:
    rig = Rig()
    for index in range(5):
        assert rig.estimate(painted({}, index / 30, index)) == []


def test_a_file_gets_a_closer_look_at_everybody_in_every_frame() -> None:
    rig = Rig(search_s=1.0, refine_s=1.0)
    for frame in frames(lambda time_s: standing(5, 40 * time_s), 2.0, live=False):
        poses = rig.estimate(frame)
        assert numbers(poses, frame) == {1, 2, 3, 4, 5}
        assert not any(pose.predicted for pose in poses)
    assert rig.refiner.passes <= 5 * 60 + 12, "the finder's poses of known people cost passes"
    assert rig.finder.passes <= 10, "people who are known are not searched for all the time"


def test_when_time_is_short_people_are_moved_on_and_nobody_is_dropped() -> None:
    rig = Rig(search_s=0.04, refine_s=0.012)
    looks: Counter[int] = Counter()
    moving = partial(standing, 6)
    shown = Counter[int]()
    for frame in frames(lambda time_s: moving(15 * time_s - 20), 3.0, live=True):
        before = rig.clock.now_ns
        poses = rig.estimate(frame)
        spent_s = (rig.clock.now_ns - before) / 1e9
        if frame.time < 0.5:
            continue
        assert numbers(poses, frame) == {1, 2, 3, 4, 5, 6}
        assert spent_s <= 0.04 or rig.finder.passes == 0
        looks[sum(not pose.predicted for pose in poses)] += 1
        shown.update(number_of(p.keypoints, frame) for p in poses if not p.predicted)
    assert looks[2] > 40, "two passes fit into a frame"
    assert looks[0] > 0, "none beside a search"
    assert max(shown.values()) - min(shown.values()) <= 2, "everybody has the same share"


def test_the_time_a_frame_takes_does_not_grow_with_the_people() -> None:
    longest = []
    for count in (2, 6):
        rig = Rig(search_s=0.02, refine_s=0.01)
        spent = []
        for frame in frames(partial(_still, count), 2.0, live=True):
            before = rig.clock.now_ns
            rig.estimate(frame)
            spent.append((rig.clock.now_ns - before) / 1e9)
        longest.append(max(spent[10:]))
    assert longest[1] <= max(longest[0], 1 / 30)


@pytest.mark.parametrize("live", [False, True])
@pytest.mark.parametrize("refine_s", [0.001, 0.03])
def test_newcomers_are_seen_within_a_second(live: bool, refine_s: float) -> None:
    rig = Rig(search_s=0.03, refine_s=refine_s)
    seen_at = None
    for frame in frames(lambda t: standing(5) if t >= 1 else _first(4), 3.0, live=live):
        if 5 in numbers(rig.estimate(frame), frame):
            seen_at = frame.time
            break
    assert seen_at is not None
    assert seen_at <= 2.0


@pytest.mark.parametrize(
    ("search_s", "refine_s"), [(0.012, 0.004), (0.025, 0.008), (0.04, 0.012), (0.11, 0.04)]
)
def test_who_comes_into_an_empty_picture_is_found_however_slow_the_models_are(
    search_s: float, refine_s: float
) -> None:
    rig = Rig(search_s=search_s, refine_s=refine_s)
    found = {
        round(frame.time, 3): bool(rig.estimate(frame))
        for frame in frames(lambda t: {} if 1 <= t < 2 else standing(1), 3.0, live=True)
    }
    assert not any(one for time_s, one in found.items() if 1.5 < time_s < 2)
    assert all(one for time_s, one in found.items() if time_s > 2.2)


def _still(count: int, _time_s: float) -> Places:
    return standing(count)


def _first(count: int) -> Places:
    return {number: place for number, place in standing(5).items() if number <= count}


@pytest.mark.parametrize("live", [False, True])
def test_who_left_is_gone_within_half_a_second(live: bool) -> None:
    rig = Rig(search_s=0.03, refine_s=0.012)
    for frame in frames(lambda t: _first(5 if t < 1 else 4), 2.0, live=live):
        poses = rig.estimate(frame)
        if frame.time >= 1.5:
            assert len(poses) == 4
            assert numbers(poses, frame) == {1, 2, 3, 4}


@pytest.mark.parametrize("live", [False, True])
def test_two_who_cross_keep_their_ids(live: bool) -> None:
    rig = Rig(search_s=0.02, refine_s=0.008)
    tracker = PoseTracker(Settings.model_validate({"smoothing": {"mode": "off"}}), live=live)

    def scene(time_s: float) -> Places:
        left, right = 60 + 200 * time_s, 500 - 200 * time_s
        return {1: (left, 80, left + 60, 280), 2: (right, 90, right + 66, 300)}

    ids: dict[int, set[int | None]] = {1: set(), 2: set()}
    for frame in frames(scene, 2.2, live=live):
        poses = tracker.apply(rig.estimate(frame), frame)
        apart = abs(440 - 400 * frame.time) > 100
        if apart and frame.time > 0.3:
            for pose in poses:
                if not pose.predicted:
                    ids[number_of(pose.keypoints, frame)].add(pose.id)
    assert [len(found) for found in ids.values()] == [1, 1]
    assert ids[1] != ids[2]


def test_a_person_whom_the_finder_misses_is_still_followed() -> None:
    rig = Rig()
    for index, frame in enumerate(frames(lambda t: standing(3, 50 * t), 2.0, live=False)):
        if index == 1:
            rig.finder.blind_to = {2}
        assert numbers(rig.estimate(frame), frame) == {1, 2, 3}


def test_after_a_cut_in_a_video_the_people_are_found_in_the_same_frame() -> None:
    rig = Rig()
    left, right = standing(8)[1], standing(8)[8]
    for frame in frames(lambda t: {1: left if t < 0.5 else right}, 1.0, live=False):
        (pose,) = rig.estimate(frame)
        assert (pose.box[0] > 0.5) == (frame.time >= 0.5)


def test_after_a_cut_to_somebody_else_in_their_place_they_are_found_too() -> None:
    rig = Rig()
    for frame in frames(lambda t: standing(2) if t < 0.5 else standing(3, -40), 1.0, live=False):
        poses = rig.estimate(frame)
        assert numbers(poses, frame) == ({1, 2} if frame.time < 0.5 else {1, 2, 3})


def test_after_a_reset_and_in_a_frame_of_another_size_everything_is_searched() -> None:
    rig = Rig()
    rig.estimate(painted(standing(2)))
    rig.estimate(painted(standing(2), 0.01, 1))
    assert rig.finder.passes == 1
    rig.estimator.reset()
    rig.estimate(painted(standing(2), 0.02, 2))
    assert rig.finder.passes == 2
    small = Frame(np.zeros((100, 100, 3), np.uint8), "BGR", 0, 3, 0.03)
    assert rig.estimate(small) == []
    assert rig.finder.passes == 3


def test_one_pass_on_a_crop_has_no_memory() -> None:
    rig = Rig()
    places = standing(2)
    x0, y0, x1, y1 = places[2]
    frame = painted(places)
    (pose,) = rig.estimator.estimate_crop(frame, Crop(x0 - 20, y0 - 20, x1 - x0 + 40, y1 - y0 + 40))
    assert number_of(pose.keypoints, frame) == 2
    assert (rig.finder.passes, rig.refiner.passes) == (0, 1)


def test_both_models_are_named_and_closed() -> None:
    rig = Rig()
    assert rig.estimator.provenance.models == "painted + painted"
    rig.estimator.close()
    assert rig.finder.closed
    assert rig.refiner.closed
