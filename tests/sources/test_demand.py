"""The prediction of when the reader wants the next picture."""

from __future__ import annotations

import pytest
from helpers import make_frame

from pose_edge.frames import Frame
from pose_edge.sources.demand import LATE, MARGIN, RECENT_FRAMES, SLACK_S, FrameDemand


class Clock:
    """A clock that the test advances."""

    def __init__(self) -> None:
        self.now_s = 50.0

    def __call__(self) -> float:
        return self.now_s


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def demand(clock: Clock) -> FrameDemand:
    return FrameDemand(clock)


def work(demand: FrameDemand, clock: Clock, *durations_s: float) -> None:
    """Take a frame and work on it for each duration, then take another frame."""
    for duration_s in durations_s:
        demand.taken()
        clock.now_s += duration_s
        demand.wait_begins()
    demand.taken()


def decode(demand: FrameDemand, clock: Clock, duration_s: float) -> None:
    frame = make_frame()

    def make() -> Frame:
        clock.now_s += duration_s
        return frame

    assert demand.decode(make) is frame


def test_before_anything_is_known_every_picture_is_due(demand: FrameDemand, clock: Clock) -> None:
    assert demand.due_in() == 0
    demand.taken()
    assert demand.due_in() == 0
    decode(demand, clock, 0.01)
    assert demand.due_in() == 0


def test_a_picture_is_due_at_once_while_the_reader_waits(demand: FrameDemand, clock: Clock) -> None:
    work(demand, clock, 0.1)
    assert demand.due_in() > 0
    demand.wait_begins()
    for _ in range(3):
        assert demand.due_in() == 0
        decode(demand, clock, 0.01)


def test_a_picture_is_due_in_time_to_be_ready(demand: FrameDemand, clock: Clock) -> None:
    for _ in range(40):
        decode(demand, clock, 0.01)
    work(demand, clock, 0.1)
    lead_s = MARGIN * 0.01 + SLACK_S
    assert demand.due_in() == pytest.approx(0.1 - lead_s, abs=1e-4)
    clock.now_s += 0.1 - lead_s + 0.0001
    assert demand.due_in() == 0


def test_one_picture_is_enough_unless_the_reader_is_late(demand: FrameDemand, clock: Clock) -> None:
    work(demand, clock, 0.1)
    clock.now_s += 0.0995
    assert demand.due_in() == 0
    decode(demand, clock, 0.0005)
    assert demand.due_in() == pytest.approx(0.1 * (LATE - 1))
    clock.now_s += 0.1
    assert demand.due_in() == 0, "then each one that comes"
    decode(demand, clock, 0.001)
    assert demand.due_in() == 0


def test_the_shortest_of_the_last_frames_is_expected(demand: FrameDemand, clock: Clock) -> None:
    work(demand, clock, 0.3, 0.1, 0.2)
    assert demand.due_in() == pytest.approx(0.1 - SLACK_S)
    work(demand, clock, *[0.2] * RECENT_FRAMES)
    assert demand.due_in() == pytest.approx(0.2 - SLACK_S)


def test_waiting_again_is_not_another_frame(demand: FrameDemand, clock: Clock) -> None:
    work(demand, clock, 0.1)
    clock.now_s += 0.1
    for _ in range(5):
        demand.wait_begins()
        clock.now_s += 0.001
    demand.taken()
    assert demand.due_in() == pytest.approx(0.1 - SLACK_S)


def test_every_picture_is_due_where_somebody_sees_each(demand: FrameDemand, clock: Clock) -> None:
    work(demand, clock, 0.1)
    demand.every_picture = True
    assert demand.due_in() == 0
    demand.every_picture = False
    assert demand.due_in() > 0


def test_in_place_of_a_damaged_picture_another_one_is_due(
    demand: FrameDemand, clock: Clock
) -> None:
    work(demand, clock, 0.1)
    clock.now_s += 0.0995
    assert demand.decode(lambda: None) is None
    assert demand.due_in() == 0
    decode(demand, clock, 0.0)
    assert demand.due_in() > 0
    assert demand.decode(lambda: None) is None
    assert demand.due_in() > 0


@pytest.mark.parametrize(
    ("shrink", "scale"), [(1.0, 1), (2.99, 1), (3.0, 2), (5.99, 2), (6.0, 4), (40.0, 4)]
)
def test_what_only_the_model_sees_is_decoded_in_few_pixels(
    demand: FrameDemand, shrink: float, scale: int
) -> None:
    demand.shrink = shrink
    assert demand.scale == 1
    demand.visible = False
    assert demand.scale == scale
    demand.every_picture = True
    assert demand.scale == 1
