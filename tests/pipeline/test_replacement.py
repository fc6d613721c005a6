"""Threads of a pipeline that fail or hang are replaced without disturbing the other threads."""

from __future__ import annotations

import gc
import itertools
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import suppress

import pytest
from helpers import (
    GENEROUS_S,
    FakeEstimator,
    FakeSource,
    coded_picture,
    frames,
    make_frame,
    no_threads_left,
    wait_until,
)

from pose_edge.config.schema import Settings
from pose_edge.errors import EndOfStream, SourceError
from pose_edge.frames import Frame, Image
from pose_edge.pipeline import inference
from pose_edge.pipeline.capture import Capture
from pose_edge.pipeline.options import PipelineOptions
from pose_edge.pipeline.pipeline import RING_SLOTS, Pipeline
from pose_edge.poses import Estimate, Result
from pose_edge.sinks import Sink
from pose_edge.supervision.hung_threads import HUNG_LIMIT
from pose_edge.supervision.supervisor import Part, State, Supervisor
from pose_edge.telemetry import Event, Stopwatch, Telemetry
from pose_edge.tracking import PoseTracker


class HangingSource(FakeSource):
    """A live source that hangs after some frames until the gate opens."""

    def __init__(self, after: int, gate: threading.Event) -> None:
        super().__init__(frames(after, interval_s=0.002), live=True)
        self._gate = gate

    def read(self, timeout: float, reuse: Image | None = None) -> Frame | None:
        try:
            return self._next(timeout, reuse)
        except EndOfStream:
            assert self._gate.wait(GENEROUS_S)
            # A frame from a driver that wakes up late: it must not be used.
            return make_frame(coded_picture(60_000), index=60_000)

    def _next(self, timeout: float, reuse: Image | None) -> Frame | None:
        frame = super().read(timeout, reuse)
        if frame is None:
            raise EndOfStream
        return frame


class HangingEstimator(FakeEstimator):
    """An estimator that hangs at one frame until the gate opens."""

    def __init__(self, after: int, gate: threading.Event) -> None:
        super().__init__()
        self._after, self._gate = after, gate

    def estimate(self, frame: Frame, stopwatch: Stopwatch | None = None) -> Estimate:
        if len(self.codes) == self._after:
            assert self._gate.wait(GENEROUS_S)
        return super().estimate(frame, stopwatch)


class DyingEstimator(FakeEstimator):
    """An estimator that always fails."""

    def estimate(self, frame: Frame, stopwatch: Stopwatch | None = None) -> Estimate:
        raise ZeroDivisionError("the estimator broke")


class SentFrames:
    """An output that records the numbers of its frames; with a gate, it waits at the second."""

    failed = None
    lost = 0

    def __init__(self, gate: threading.Event | None = None) -> None:
        self.numbers: list[int] = []
        self.waiting = False
        self._gate = gate

    def send(self, result: Result) -> None:
        if self._gate is not None and len(self.numbers) == 1:
            self.waiting = True
            assert self._gate.wait(GENEROUS_S)
        self.numbers.append(result.frame.index)


class Bench:
    """A pipeline with replaceable parts, and a clock that the test advances."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        self.now = 0.0
        self.spoken: dict[str, float] = {}
        running = Part.running

        def spy(part: Part, detail: str = "", *, within: float) -> None:
            now = self.now
            running(part, detail, within=within)
            self.spoken[part.name] = now

        monkeypatch.setattr(Part, "running", spy)
        monkeypatch.setattr(inference, "IDLE_S", 0.05)
        self.gate = threading.Event()
        self.supervisor = Supervisor(lambda: self.now)
        self.telemetry = Telemetry()
        self.sources: list[FakeSource] = []
        self.estimators: list[FakeEstimator] = []
        self.make_source: Callable[[], FakeSource] = self.good_source
        self.make_estimator: Callable[[], FakeEstimator] = FakeEstimator
        self.options = PipelineOptions(
            make_source=self.next_source,
            load_estimator=self.next_estimator,
            make_tracker=self.tracker,
        )

    def start(
        self, source: FakeSource, estimator: FakeEstimator | None = None, *sinks: Sink
    ) -> None:
        self.pipeline = Pipeline(
            source,
            estimator or FakeEstimator(),
            self.telemetry,
            sinks=sinks,
            options=self.options,
            supervisor=self.supervisor,
        )
        self.pipeline.start()

    def good_source(self) -> FakeSource:
        return FakeSource(frames(interval_s=0.002), live=True)

    def next_source(self) -> FakeSource:
        self.sources.append(self.make_source())
        return self.sources[-1]

    def next_estimator(self) -> FakeEstimator:
        self.estimators.append(self.make_estimator())
        return self.estimators[-1]

    def tracker(self) -> PoseTracker:
        return PoseTracker(Settings(), live=True)

    def state(self, name: str) -> State:
        return next(one.state for one in self.supervisor.parts if one.name == name)

    def take(self) -> Result:
        deadline = time.monotonic() + GENEROUS_S
        while time.monotonic() < deadline:
            result = self.pipeline.take(0.1)
            if result is not None:
                return result
        raise AssertionError("no result came")

    def index(self) -> int:
        result = self.take()
        index = result.frame.index
        result.release()
        return index

    def rest(self) -> list[int]:
        """Take all results up to the end; return the indices of their frames."""
        numbers = []
        with suppress(EndOfStream):
            while True:
                numbers.append(self.index())
        return numbers

    def _wait_for_signs(self, silent: set[str]) -> None:
        """Wait until all running parts but the silent ones have sent a heartbeat at this time."""
        running = {one.name for one in self.supervisor.parts if one.state is State.RUNNING}
        wait_until(lambda: all(self.spoken.get(name) == self.now for name in running - silent))

    def let_pass(self, seconds: float, *, hangs: str = "", always: bool = False) -> bool:
        """Advance the clock in steps of 1 s; in each step wait for the heartbeats of healthy parts.

        Args:
            seconds: Time to pass.
            hangs: Name of a part whose heartbeat is not awaited until it has been replaced.
            always: Whether not to wait for its replacement's heartbeat either.

        Returns:
            Whether the supervisor found all well at the end.
        """
        well = True
        began = len(self.sources) + len(self.estimators)
        for _ in range(int(seconds)):
            self.now += 1.0
            replaced = len(self.sources) + len(self.estimators) > began
            self._wait_for_signs({hangs} if always or not replaced else set())
            well = self.supervisor.look()
        return well


@pytest.fixture
def bench(monkeypatch: pytest.MonkeyPatch) -> Iterator[Bench]:
    before = set(threading.enumerate())
    made = Bench(monkeypatch)
    yield made
    made.gate.set()
    made.pipeline.stop()
    wait_until(lambda: no_threads_left(before))


def test_a_source_that_hangs_is_left_to_its_thread_and_another_takes_its_place(
    bench: Bench,
) -> None:
    first = HangingSource(5, bench.gate)
    bench.start(first)
    bench.index()
    wait_until(lambda: bench.telemetry.count(Event.CAPTURED) == 5)
    bench.let_pass(16, hangs="source")
    wait_until(lambda: bench.telemetry.count(Event.CAPTURED) > 10)
    assert len(bench.sources) == 1
    assert bench.sources[0].opened == 1
    assert first.closed == 0, "never closed under the thread that uses it"
    assert bench.telemetry.faults() == {}
    assert bench.state("inference") is State.RUNNING
    numbers = [bench.index() for _ in range(20)]
    assert numbers == sorted(set(numbers)), "frames are numbered on"
    assert numbers[-1] > 5
    bench.gate.set()  # the hanging thread wakes up
    wait_until(lambda: first.closed == 1)
    assert len(first.threads) == 1
    assert max(bench.index() for _ in range(20)) < 60_000
    assert bench.state("source") is State.RUNNING


class HeldSource(FakeSource):
    """A live source that cannot be opened until the source that holds its device is closed."""

    def __init__(self, holder: FakeSource) -> None:
        super().__init__(frames(interval_s=0.002), live=True)
        self._holder = holder

    def open(self) -> None:
        if not self._holder.closed:
            raise SourceError("the camera is in use")
        super().open()


def test_a_device_that_a_hung_thread_holds_needs_a_restart_of_the_program(bench: Bench) -> None:
    first = HangingSource(5, bench.gate)
    bench.make_source = lambda: HeldSource(first)
    bench.start(first)
    wait_until(lambda: bench.telemetry.count(Event.CAPTURED) == 5)
    assert bench.let_pass(16, hangs="source", always=True)
    wait_until(lambda: not bench.supervisor.look())
    assert bench.state("source") is State.FAILED
    detail = next(part.detail for part in bench.supervisor.parts if part.name == "source")
    assert detail == "the camera is in use; a thread that hangs may still have it open"
    bench.gate.set()  # without systemd the program goes on until the thread wakes up
    wait_until(lambda: bench.telemetry.count(Event.CAPTURED) > 10)
    assert bench.supervisor.look()


def test_a_source_that_dies_is_replaced(bench: Bench, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level("INFO")
    steps = itertools.chain[Frame | BaseException](frames(3), [ZeroDivisionError("a bug")])
    bench.start(FakeSource(steps, live=True))
    wait_until(lambda: bench.telemetry.faults() == {"source": "a bug"})
    assert bench.state("source") is State.FAILED
    assert bench.sources == []
    bench.let_pass(2)
    wait_until(lambda: bench.telemetry.count(Event.CAPTURED) > 5)
    assert bench.telemetry.faults() == {}
    assert "a fake source is back" in caplog.text


def test_an_estimator_that_hangs_is_closed_and_another_takes_its_place(bench: Bench) -> None:
    hanging, sent = HangingEstimator(3, bench.gate), SentFrames()
    bench.start(bench.good_source(), hanging, sent)
    wait_until(lambda: len(hanging.codes) == 3)
    bench.let_pass(15, hangs="inference")
    wait_until(lambda: len(bench.estimators[0].codes) > 3)
    assert bench.telemetry.faults() == {}
    assert hanging.runtime.closed
    count = bench.telemetry.count(Event.PROCESSED)
    bench.gate.set()  # the hanging thread wakes up: its result must not be used
    wait_until(lambda: bench.telemetry.count(Event.PROCESSED) > count + 20)
    numbers = [bench.index() for _ in range(10)]
    assert numbers == sorted(set(numbers))
    assert sent.numbers == sorted(set(sent.numbers)), "no output gets it either"


def test_the_model_of_a_file_may_wait_for_an_output_for_as_long_as_it_takes(bench: Bench) -> None:
    sent = SentFrames(bench.gate)
    bench.start(FakeSource(frames(40), live=False), FakeEstimator(), sent)
    wait_until(lambda: sent.waiting)
    for _ in range(60):
        bench.now += 1.0
        assert bench.supervisor.look()
    assert bench.estimators == []
    bench.gate.set()
    assert bench.rest() == sent.numbers == list(range(40))


def captures() -> set[Capture]:
    """Return all capture threads that are in memory, those of earlier tests too."""
    gc.collect()
    return {one for one in gc.get_objects() if isinstance(one, Capture)}


def test_threads_that_were_replaced_do_not_stay_in_memory(bench: Bench) -> None:
    earlier = captures()
    bench.start(bench.good_source())
    for _ in range(8):
        bench.pipeline.change_source(bench.good_source())
        bench.index()
    bench.make_source = lambda: FakeSource([ZeroDivisionError("a bug")], live=True)
    bench.pipeline.change_source(bench.make_source())

    def five_were_made() -> bool:
        bench.now += 1
        bench.supervisor.look()
        return len(bench.sources) >= 5

    wait_until(five_were_made)
    bench.sources.clear()  # each knows the thread that has read it
    kept = captures() - earlier
    assert len(kept) <= 4, "the present one, and the ones that it may have to wait for"


def test_an_estimator_that_always_fails_is_tried_again_ever_more_rarely(bench: Bench) -> None:
    bench.make_estimator = DyingEstimator
    bench.start(bench.good_source(), DyingEstimator())
    wait_until(lambda: bench.state("inference") is State.FAILED)
    for tries, wait in enumerate((1, 2, 4, 8, 16, 30, 30), start=1):
        bench.let_pass(wait)
        assert len(bench.estimators) == tries
        wait_until(lambda: bench.state("inference") is State.FAILED)
    assert bench.telemetry.faults() == {"inference": "the estimator broke"}
    assert bench.state("source") is State.RUNNING
    bench.make_estimator = FakeEstimator
    bench.let_pass(30)
    bench.index()
    assert bench.telemetry.faults() == {}
    assert all(estimator.runtime.closed for estimator in bench.estimators[:-1])


def test_too_many_that_hang_are_beyond_help(bench: Bench) -> None:
    bench.make_source = lambda: HangingSource(1, bench.gate)
    bench.start(bench.make_source())
    for _ in range(200):
        wait_until(lambda: bench.telemetry.count(Event.CAPTURED) > len(bench.sources))
        if not bench.let_pass(5, hangs="source", always=True):
            break
    assert len(bench.sources) == HUNG_LIMIT
    part = next(one for one in bench.supervisor.parts if one.name == "source")
    assert part.state is State.FAILED
    assert part.detail == f"{HUNG_LIMIT + 1} threads hang"


def test_without_spares_an_error_ends_the_run(bench: Bench) -> None:
    bench.pipeline = Pipeline(bench.good_source(), DyingEstimator(), Telemetry())
    bench.pipeline.start()
    with pytest.raises(ZeroDivisionError):
        bench.take()


def test_of_a_file_an_error_ends_the_run_whatever_there_is_to_replace(bench: Bench) -> None:
    bench.start(FakeSource(frames(5), live=False), DyingEstimator())
    with pytest.raises(ZeroDivisionError):
        bench.take()


def test_another_source_takes_over_and_only_the_source_changes(bench: Bench) -> None:
    first, second = bench.good_source(), bench.good_source()
    bench.start(first)
    bench.index()
    bench.pipeline.change_source(second)
    last = bench.index()
    wait_until(lambda: second.opened == 1)
    assert first.closed >= 1
    numbers = [bench.index() for _ in range(10)]
    assert numbers == sorted(set(numbers))
    assert numbers[0] > last
    assert bench.telemetry.faults() == {}


def test_another_source_does_not_wait_for_ever_for_one_that_hangs(
    bench: Bench, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("pose_edge.pipeline.capture.PREDECESSOR_S", 0.05)
    first, second = HangingSource(5, bench.gate), bench.good_source()
    bench.start(first)
    wait_until(lambda: bench.telemetry.count(Event.CAPTURED) == 5)
    bench.pipeline.change_source(second)
    wait_until(lambda: bench.telemetry.count(Event.CAPTURED) > 10)
    assert first.closed == 0
    bench.gate.set()
    wait_until(lambda: first.closed == 1)
    assert len(first.threads) == len(second.threads) == 1


def test_a_file_takes_over_from_a_camera_and_loses_nothing(bench: Bench) -> None:
    bench.start(bench.good_source())
    bench.index()
    bench.pipeline.change_source(FakeSource(frames(50), live=False))
    assert not bench.pipeline.live
    numbers = bench.rest()
    assert [b - a for a, b in itertools.pairwise(numbers[-50:])] == [1] * 49


def test_sources_that_end_as_they_are_replaced_hold_no_slots(bench: Bench) -> None:
    reading, replaced = threading.Semaphore(0), threading.Semaphore(0)

    class Ending(FakeSource):
        def read(self, timeout: float, reuse: Image | None = None) -> Frame | None:
            reading.release()
            assert replaced.acquire(timeout=GENEROUS_S)
            raise EndOfStream

    bench.start(Ending([], live=False))
    for number in range(RING_SLOTS + 1):
        assert reading.acquire(timeout=GENEROUS_S)
        last = number == RING_SLOTS
        bench.pipeline.change_source(
            FakeSource(frames(3), live=False) if last else Ending([], live=False)
        )
        replaced.release()
    assert len(bench.rest()) == 3


def test_another_estimator_takes_over_between_two_frames(bench: Bench) -> None:
    first, second, third = FakeEstimator(), FakeEstimator(), FakeEstimator()
    bench.start(bench.good_source(), first)
    bench.index()
    bench.pipeline.change_inference(second, bench.tracker())
    wait_until(lambda: len(second.codes) > 3)
    assert first.runtime.closed
    assert second.codes[0] > first.codes[-1]
    codes = second.codes
    bench.pipeline.change_inference(tracker=bench.tracker())
    seen = len(codes)
    wait_until(lambda: len(codes) > seen + 3)
    bench.pipeline.change_inference(third)
    bench.pipeline.stop()
    assert third.runtime.closed
    assert second.runtime.closed


@pytest.mark.parametrize("further", [-1, 30])
def test_a_limit_that_comes_later_counts_from_the_start(bench: Bench, further: int) -> None:
    bench.start(bench.good_source())
    for _ in range(3):
        bench.index()
    limit = bench.telemetry.count(Event.PROCESSED) + further
    bench.pipeline.limit(limit)
    bench.rest()
    if further > 0:
        assert bench.telemetry.count(Event.PROCESSED) == limit
