"""Steps to smaller and larger models, with a made-up clock."""

from __future__ import annotations

from itertools import pairwise

from hypothesis import given
from hypothesis import strategies as st

from pose_edge.tuning.governor import (
    MAX_ROOM_S,
    MIN_HOLD_S,
    PRESSURE_S,
    ROOM_S,
    Governor,
    InferenceLoad,
)

FINE = InferenceLoad(followed=True, room=False)
ROOM = InferenceLoad(followed=True, room=True)
PRESSED = InferenceLoad(followed=False, room=False)


class Clock:
    """Reports the load to a governor once a second, and records its steps."""

    def __init__(self, levels: int, level: int) -> None:
        self.governor = Governor(levels, level, 0.0)
        self.now = 0.0
        self.steps: list[tuple[float, int]] = []

    def go(self, load: InferenceLoad | None, seconds: float) -> None:
        end = self.now + seconds
        while self.now < end:
            self.now += 1.0
            level = self.governor.observe(load, self.now)
            if level is not None:
                self.steps.append((self.now, level))


def test_ten_seconds_of_pressure_are_one_step_down() -> None:
    clock = Clock(3, 2)
    clock.go(FINE, MIN_HOLD_S)
    clock.go(PRESSED, PRESSURE_S)
    assert clock.steps == []
    clock.go(PRESSED, 1)
    assert clock.steps == [(71.0, 1)]


def test_a_short_pressure_is_no_reason() -> None:
    clock = Clock(2, 1)
    for _ in range(60):
        clock.go(PRESSED, PRESSURE_S - 1)
        clock.go(FINE, 1)
    assert clock.steps == []


def test_a_minute_of_room_is_one_step_up() -> None:
    clock = Clock(2, 0)
    clock.go(ROOM, 61)
    assert clock.steps == [(61.0, 1)]


def test_room_must_last() -> None:
    clock = Clock(2, 0)
    for _ in range(30):
        clock.go(ROOM, ROOM_S - 1)
        clock.go(FINE, 1)
    assert clock.steps == []


def test_the_ladder_ends_at_both_ends() -> None:
    clock = Clock(2, 0)
    clock.go(PRESSED, 1000)
    assert clock.steps == []
    clock = Clock(2, 1)
    clock.go(ROOM, 1000)
    assert clock.steps == []


def test_a_silence_counts_as_nothing() -> None:
    clock = Clock(2, 1)
    clock.go(FINE, MIN_HOLD_S)
    clock.go(PRESSED, PRESSURE_S - 1)
    clock.go(None, 30)  # the camera is unplugged, for example
    clock.go(PRESSED, PRESSURE_S - 1)
    assert clock.steps == []
    clock.now += 600  # the machine slept
    clock.go(PRESSED, PRESSURE_S - 1)
    assert clock.steps == []


def test_steps_up_that_fail_come_ever_more_seldom() -> None:
    """The larger model always seems to fit, but never does."""
    clock = Clock(2, 0)
    while clock.now < 6 * 3600:
        clock.go(ROOM if clock.governor.level == 0 else PRESSED, 1)
    ups = [now for now, level in clock.steps if level == 1]
    gaps = [later - earlier for earlier, later in pairwise(ups)]
    assert gaps == sorted(gaps)
    assert gaps[-1] >= MAX_ROOM_S / 2
    assert len(ups) <= 11


def test_a_step_up_that_lasts_forgives_the_earlier_ones() -> None:
    clock = Clock(2, 0)
    for _ in range(3):
        while clock.governor.level == 0:
            clock.go(ROOM, 1)
        clock.go(PRESSED, 65)
    while clock.governor.level == 0:
        clock.go(ROOM, 1)
    clock.go(FINE, 600)
    clock.go(PRESSED, 11)
    assert clock.governor.level == 0
    went_down = clock.now
    while clock.governor.level == 0:
        clock.go(ROOM, 1)
    assert clock.now - went_down <= ROOM_S + 2


strains = st.sampled_from([FINE, ROOM, PRESSED, None])


@given(
    st.integers(1, 4),
    st.integers(0, 3),
    st.lists(st.tuples(strains, st.integers(1, 200)), max_size=60),
)
def test_never_more_than_one_step_a_minute_and_each_with_its_reason(
    levels: int, level: int, story: list[tuple[InferenceLoad | None, int]]
) -> None:
    level = min(level, levels - 1)
    clock = Clock(levels, level)
    seen: list[InferenceLoad | None] = [None]
    for load, seconds in story:
        for _ in range(seconds):
            before = len(clock.steps)
            clock.go(load, 1)
            seen.append(load)
            if len(clock.steps) == before:
                continue
            step = clock.steps[-1][1] - level
            level = clock.steps[-1][1]
            assert abs(step) == 1
            assert 0 <= level < levels
            long = PRESSURE_S if step < 0 else ROOM_S
            wanted = PRESSED if step < 0 else ROOM
            assert all(one == wanted for one in seen[-int(long) :])
    times = [0.0, *(now for now, _ in clock.steps)]
    assert all(later - earlier >= MIN_HOLD_S for earlier, later in pairwise(times))
