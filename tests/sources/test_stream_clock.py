from __future__ import annotations

import random

import pytest

from pose_edge.sources.stream_clock import MAX_DRIFT, StreamClock

MS = 1_000_000
START = 5_000_000 * MS


def test_what_a_frame_waited_is_the_difference_to_the_fastest() -> None:
    clock = StreamClock()
    delays = [40, 40, 90, 41, 40, 300, 40]
    moments = [
        clock.moment_ns(number / 30, START + round(number / 30 * 1e9) + delay * MS)
        for number, delay in enumerate(delays)
    ]
    arrivals = [START + round(n / 30 * 1e9) + delay * MS for n, delay in enumerate(delays)]
    waited = [(arrival - moment) / MS for arrival, moment in zip(arrivals, moments, strict=True)]
    assert waited == pytest.approx([0, 0, 50, 1, 0, 260, 0], abs=0.2)


def test_a_faster_frame_sets_the_measure_anew() -> None:
    clock = StreamClock()
    assert clock.moment_ns(0.0, START + 500 * MS) == START + 500 * MS
    assert clock.moment_ns(0.1, START + 120 * MS) == START + 120 * MS
    assert clock.moment_ns(0.2, START + 240 * MS) == pytest.approx(START + 220 * MS, abs=MS)


@pytest.mark.parametrize("drift", [MAX_DRIFT / 2, -MAX_DRIFT / 2])
def test_clocks_that_run_apart_do_not_look_like_a_delay(drift: float) -> None:
    """Over ten hours with network jitter."""
    clock, jitter = StreamClock(), random.Random(1)
    waited = 0.0
    for second in range(0, 36_000, 2):
        arrival = START + round(second * (1 + drift) * 1e9) + jitter.randrange(20 * MS)
        moment = clock.moment_ns(second, arrival)
        assert moment <= arrival
        waited = max(waited, (arrival - moment) / MS)
    assert waited < 30


def test_moments_never_lie_ahead() -> None:
    clock, jitter = StreamClock(), random.Random(2)
    for number in range(500):
        arrival = START + number * 33 * MS + jitter.randrange(200 * MS)
        assert clock.moment_ns(number * 0.033, arrival) <= arrival


def test_after_a_reset_the_next_frame_did_not_wait() -> None:
    clock = StreamClock()
    clock.moment_ns(100.0, START)
    clock.reset()
    assert clock.moment_ns(3.0, START + 9000 * MS) == START + 9000 * MS
