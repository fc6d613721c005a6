from __future__ import annotations

import pytest

from pose_edge.pipeline.capture import MAX_BEHIND_S, MAX_PAUSE_S, Pacer


class Clock:
    """A clock that `wait` advances instead of waiting."""

    def __init__(self) -> None:
        self.now = 100.0
        self.waits: list[float] = []

    def __call__(self) -> float:
        return self.now

    def is_set(self) -> bool:
        return False

    def wait(self, seconds: float) -> bool:
        self.waits.append(seconds)
        self.now += seconds
        return False


def test_the_pacer_waits_for_each_frames_moment() -> None:
    clock = Clock()
    pacer = Pacer(clock, clock)  # type: ignore[arg-type]
    moments = []
    for position in (5.0, 5.1, 5.15, 6.0):
        pacer.wait(position)
        moments.append(clock.now)
        clock.now += 0.02  # decoding and inference
    assert moments == pytest.approx([100.0, 100.1, 100.15, 101.0])


def test_a_pacer_a_little_behind_catches_up() -> None:
    clock = Clock()
    pacer = Pacer(clock, clock)  # type: ignore[arg-type]
    pacer.wait(0.0)
    clock.now += 0.3
    pacer.wait(0.1)
    assert clock.waits[-1] == 0
    pacer.wait(0.5)
    assert clock.now == pytest.approx(100.5)


def test_a_pacer_far_behind_goes_on_from_there() -> None:
    clock = Clock()
    pacer = Pacer(clock, clock)  # type: ignore[arg-type]
    pacer.wait(0.0)
    clock.now += MAX_BEHIND_S + 5
    pacer.wait(0.1)
    assert clock.waits[-1] == 0
    late = clock.now
    pacer.wait(0.2)
    assert clock.now == pytest.approx(late + 0.1)


def test_a_long_pause_is_left_out() -> None:
    clock = Clock()
    pacer = Pacer(clock, clock)  # type: ignore[arg-type]
    moments, left_out = [], []
    for position in (0.0, 1.0, 1.0 + MAX_PAUSE_S, 3600.0, 3600.1):
        left_out.append(pacer.wait(position))
        moments.append(clock.now - 100)
    later = 1 + MAX_PAUSE_S
    assert moments == pytest.approx([0, 1, later, later, later + 0.1])
    assert left_out == pytest.approx([0, 0, 0, 3600 - later, 0])
