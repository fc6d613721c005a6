from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import numpy as np
import pytest
from helpers import person
from hypothesis import given, settings
from hypothesis import strategies as st
from shared import shared_dir
from tracking.scenes import (
    BODIES,
    HEIGHT,
    WIDTH,
    Sight,
    found_in,
    middle,
    mirrored,
    shaken,
    standing,
    to_pose,
)

from pose_edge.poses import FloatArray, Keypoint, Pose
from pose_edge.tracking import Tracker
from pose_edge.util.resources import demo_clip

FPS = 30

CROWDS = st.lists(
    st.tuples(st.floats(0.01, 0.6), st.lists(st.tuples(BODIES, st.floats(0, 1)), max_size=5)),
    min_size=1,
    max_size=8,
)


def ids(poses: Sequence[Pose]) -> list[int]:
    found = [pose.id for pose in poses]
    assert None not in found
    return [number for number in found if number is not None]


def follow(
    frames: Sequence[Sequence[Pose]], tracker: Tracker | None = None, fps: float = FPS
) -> list[list[Pose]]:
    tracker = tracker or Tracker()
    return [tracker.update(poses, n / fps, WIDTH, HEIGHT) for n, poses in enumerate(frames)]


def at(poses: Sequence[Pose], x: float, within: float = 0.05) -> int | None:
    """Return the id of the person nearest to x, or None if nobody is within reach."""
    near = [pose for pose in poses if abs(middle(pose)[0] - x) < within]
    return min(near, key=lambda pose: abs(float(middle(pose)[0]) - x)).id if near else None


# --- invariants -----------------------------------------------------------------------------------


@settings(deadline=None)
@given(CROWDS)
def test_ids_are_unique_in_a_frame_and_poses_are_passed_on_as_they_are(
    crowds: list[tuple[float, list[tuple[FloatArray, float]]]],
) -> None:
    tracker, now, highest = Tracker(), 0.0, 0
    for interval, bodies in crowds:
        now += interval
        poses = [to_pose(keypoints, score) for keypoints, score in bodies]
        before = [pose.keypoints.copy() for pose in poses]
        found = tracker.update(poses, now, WIDTH, HEIGHT)
        numbers = ids(found)
        assert len(set(numbers)) == len(numbers)
        assert all(number >= 1 for number in numbers)
        # New ids are consecutive: none is left out or used twice.
        new = sorted(number for number in numbers if number > highest)
        assert new == list(range(highest + 1, highest + 1 + len(new)))
        highest += len(new)
        assert [p.score for p in found] == sorted((p.score for p in found), reverse=True)
        for pose in found:
            assert any(pose.keypoints is other.keypoints for other in poses)
        assert all((a == b.keypoints).all() for a, b in zip(before, poses, strict=True))


def test_one_person_keeps_one_id_from_the_first_frame() -> None:
    rng = np.random.default_rng(0)
    found = follow([[shaken(standing(0.3 + 0.005 * n), rng)] for n in range(60)])
    assert [ids(poses) for poses in found] == [[1]] * 60


@pytest.mark.parametrize("sure", [0, 1, 3, 17])
@pytest.mark.parametrize("scale", [0.0, 0.8])
def test_identical_frames_keep_the_id_however_little_is_seen(sure: int, scale: float) -> None:
    keypoints = person(0.25, scale=scale)
    keypoints[:sure, 2] = 0.9
    tracker = Tracker()
    found = [tracker.update([to_pose(keypoints, 0.5)], n / 30, WIDTH, HEIGHT) for n in range(16)]
    assert [ids(poses) for poses in found] == [[1]] * 16


def test_the_order_of_the_poses_does_not_matter() -> None:
    a, b = standing(0.3, score=0.8), standing(0.7, score=0.7)
    found = follow([[a, b], [b, a], [a, b]])
    assert [[pose.id for pose in poses] for poses in found] == [[1, 2]] * 3


# --- coming, leaving, being hidden ----------------------------------------------------------------


def test_people_come_and_go_and_no_id_comes_twice() -> None:
    rng = np.random.default_rng(1)
    frames = []
    for n in range(240):
        there = [standing(0.2)] if n < 60 or n >= 150 else []  # away for 3 s
        there += [standing(0.5)]
        there += [standing(0.8)] if 90 <= n < 200 else []
        frames.append([shaken(pose, rng) for pose in there])
    found = follow(frames)
    assert sorted(ids(found[0])) == [1, 2]
    first, stays = at(found[0], 0.2), at(found[0], 0.5)
    assert all(at(poses, 0.5) == stays for poses in found)
    assert {at(poses, 0.8) for poses in found[90:200]} == {3}
    assert {at(poses, 0.2) for poses in found[:60]} == {first}
    assert {at(poses, 0.2) for poses in found[150:]} == {4}


@pytest.mark.parametrize(("away_s", "same"), [(0.2, True), (0.9, True), (1.2, False)])
def test_who_is_hidden_for_a_moment_comes_back_as_the_same(away_s: float, same: bool) -> None:
    tracker = Tracker(max_age=1.0)
    for n in range(10):
        tracker.update([standing(0.5)], n / FPS, WIDTH, HEIGHT)
    tracker.update([], 10 / FPS, WIDTH, HEIGHT)
    (back,) = tracker.update([standing(0.51)], 9 / FPS + away_s, WIDTH, HEIGHT)
    assert (back.id == 1) == same


@pytest.mark.parametrize(("interval_s", "same"), [(1.5, True), (4.0, True), (30.0, False)])
def test_slow_frames_do_not_make_somebody_else_of_a_person(interval_s: float, same: bool) -> None:
    frames = [[standing(0.5, score=0.35)] for _ in range(6)]
    found = follow(frames, Tracker(max_age=1.0), fps=1 / interval_s)
    assert {number for poses in found for number in ids(poses)} == ({1} if same else set())


def test_nobody_is_shown_who_is_not_seen() -> None:
    assert follow([[standing(0.5)]] * 5 + [[]] * 5)[5:] == [[]] * 5


def test_who_walks_behind_a_pillar_comes_out_as_the_same() -> None:
    rng = np.random.default_rng(2)
    course = [0.1 + 0.01 * n for n in range(80)]  # 0.3 of the frame per second
    frames = [[] if 0.45 < x < 0.55 else [shaken(standing(x), rng)] for x in course]
    assert {number for poses in follow(frames) for number in ids(poses)} == {1}


def test_time_that_runs_back_is_another_sequence() -> None:
    tracker = Tracker()
    tracker.update([standing(0.5)], 100.0, WIDTH, HEIGHT)
    assert ids(tracker.update([standing(0.5)], 5.0, WIDTH, HEIGHT)) == [2]
    assert ids(tracker.update([standing(0.5)], 5.0, WIDTH, HEIGHT)) == [2]


def test_no_more_than_the_most_tracks() -> None:
    crowd = [standing(0.1 + 0.2 * n, score=0.9 - 0.1 * n, scale=0.3) for n in range(4)]
    tracker = Tracker(max_tracks=3)
    for n in range(5):
        assert ids(tracker.update(crowd, n / FPS, WIDTH, HEIGHT)) == [1, 2, 3]


def test_a_newcomer_with_a_better_score_does_not_take_an_id() -> None:
    known, newcomer = standing(0.5, score=0.5), standing(0.56, score=0.9)
    found = follow([[known]] * 10 + [[newcomer, known]])
    assert at(found[-1], 0.5, 0.02) == 1
    assert at(found[-1], 0.56, 0.02) == 2


# --- false detections and duplicates --------------------------------------------------------------


def test_a_ghost_of_one_frame_is_neither_shown_nor_counted() -> None:
    frames: list[list[Pose]] = [[standing(0.3)] for _ in range(20)]
    frames[7].append(standing(0.8, score=0.3))
    frames[15].append(standing(0.8, score=0.7))
    found = follow(frames)
    assert [ids(poses) for poses in found[:15]] == [[1]] * 15
    assert sorted(ids(found[15])) == [1, 2]  # a high score is shown at once


def test_an_unsure_person_is_shown_from_the_second_frame_on() -> None:
    found = follow([[standing(0.5, score=0.3)]] * 4)
    assert [ids(poses) for poses in found] == [[], [1], [1], [1]]


def test_a_known_person_is_followed_through_unsure_frames() -> None:
    scores = [0.8, 0.3, 0.25, 0.3, 0.8]
    found = follow([[standing(0.5, score=score)] for score in scores])
    assert [ids(poses) for poses in found] == [[1]] * 5


def test_a_body_found_twice_is_one_person() -> None:
    rng = np.random.default_rng(4)
    for n, poses in enumerate(
        follow([[standing(0.5), shaken(standing(0.5, score=0.7), rng)] for _ in range(10)])
    ):
        assert ids(poses) == [1], n
        assert poses[0].score == pytest.approx(0.8)


def test_half_a_body_found_again_is_no_second_person() -> None:
    half = person(0.05, scores={k: 0.7 for k in Keypoint if k <= Keypoint.RIGHT_WRIST})
    assert ids(follow([[to_pose(person(0.9), 0.9), to_pose(half, 0.6)]])[0]) == [1]


def test_a_child_before_a_grown_up_is_a_second_person() -> None:
    found = follow([[standing(0.5), standing(0.5, y=0.65, scale=0.4, score=0.7)]])
    assert ids(found[0]) == [1, 2]


# --- crossings ------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("fps", "dropped"), [(60, 0.0), (60, 0.25), (30, 0.0), (30, 0.25), (12, 0.0)]
)
@pytest.mark.parametrize("hidden", [0.0, 0.03, 0.06], ids="hidden within {}".format)
def test_two_who_pass_each_other_keep_their_ids(fps: int, hidden: float, dropped: float) -> None:
    for seed in range(3):
        rng = np.random.default_rng(seed)
        frames, courses = [], []
        for n in range(3 * fps):
            a, b = 0.15 + 0.23 * n / fps, 0.85 - 0.23 * n / fps
            poses = [shaken(standing(a), rng), shaken(standing(b, score=0.75), rng)]
            if abs(a - b) < hidden:
                poses = poses[:1]
            if fps / 2 < n:
                poses = [pose for pose in poses if rng.random() >= dropped]
            frames.append(poses)
            courses.append((a, b))
        tracker = Tracker()
        found = [tracker.update(f, n / fps, WIDTH, HEIGHT) for n, f in enumerate(frames)]
        assert {number for poses in found for number in ids(poses)} == {1, 2}
        for poses, (a, b) in zip(found, courses, strict=True):
            if abs(a - b) > 0.12:
                assert at(poses, a) in (1, None)
                assert at(poses, b) in (2, None)


def test_one_who_stands_and_one_who_walks_by_keep_their_ids() -> None:
    rng = np.random.default_rng(7)
    frames = []
    for n in range(90):
        walker = 0.2 + 0.0067 * n
        poses = [shaken(standing(walker), rng)]
        if abs(walker - 0.5) > 0.05:
            poses.append(shaken(standing(0.5, score=0.7), rng))
        frames.append(poses)
    found = follow(frames)
    assert at(found[-1], 0.8) == at(found[0], 0.2) == 1
    assert at(found[-1], 0.5) == at(found[0], 0.5) == 2


# --- real people ----------------------------------------------------------------------------------


def tracked(sights: Sequence[Sight]) -> list[list[Pose]]:
    tracker = Tracker()
    return [tracker.update(poses, time, w, h) for time, w, h, poses in sights]


@pytest.fixture(scope="module")
def walking_woman() -> list[Sight]:
    """Return the woman who crosses the demo clip from right to left, below the man on the roof."""
    return found_in(demo_clip(), [(0.0, 0.42, 1.0, 1.0)], first=62, count=110)


def test_a_woman_who_walks_by_is_one_person(walking_woman: list[Sight]) -> None:
    found = tracked(walking_woman)
    assert {number for poses in found for number in ids(poses)} == {1}
    assert sum(map(len, found)) > 105


@pytest.mark.parametrize("step", [1, 3], ids=["30 fps", "10 fps"])
@pytest.mark.parametrize("dropped", [0.0, 0.2], ids="{} dropped".format)
def test_a_woman_and_her_mirror_image_pass_each_other(
    walking_woman: list[Sight], step: int, dropped: float
) -> None:
    """Both have the model's own noise; the one behind is not found while they overlap."""
    rng = np.random.default_rng(8)
    tracker, checked = Tracker(), 0
    for n in range(6, len(walking_woman), step):
        time, width, height, poses = walking_woman[n]
        _, _, _, earlier = walking_woman[n - 6]
        if not poses or not earlier:
            continue
        front, behind = poses[0], replace(mirrored(earlier[0]), score=earlier[0].score - 0.01)
        apart = abs(float(middle(front)[0] - middle(behind)[0]))
        both = [front, behind] if apart > 0.05 else [front]
        if n > 20:
            both = [pose for pose in both if rng.random() >= dropped]
        found = tracker.update(both, time, width, height)
        if apart > 0.1:
            for pose in found:
                mine = pose.keypoints is front.keypoints
                if n == 6:
                    expected = {True: 1, False: 2} if front.score > behind.score else {}
                    expected = expected or {True: 2, False: 1}
                assert pose.id == expected[mine], n
                checked += 1
    assert checked > 60 / step


def test_two_persons_of_a_laboratory_keep_their_ids() -> None:
    video = shared_dir("data", "videos", "p2s_multi_cam01.mp4")
    man, woman = (0.1, 0.1, 0.85, 0.7), (0.42, 0.38, 1.0, 0.97)
    found = tracked(found_in(video, [man, woman], step=3))
    assert {number for poses in found for number in ids(poses)} == {1, 2}
    lower = {max(poses, key=lambda pose: pose.box[3]).id for poses in found if len(poses) == 2}
    assert len(lower) == 1
    assert sum(len(poses) == 2 for poses in found) > 25


def test_three_persons_on_treadmills_keep_their_ids() -> None:
    video = shared_dir("data", "videos", "pkd_humans_mot.mp4")
    parts = [(0.0, 0.0, 0.33, 1.0), (0.33, 0.0, 0.63, 1.0), (0.63, 0.0, 1.0, 1.0)]
    found = tracked(found_in(video, parts))
    places = {tuple(p.id for p in sorted(poses, key=lambda p: p.box[0])) for poses in found}
    assert len(places) == 1
    assert sorted(places.pop(), key=str) == [1, 2, 3]
