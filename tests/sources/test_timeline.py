from __future__ import annotations

import math
from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pose_edge.sources.timeline import MAX_PAUSE_S, Timeline

STEP = 0.1


def places(times: list[float | None], step: float = STEP) -> list[float]:
    """Return the times of frames as `Video` computes them, looking ahead only if necessary."""
    timeline = Timeline(step)
    return [
        timeline.place(given, following if timeline.doubts(given) else None)
        for given, following in pairwise([*times, None])
    ]


@pytest.mark.parametrize(
    ("times", "expected"),
    [
        pytest.param([0, 0.1, 0.15, 0.7], [0, 0.1, 0.15, 0.7], id="as the file has them"),
        pytest.param([0.5, 0.6], [0.5, 0.6], id="the first frames are lost"),
        pytest.param([None, None, None], [0, 0.1, 0.2], id="no times"),
        pytest.param([-7.7e12, -7.7e12, -7.7e12], [0, 0.1, 0.2], id="no start"),
        pytest.param([math.nan, 0.1, math.inf, 0.3], [0, 0.1, 0.2, 0.3], id="not finite"),
        pytest.param([0, 0.1, 0.1, 0.3, 0.4], [0, 0.1, 0.2, 0.3, 0.4], id="one repeated"),
        pytest.param([0, 0.1, 0.1, 0.15, 0.2], [0, 0.1, 0.125, 0.15, 0.2], id="repeated, close"),
        pytest.param([0, 0.1, 3600.0, 0.3], [0, 0.1, 0.2, 0.3], id="one far ahead"),
        pytest.param([0, 0.1, -5.0, 0.3], [0, 0.1, 0.2, 0.3], id="one far behind"),
        pytest.param([0, 0.1, 100.1, 100.2], [0, 0.1, 100.1, 100.2], id="a pause"),
        pytest.param([0, 0.1, 3600.2, 3600.3], [0, 0.1, 3600.2, 3600.3], id="an hour"),
        pytest.param([0, 0.1, 1e6, 1e6 + 0.1], [0, 0.1, 0.2, 0.3], id="days"),
        pytest.param([0, 0.1, 1e300, -1e300], [0, 0.1, 0.2, 0.3], id="beyond all times"),
        pytest.param([5, 5.1, 5.2, 0, 0.1], [5, 5.1, 5.2, 5.3, 5.4], id="joined files"),
        pytest.param([5] * 4 + [5.5], [5, 5.1, 5.2, 5.3, 5.5], id="no time for a while"),
        pytest.param([0, 0.1, 0.3, 0.2, 0.4], [0, 0.1, 0.15, 0.2, 0.4], id="in a wrong order"),
    ],
)
def test_times_of_frames(times: list[float | None], expected: list[float]) -> None:
    assert places(times) == pytest.approx(expected)


def test_a_file_whose_clock_stood_still_is_caught_up_with() -> None:
    times: list[float | None] = [0, 0.1, *[0.1] * 6, *(0.2 + n / 10 for n in range(30))]
    assert places(times)[-5:] == pytest.approx([2.7, 2.8, 2.9, 3.0, 3.1])


def test_a_file_that_is_played_again_goes_on_after_the_last_frame() -> None:
    timeline = Timeline(STEP)
    timeline.restart()
    assert [timeline.place(t) for t in (0, 0.3)] == pytest.approx([0, 0.3])
    timeline.restart()
    assert [timeline.place(t) for t in (0, 0.3)] == pytest.approx([0.4, 0.7])
    assert timeline.jumps == 0


def test_frames_that_come_when_they_should_are_not_doubted() -> None:
    timeline = Timeline(STEP)
    for time_s in (0.0, 0.1, 0.19, 0.33):
        assert not timeline.doubts(time_s)
        timeline.place(time_s)
    assert all(timeline.doubts(given) for given in (None, math.nan, 0.33, 0.2, 0.6))


def test_jumps_are_counted() -> None:
    timeline = Timeline(STEP)
    for time_s in (0, 0.1, 9e9, 9e9 + 0.1, 0):
        timeline.place(time_s)
    assert timeline.jumps == 2


@given(st.lists(st.none() | st.floats() | st.sampled_from([0.0, 0.1, 0.2, 5.0, 1e5]), max_size=30))
def test_times_are_finite_and_rise_whatever_the_file_says(times: list[float | None]) -> None:
    found = places(times)
    assert all(0 <= time_s < math.inf for time_s in found)
    steps = [b - a for a, b in pairwise(found)]
    assert all(0 < step <= MAX_PAUSE_S for step in steps)
