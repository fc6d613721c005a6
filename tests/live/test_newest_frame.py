from __future__ import annotations

from collections import deque
from dataclasses import replace
from typing import cast

import numpy as np
import pytest
from helpers import make_frame, make_result, pose

from pose_edge.errors import EndOfStream
from pose_edge.frames import Frame, Lease
from pose_edge.live.newest_frame import MAX_AGE_S, TOO_SLOW_S, NewestFrames
from pose_edge.pipeline.pipeline import Pipeline
from pose_edge.pipeline.rest import Rest
from pose_edge.poses import Pose, Result

STEP_NS = 33_000_000


class Feed:
    """A pipeline with made-up newest frames and results, which counts the open leases."""

    def __init__(self) -> None:
        self.rest = Rest()
        self.results: deque[Result] = deque()
        self.frame: Frame | None = None
        self.leased = 0
        self.asked: list[int] = []
        self.ended = False

    def newest(self, after: int) -> Lease | None:
        self.asked.append(after)
        if self.frame is None or self.frame.index <= after:
            return None
        self.leased += 1
        return Lease(self.frame, self._released)

    def take(self, _timeout: float) -> Result | None:
        if self.ended and not self.results:
            raise EndOfStream
        return self.results.popleft() if self.results else None

    def find(self, index: int, poses: list[Pose], total_ms: float = 50.0) -> None:
        """Add a result for a frame."""
        result = make_result(frame(index), poses)
        result.stages_ms["total"] = total_ms
        self.leased += 1
        result.lease = Lease(result.frame, self._released)
        self.results.append(result)

    def _released(self) -> None:
        self.leased -= 1


def frame(index: int) -> Frame:
    return replace(make_frame(index=index), captured_ns=index * STEP_NS, live=True)


def person(x: float, number: int | None = 1) -> Pose:
    """Return a pose shifted along x by a fraction of the frame's width."""
    one = replace(pose(), id=number)
    one.keypoints[:, 0] += x
    return one


def start() -> tuple[Feed, NewestFrames]:
    feed = Feed()
    return feed, NewestFrames(cast(Pipeline, feed), 0.2, 0)


def shown_at(newest: NewestFrames) -> float:
    """Show the next frame; return the shift along x of the only person in it."""
    result = newest.take()
    assert result is not None
    (one,) = result.poses
    result.release()
    return float(np.median(one.keypoints[:, 0] - pose().keypoints[:, 0]))


def test_a_frame_is_shown_once_with_poses_moved_to_its_time() -> None:
    feed, newest = start()
    feed.find(1, [person(0.00)])
    feed.find(3, [person(0.04)])
    feed.frame = frame(5)
    assert shown_at(newest) == pytest.approx(0.08, abs=1e-4)
    assert newest.take() is None
    feed.frame = frame(6)
    assert shown_at(newest) == pytest.approx(0.10, abs=1e-4)
    assert feed.leased == 0
    assert newest.posed_ns == frame(3).captured_ns


def test_the_poses_say_that_they_are_predicted() -> None:
    feed, newest = start()
    feed.find(1, [person(0.0)])
    feed.frame = frame(1)
    first = newest.take()
    feed.frame = frame(2)
    second = newest.take()
    assert first is not None
    assert second is not None
    assert [one.predicted for one in (*first.poses, *second.poses)] == [False, True]


def test_before_the_first_poses_nothing_is_shown_and_each_frame_is_seen_once() -> None:
    feed, newest = start()
    feed.frame = frame(0)
    for _ in range(3):
        assert newest.take() is None
    assert feed.asked == [-1, 0, 0]
    assert feed.leased == 0


def test_the_end_is_passed_on_after_the_last_results() -> None:
    feed, newest = start()
    feed.ended = True
    feed.results.append(make_result(frame(0)))
    feed.results[0].stages_ms["total"] = 50.0
    with pytest.raises(EndOfStream):
        newest.take()


@pytest.mark.parametrize("number", [None, 2])
def test_somebody_who_was_not_there_before_is_not_moved(number: int | None) -> None:
    feed, newest = start()
    feed.find(1, [person(0.0)])
    feed.find(3, [person(0.04, number)])
    feed.frame = frame(5)
    assert shown_at(newest) == pytest.approx(0.04)


def test_somebody_who_is_lost_is_not_invented() -> None:
    feed, newest = start()
    feed.find(1, [person(0.0)])
    feed.find(3, [])
    feed.frame = frame(4)
    result = newest.take()
    assert result is not None
    assert result.poses == []


def test_old_poses_are_not_shown() -> None:
    feed, newest = start()
    feed.find(1, [person(0.0)])
    feed.frame = frame(2 + round(MAX_AGE_S * 1e9) // STEP_NS)
    result = newest.take()
    assert result is not None
    assert (result.poses, result.crop) == ([], None)


def test_poses_of_an_earlier_source_are_not_shown() -> None:
    feed = Feed()
    newest = NewestFrames(cast(Pipeline, feed), 0.2, frame(10).captured_ns)
    feed.find(9, [person(0.0)])
    feed.frame = frame(11)
    assert newest.take() is None
    feed.find(10, [person(0.0)])
    feed.frame = frame(12)
    assert shown_at(newest) == 0.0


def test_at_rest_the_frames_that_are_looked_at_are_shown(monkeypatch: pytest.MonkeyPatch) -> None:
    feed, newest = start()
    monkeypatch.setattr(Rest, "resting", True)
    feed.frame = frame(9)
    feed.find(5, [])
    result = newest.take()
    assert result is not None
    assert result.frame.index == 5
    monkeypatch.setattr(Rest, "resting", False)
    following = newest.take()
    assert following is not None
    assert following.frame.index == 9
    monkeypatch.setattr(Rest, "resting", True)
    feed.find(8, [])
    assert newest.take() is None, "a newer one was shown already"
    result.release()
    following.release()
    assert feed.leased == 0


def test_with_a_slow_model_each_pose_is_shown_on_its_own_frame() -> None:
    feed, newest = start()
    feed.frame = frame(9)
    feed.find(5, [person(0.0)], total_ms=TOO_SLOW_S * 1e3 + 1)
    first = newest.take()
    assert first is not None
    assert first.frame.index == 9, "that it is slow is not known before"
    feed.find(10, [person(0.1)], total_ms=TOO_SLOW_S * 1e3 + 1)
    feed.frame = frame(15)
    own = newest.take()
    assert own is not None
    assert own.frame.index == 10
    assert not own.poses[0].predicted
    for index in range(11, 60):
        feed.find(index, [person(0.1)], total_ms=40)
        if (result := newest.take()) is not None:
            result.release()
    feed.frame = frame(61)
    again = newest.take()
    assert again is not None
    assert again.frame.index == 61


def test_the_end_gives_the_frame_back() -> None:
    feed, newest = start()
    feed.find(1, [])
    feed.frame = frame(2)
    feed.ended = True
    with pytest.raises(EndOfStream):
        newest.take()
    assert feed.leased == 0
