from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from helpers import make_frame

from pose_edge.frames import Frame
from pose_edge.pipeline.rest import (
    CHECK_INTERVAL_S,
    MAX_LOOK_S,
    MAX_SHARE,
    QUIET_S,
    Found,
    Rest,
    RestRule,
)

FPS = 32
STEP_S = 1 / FPS


def run(rule: RestRule, begin_s: float, seconds: float, *, took_s: float = 0.01) -> list[float]:
    """Pass frames without motion or people to a rule; return the times of those processed."""
    looked = []
    for step in range(round(seconds * FPS)):
        time_s = begin_s + step * STEP_S
        if rule.wants(time_s, moved=False):
            rule.looked(time_s, took_s, Found.NOBODY)
            looked.append(time_s)
    return looked


def test_every_frame_is_looked_at_until_it_was_quiet_for_long_enough() -> None:
    rule = RestRule()
    assert len(run(rule, 0.0, QUIET_S)) == QUIET_S * FPS
    looked = run(rule, QUIET_S, 4.0)
    assert rule.resting
    assert len(looked) == pytest.approx(4.0 / CHECK_INTERVAL_S, abs=1)


def test_what_moves_is_looked_at_at_once_and_from_then_on() -> None:
    rule = RestRule()
    run(rule, 0.0, QUIET_S + 1)
    now = QUIET_S + 1 + STEP_S
    assert rule.wants(now, moved=True)
    assert not rule.resting
    rule.looked(now, 0.01, Found.NOBODY)
    assert len(run(rule, now + STEP_S, QUIET_S - 2 * STEP_S)) == QUIET_S * FPS - 2


def test_somebody_who_does_not_move_ends_the_rest() -> None:
    rule = RestRule()
    (*_, last) = run(rule, 0.0, QUIET_S + 1)
    rule.looked(last, 0.01, Found.SOMEBODY)
    assert not rule.resting
    assert rule.wants(last + STEP_S, moved=False)


def test_what_may_be_somebody_is_looked_at_again_at_once_and_does_not_end_the_rest() -> None:
    rule = RestRule()
    (*_, last) = run(rule, 0.0, QUIET_S + 1)
    rule.looked(last, 0.01, Found.PERHAPS)
    assert rule.resting
    assert rule.wants(last + STEP_S, moved=False)
    rule.looked(last + STEP_S, 0.01, Found.NOBODY)
    assert not rule.wants(last + 2 * STEP_S, moved=False)


def test_a_slow_model_takes_a_part_of_the_time_only() -> None:
    rule = RestRule()
    run(rule, 0.0, QUIET_S + 1, took_s=0.2)
    looked = len(run(rule, QUIET_S + 1, 40.0, took_s=0.2))
    assert looked * 0.2 == pytest.approx(40 * MAX_SHARE, abs=1)
    looked = len(run(rule, QUIET_S + 41, 40.0, took_s=10.0))
    assert looked == pytest.approx(40 / MAX_LOOK_S, abs=1)


def test_a_clock_that_goes_back_ends_the_rest() -> None:
    rule = RestRule()
    run(rule, 100.0, QUIET_S + 1)
    assert rule.wants(1.0, moved=False)
    assert len(run(rule, 1.0 + STEP_S, 1.0)) == FPS


def frame(index: int, *, live: bool = True, box: int = 0) -> Frame:
    """Return a frame of a grey room with a white box of `box` x `box` pixels."""
    image = np.full((120, 160, 3), 90, np.uint8)
    image[:box, :box] = 255
    made = replace(make_frame(image, index=index), live=live)
    return replace(made, captured_ns=round(index * STEP_S * 1e9))


def rested(*, live: bool = True, allowed: bool = True) -> tuple[Rest, list[int]]:
    """Return a rest after seconds of an empty room, and the indices of the processed frames."""
    rest = Rest()
    rest.allowed = allowed
    looked = []
    for index in range(round((QUIET_S + 2) * FPS)):
        if not rest.passes_over(frame(index, live=live)):
            rest.looked(frame(index, live=live), 0.01, Found.NOBODY)
            looked.append(index)
    return rest, looked


def test_the_frames_between_two_looks_are_counted() -> None:
    rest, looked = rested()
    assert rest.resting
    now = round((QUIET_S + 2) * FPS)
    passed = now - 1 - looked[-1]
    assert rest.looked(frame(now, box=40), 0.01, Found.NOBODY) == passed
    assert rest.looked(frame(now + 1, box=40), 0.01, Found.NOBODY) == 0


def test_the_first_frame_with_something_new_is_looked_at() -> None:
    rest, looked = rested()
    now = looked[-1] + 1
    assert rest.passes_over(frame(now))
    assert not rest.passes_over(frame(now + 1, box=40))
    assert not rest.resting


@pytest.mark.parametrize(("live", "allowed"), [(False, True), (True, False)])
def test_files_and_runs_without_rest_are_looked_at_throughout(live: bool, allowed: bool) -> None:
    rest, looked = rested(live=live, allowed=allowed)
    assert len(looked) == round((QUIET_S + 2) * FPS)
    assert not rest.resting


def test_while_somebody_is_there_every_frame_is_looked_at() -> None:
    rest, looked = rested()
    now = looked[-1] + 1
    rest.looked(frame(now), 0.01, Found.SOMEBODY)
    assert not rest.resting
    assert not any(rest.passes_over(frame(now + step)) for step in range(1, 10 * FPS))
