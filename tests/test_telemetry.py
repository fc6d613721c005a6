from __future__ import annotations

import threading

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from pose_edge.poses import Provenance
from pose_edge.telemetry import (
    BOUNDS_MS,
    KEPT_SAMPLES,
    STAGES,
    Event,
    RateMeter,
    Stopwatch,
    Telemetry,
)

SECOND = 1_000_000_000


class Clock:
    """A clock that the test advances."""

    def __init__(self) -> None:
        self.now_ns = 1000 * SECOND

    def __call__(self) -> int:
        return self.now_ns

    def advance(self, seconds: float) -> None:
        self.now_ns += round(seconds * SECOND)


@pytest.fixture
def clock() -> Clock:
    return Clock()


def test_a_stopwatch_adds_up_what_each_stage_took(clock: Clock) -> None:
    stopwatch = Stopwatch(clock.now_ns - 5_000_000, clock_ns=clock)
    stopwatch.lap("queue")
    clock.advance(0.002)
    stopwatch.lap("preprocess")
    clock.advance(0.010)
    stopwatch.lap("inference")
    clock.advance(0.003)
    stopwatch.lap("preprocess")  # a second lap of this stage
    assert stopwatch.laps_ms == pytest.approx({"queue": 5, "preprocess": 5, "inference": 10})


def test_a_stopwatch_starts_now(clock: Clock) -> None:
    stopwatch = Stopwatch(clock_ns=clock)
    clock.advance(0.25)
    stopwatch.lap("draw")
    assert stopwatch.laps_ms == pytest.approx({"draw": 250})


@given(st.lists(st.floats(0, 1e6), min_size=1, max_size=40), st.integers(1, KEPT_SAMPLES))
def test_the_newest_samples_of_a_stage_are_summarised(samples: list[float], times: int) -> None:
    samples *= times
    telemetry = Telemetry()
    for sample in samples:
        telemetry.add({"draw": sample})
    summary = telemetry.summary("draw")
    assert summary is not None
    newest = samples[-KEPT_SAMPLES:]
    assert summary.count == len(samples)
    assert summary.median == pytest.approx(np.median(newest))
    assert summary.p95 == pytest.approx(np.percentile(newest, 95))


@given(st.floats(1.5, 240), st.integers(10, 600))
def test_the_rate_of_even_events(rate: float, count: int) -> None:
    meter = RateMeter()
    now = 0
    for index in range(count):
        now = round(index * SECOND / rate)
        meter.tick(now)
    assert meter.rate(now) == pytest.approx(rate, rel=1e-3)


def test_the_rate_falls_to_zero_when_events_stop() -> None:
    meter = RateMeter()
    for index in range(61):
        meter.tick(index * SECOND // 30)
    last = 2 * SECOND
    rates = [meter.rate(last + round(s * SECOND)) for s in (0, 0.05, 0.5, 1.0, 1.5, 1.9, 2.5, 10)]
    assert rates[0] == pytest.approx(30)
    assert rates[1] == pytest.approx(30), "a frame that is a little late changes nothing"
    assert rates == sorted(rates, reverse=True)
    assert rates[3] < 16
    assert rates[-2:] == [0, 0]


def test_no_rate_without_two_events() -> None:
    meter = RateMeter()
    assert meter.rate(0) == 0
    meter.tick(5)
    assert meter.rate(5) == 0
    meter.tick(5)  # two events at one time: no division by zero
    assert meter.rate(5) == 0


def test_a_rate_meter_forgets() -> None:
    meter = RateMeter(span_s=2.0)
    for index in range(10_000):
        meter.tick(index * SECOND // 100)
    assert len(meter._events) <= 202


def test_stages_come_in_the_order_of_the_flow() -> None:
    telemetry = Telemetry()
    for stage in reversed(STAGES):
        telemetry.add({stage: 1.0})
    assert tuple(telemetry.summaries()) == STAGES
    assert telemetry.summary("queue") is not None
    assert Telemetry().summary("queue") is None


def test_events_are_counted_and_timed(clock: Clock) -> None:
    telemetry = Telemetry(clock)
    assert (telemetry.count(Event.CAPTURED), telemetry.rate(Event.CAPTURED)) == (0, 0.0)
    for _ in range(11):
        telemetry.tick(Event.CAPTURED)
        clock.advance(0.1)
    assert telemetry.count(Event.CAPTURED) == 11
    assert telemetry.rate(Event.CAPTURED) == pytest.approx(10)
    clock.advance(60)
    assert telemetry.rate(Event.CAPTURED) == 0
    assert telemetry.count(Event.CAPTURED) == 11


def test_faults_come_and_go() -> None:
    telemetry = Telemetry()
    telemetry.set_fault("source", "gone")
    telemetry.set_fault("source", "still gone")
    telemetry.set_fault("display", "dark")
    copy = telemetry.faults()
    assert copy == {"source": "still gone", "display": "dark"}
    copy.clear()
    telemetry.set_fault("source", None)
    telemetry.set_fault("never", None)
    assert telemetry.faults() == {"display": "dark"}


def test_what_found_the_poses_is_known_and_counted() -> None:
    telemetry = Telemetry()
    assert telemetry.provenance is None
    assert telemetry.backends() == {}
    edgetpu = Provenance("m-edgetpu", "edgetpu")
    plain = Provenance("m-int8", "cpu")
    late, lost = (Provenance("m-int8", "cpu", f"edgetpu {what} 12:03") for what in ("late", "lost"))
    for provenance in (plain, plain, edgetpu, edgetpu, edgetpu, late, lost, lost, edgetpu):
        telemetry.processed({}, provenance, person=False)
        assert telemetry.provenance is provenance
    assert [one.place for one in (plain, edgetpu, late)] == [
        *("cpu", "edgetpu", "cpu (edgetpu late 12:03)"),
    ]
    assert telemetry.backends() == {"cpu": 5, "edgetpu": 4}


def test_threads_lose_no_count() -> None:
    telemetry = Telemetry()

    def work() -> None:
        for _ in range(500):
            telemetry.tick(Event.PROCESSED)
            telemetry.add({"queue": 1.0})
            telemetry.summaries()

    threads = [threading.Thread(target=work) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(30)
    assert telemetry.count(Event.PROCESSED) == 2000
    summary = telemetry.summary("queue")
    assert summary is not None
    assert summary.count == 2000


def test_a_summary_counts_all_samples_in_buckets_though_few_are_kept() -> None:
    telemetry = Telemetry()
    for _ in range(2 * KEPT_SAMPLES):
        telemetry.add({"inference": 5.0})
    telemetry.add({"inference": 5.1, "queue": 0.0})
    telemetry.add({"inference": 1e6})
    summary = telemetry.summary("inference")
    assert summary is not None
    assert summary.count == 2 * KEPT_SAMPLES + 2
    assert summary.total_ms == pytest.approx(5.0 * 2 * KEPT_SAMPLES + 5.1 + 1e6)
    place = BOUNDS_MS.index(5.0)  # a bound is part of the bucket below it
    assert summary.buckets[place : place + 2] == (2 * KEPT_SAMPLES, 1)
    assert (sum(summary.buckets), summary.buckets[-1]) == (summary.count, 1)


def test_the_stages_of_a_typical_frame_add_up_to_the_latency() -> None:
    telemetry = Telemetry()
    assert telemetry.typical() == {}
    rng = np.random.default_rng(1)
    for slow in rng.exponential(30.0, 200):
        telemetry.processed({"queue": 1.0, "inference": slow}, Provenance("m", "cpu"), person=True)
        telemetry.shown({"queue": 1.0, "inference": slow, "present": 40.0 - min(slow, 30.0)})
    latency, typical = telemetry.summary("latency"), telemetry.typical()
    assert latency is not None
    assert list(typical) == ["queue", "inference", "present"], "in the order of the flow"
    assert sum(typical.values()) == pytest.approx(latency.median, rel=0.05)
    assert telemetry.count(Event.SHOWN) == telemetry.count(Event.PERSON) == 200
    assert [telemetry.summaries()[stage].count for stage in typical] == [200] * 3


def test_a_single_frame_is_typical() -> None:
    telemetry = Telemetry()
    telemetry.shown({"queue": 1.0, "present": 2.0})
    assert telemetry.typical() == {"queue": 1.0, "present": 2.0}
