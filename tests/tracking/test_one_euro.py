from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp
from numpy.typing import NDArray

from pose_edge.tracking import OneEuro

Array = NDArray[np.float64]

POINTS = hnp.arrays(np.float64, (3, 2), elements=st.floats(-1000, 1000))
INTERVALS = st.lists(st.floats(0.005, 0.4), min_size=1, max_size=40)
WALKS = hnp.arrays(np.float64, (30, 3, 2), elements=st.floats(-100, 100))
ALL = np.ones(3, dtype=bool)


def smoothed(walk: Array, dt: float = 1 / 30, size: float = 100.0) -> Array:
    one_euro = OneEuro(walk.shape[1])
    valid = np.ones(walk.shape[1], dtype=bool)
    return np.array([one_euro.apply(p, n * dt, size, valid) for n, p in enumerate(walk)])


@given(POINTS, INTERVALS)
def test_a_constant_stays_what_it_is(points: Array, intervals: list[float]) -> None:
    one_euro, now = OneEuro(3), 0.0
    for interval in intervals:
        assert one_euro.apply(points, now, 50.0, ALL) == pytest.approx(points, abs=1e-9)
        now += interval


@given(POINTS)
def test_the_first_sample_passes_unchanged(points: Array) -> None:
    assert (OneEuro(3).apply(points, 17.0, 50.0, ALL) == points).all()


@settings(deadline=None, max_examples=25)
@given(st.floats(0.1, 1000), st.floats(1 / 120, 0.4), st.floats(1, 1000))
def test_a_step_is_followed_steadily_and_never_overshot(
    step: float, dt: float, size: float
) -> None:
    one_euro, one = OneEuro(1), np.ones(1, dtype=bool)
    one_euro.apply(np.zeros((1, 2)), 0.0, size, one)
    target = np.array([[step, -step]])
    answers = [one_euro.apply(target, n * dt, size, one)[0] for n in range(1, 400)]
    x, y = np.array(answers).T
    assert (np.diff(x) >= -1e-9 * step).all()
    assert (x >= 0).all()
    assert (x <= step * (1 + 1e-9)).all()
    assert y == pytest.approx(-x)
    assert x[-1] > 0.97 * step


@settings(deadline=None, max_examples=40)
@given(WALKS, st.floats(0.01, 100))
def test_a_body_twice_as_near_is_smoothed_alike(walk: Array, factor: float) -> None:
    near = smoothed(walk * factor, size=100.0 * factor)
    assert near == pytest.approx(smoothed(walk) * factor, rel=1e-6, abs=1e-6 * factor)


@settings(deadline=None, max_examples=40)
@given(WALKS, st.floats(-1000, 1000), st.floats(0, 6.28))
def test_a_moved_or_turned_picture_is_smoothed_alike(
    walk: Array, shift: float, angle: float
) -> None:
    turn = np.array([[np.cos(angle), -np.sin(angle)], [np.sin(angle), np.cos(angle)]])
    assert smoothed(walk @ turn + shift) == pytest.approx(smoothed(walk) @ turn + shift, abs=1e-6)


@settings(deadline=None, max_examples=40)
@given(WALKS)
def test_points_do_not_mix(walk: Array) -> None:
    together = smoothed(walk)
    for point in range(3):
        assert smoothed(walk[:, point : point + 1]) == pytest.approx(together[:, point : point + 1])


@settings(deadline=None, max_examples=40)
@given(WALKS)
def test_the_answer_lies_among_the_samples_so_far(walk: Array) -> None:
    answers = smoothed(walk)
    for n in range(len(walk)):
        seen = walk[: n + 1]
        assert (answers[n] >= seen.min(axis=0) - 1e-9).all()
        assert (answers[n] <= seen.max(axis=0) + 1e-9).all()


@pytest.mark.parametrize("dt", [1 / 60, 1 / 30, 1 / 15, 1 / 8])
def test_noise_at_rest_shrinks_by_more_than_60_percent(dt: float) -> None:
    noise = np.random.default_rng(1).normal(0.0, 0.5, (400, 17, 2))  # 0.5 % of the size
    assert np.diff(smoothed(noise, dt), axis=0).std() < 0.4 * np.diff(noise, axis=0).std()


@pytest.mark.parametrize("speed", [0.05, 0.15, 0.3, 1.0, 3.0])
def test_a_steady_motion_lags_a_few_percent_of_the_body(speed: float) -> None:
    walk = np.zeros((200, 1, 2))
    walk[:, 0, 0] = np.arange(200) / 30 * speed * 100
    behind = (walk - smoothed(walk))[-1, 0, 0]
    assert 0 <= behind < 5.0
    if speed >= 1.0:
        assert behind / (speed * 100) < 0.033  # in seconds: less than a frame


@pytest.mark.parametrize("gap", [0.6, 5.0, 0.0, -1.0])
def test_nothing_is_smoothed_across_a_gap_or_against_time(gap: float) -> None:
    one_euro = OneEuro(3)
    for n in range(10):
        one_euro.apply(np.full((3, 2), float(n)), n / 30, 10.0, ALL)
    after = np.full((3, 2), 500.0)
    assert (one_euro.apply(after, 9 / 30 + gap, 10.0, ALL) == after).all()


def test_frozen_time_does_not_freeze_the_points() -> None:
    one_euro = OneEuro(3)
    for n in range(5):
        points = np.full((3, 2), float(n))
        assert (one_euro.apply(points, 1.0, 10.0, ALL) == points).all()


def test_what_does_not_count_passes_and_teaches_nothing() -> None:
    seen, taught = OneEuro(2), OneEuro(2)
    steady, junk = np.full((2, 2), 10.0), np.array([[10.0, 10.0], [900.0, np.nan]])
    both, first = np.array([True, True]), np.array([True, False])
    for n in range(5):
        seen.apply(steady, n / 30, 50.0, both)
        taught.apply(steady, n / 30, 50.0, both)
    passed = seen.apply(junk, 5 / 30, 50.0, first)
    assert np.array_equal(passed, junk, equal_nan=True)
    moved = steady + 1.0
    answer = seen.apply(moved, 6 / 30, 50.0, both)
    # The filter continues from before the junk, with the time that has passed since then.
    assert answer[1] == pytest.approx(taught.apply(moved, 6 / 30, 50.0, both)[1])
    assert np.isfinite(answer).all()
