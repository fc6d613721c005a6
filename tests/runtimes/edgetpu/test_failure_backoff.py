from __future__ import annotations

import itertools

from hypothesis import given, settings
from hypothesis import strategies as st

from pose_edge.runtimes.edgetpu.failure_backoff import FAILURES, FIRST_S, WINDOW_S, FailureBackoff


class Clock:
    """A clock that the test moves."""

    def __init__(self) -> None:
        self.now = 1000.0

    def __call__(self) -> float:
        return self.now


def waits(failure_backoff: FailureBackoff, clock: Clock, pauses: list[float]) -> list[float]:
    """Fail after each pause (which begins when the wait before it has ended)."""
    found: list[float] = []
    for pause in pauses:
        clock.now += pause + (found[-1] if found else 0.0)
        found.append(failure_backoff.failed())
    return found


def test_two_failures_are_forgiven_at_once_and_the_third_in_a_minute_is_not() -> None:
    clock = Clock()
    failure_backoff = FailureBackoff(60.0, clock)
    assert waits(failure_backoff, clock, [0, 20, 20]) == [0, 0, FIRST_S]
    assert FAILURES == 3


def test_failures_that_go_on_cost_longer_and_longer() -> None:
    clock = Clock()
    found = waits(FailureBackoff(60.0, clock), clock, [0.1] * 11)
    assert found == [0, 0, 1, 2, 4, 8, 16, 32, 60, 60, 60]


def test_rare_failures_are_always_forgiven() -> None:
    clock = Clock()
    assert waits(FailureBackoff(60.0, clock), clock, [31.0] * 20) == [0] * 20


def test_a_minute_without_a_failure_makes_good() -> None:
    clock = Clock()
    failure_backoff = FailureBackoff(60.0, clock)
    assert waits(failure_backoff, clock, [1] * 5)[-1] == 4
    clock.now += 4 + WINDOW_S - 0.1
    assert failure_backoff.failed() == 8, "not quite a minute after the wait"
    clock.now += 8 + WINDOW_S + 0.1
    assert waits(failure_backoff, clock, [0, 1, 1, 1]) == [0, 0, 1, 2]


def test_the_minute_begins_when_the_wait_is_over() -> None:
    """Else the longest wait would make good by itself, and a broken device be tried at once."""
    clock = Clock()
    failure_backoff = FailureBackoff(300.0, clock)
    found = waits(failure_backoff, clock, [1.0] * 14)
    assert found[-1] == 300
    assert found == sorted(found)


@settings(deadline=None)
@given(
    st.floats(0.1, 3600),
    st.lists(st.floats(0, 200), min_size=1, max_size=60),
)
def test_the_wait_is_0_or_doubles_up_to_the_limit(limit: float, pauses: list[float]) -> None:
    clock = Clock()
    failure_backoff = FailureBackoff(limit, clock)
    found = waits(failure_backoff, clock, pauses)
    assert all(0 <= wait <= limit for wait in found)
    assert found[: FAILURES - 1] == [0] * min(len(found), FAILURES - 1)
    for (before, after), pause in zip(itertools.pairwise(found), pauses[1:], strict=True):
        if after == 0:
            assert before == 0 or pause > WINDOW_S * 0.999, "forgiven too soon"
        elif before == 0:
            assert after == min(FIRST_S, limit)
        else:
            assert after == min(2 * before, limit)
            assert pause <= WINDOW_S * 1.001, "not forgiven after a minute"


@settings(deadline=None)
@given(st.floats(0.1, 3600), st.lists(st.floats(0, 15), min_size=6, max_size=40))
def test_frequent_failures_are_never_tried_again_at_once(limit: float, pauses: list[float]) -> None:
    clock = Clock()
    found = waits(FailureBackoff(limit, clock), clock, pauses)
    assert min(found[FAILURES - 1 :]) > 0
    assert found == sorted(found)
