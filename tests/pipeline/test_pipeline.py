from __future__ import annotations

import itertools
import queue
import statistics
import threading
import time
from collections.abc import Iterator
from dataclasses import replace

import numpy as np
import pytest
from helpers import (
    GENEROUS_S,
    FakeEstimator,
    FakeSource,
    coded_picture,
    frames,
    make_frame,
    no_threads_left,
    read_code,
    slowness,
    wait_until,
    wait_until_blocked,
)

from pose_edge.config.schema import Settings
from pose_edge.errors import EndOfStream, SourceError, SourceLost
from pose_edge.frames import Frame, Lease
from pose_edge.pipeline import capture as capture_module
from pose_edge.pipeline.options import PipelineOptions
from pose_edge.pipeline.pipeline import Pipeline
from pose_edge.pipeline.rest import CHECK_INTERVAL_S, QUIET_S
from pose_edge.poses import Estimate, Provenance, Result
from pose_edge.supervision.backoff import Backoff
from pose_edge.supervision.supervisor import State, Supervisor
from pose_edge.telemetry import Event, Stopwatch, Telemetry
from pose_edge.tracking import PoseTracker


@pytest.fixture(autouse=True)
def _quick_backoff(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(capture_module, "Backoff", lambda *_: Backoff(0.01, 0.02))


@pytest.fixture(autouse=True)
def _no_thread_stays() -> Iterator[None]:
    before = set(threading.enumerate())
    yield
    assert no_threads_left(before), f"left: {set(threading.enumerate()) - before}"


FAR_S = capture_module.MAX_PAUSE_S
"""The longest pause in seconds that is kept when a file is played; longer ones are cut."""


class Sink:
    """A sink that records the indices of the frames that it was sent."""

    failed: str | None = None
    lost = 0

    def __init__(self) -> None:
        self.sent: list[int] = []

    def open(self) -> None:
        pass

    def send(self, result: Result) -> None:
        self.sent.append(result.frame.index)

    def close(self) -> None:
        pass


def make(
    source: FakeSource,
    estimator: FakeEstimator | None = None,
    *,
    sinks: list[Sink] | None = None,
    pace: bool = False,
    max_frames: int | None = None,
    wait: bool = False,
    supervisor: Supervisor | None = None,
) -> tuple[Pipeline, Telemetry]:
    telemetry = Telemetry()
    made = Pipeline(
        source,
        estimator or FakeEstimator(),
        telemetry,
        sinks=sinks or [],
        max_frames=max_frames,
        options=PipelineOptions(pace=pace, wait=wait),
        supervisor=supervisor,
    )
    made.start()
    return made, telemetry


def take(pipeline: Pipeline) -> Result:
    """Take the next result; fail if none comes in time."""
    deadline = time.monotonic() + GENEROUS_S
    while time.monotonic() < deadline:
        result = pipeline.take(0.5)
        if result is not None:
            return result
    raise AssertionError("no result came")


def drain(pipeline: Pipeline, hold_s: float = 0.0) -> list[int]:
    """Take and release all results up to the end; return the indices of their frames."""
    taken: list[int] = []
    while True:
        try:
            result = take(pipeline)
        except EndOfStream:
            return taken
        taken.append(result.frame.index)
        if hold_s:
            time.sleep(hold_s)
        result.release()


# --- files ----------------------------------------------------------------------------------------


def test_a_file_that_is_paused_goes_on_by_steps_and_loses_nothing() -> None:
    supervisor = Supervisor()
    pipeline, _ = make(FakeSource(frames(20), live=False), supervisor=supervisor)
    taken: list[int] = []

    def keep(result: Result) -> None:
        taken.append(result.frame.index)
        result.release()

    keep(take(pipeline))
    pauses = [pipeline.paused]
    pipeline.pause()
    pauses.append(pipeline.paused)
    assert pauses == [False, True]
    while (result := pipeline.take(0.5)) is not None:  # one more frame, and those under way
        keep(result)
    assert len(taken) < 20
    for _ in range(2):
        pipeline.step()
        keep(take(pipeline))
        assert pipeline.take(0.2) is None
    supervisor.look()
    assert all(part.state is not State.FAILED for part in supervisor.parts)
    pipeline.resume()
    assert [*taken, *drain(pipeline)] == list(range(20))
    pipeline.stop()


def test_a_pipeline_stops_while_its_file_is_paused() -> None:
    pipeline, _ = make(FakeSource(frames(20), live=False))
    pipeline.pause()
    take(pipeline).release()
    pipeline.stop()


def test_a_live_source_goes_on_while_it_is_paused_and_a_new_source_is_not_paused() -> None:
    pipeline, _ = make(FakeSource(frames(interval_s=0.001), live=True))
    pipeline.pause()
    for _ in range(5):
        take(pipeline).release()
    was_paused = pipeline.paused
    pipeline.change_source(FakeSource(frames(3), live=False))
    assert (was_paused, pipeline.paused) == (True, False)
    pipeline.stop()


def test_a_file_is_processed_frame_by_frame_in_order() -> None:
    source, estimator, sink = FakeSource(frames(100), live=False), FakeEstimator(), Sink()
    pipeline, telemetry = make(source, estimator, sinks=[sink])
    assert drain(pipeline) == list(range(100))
    assert estimator.codes == list(range(100))
    assert sink.sent == list(range(100))
    assert pipeline.skipped == 0
    assert (telemetry.count(Event.CAPTURED), telemetry.count(Event.PROCESSED)) == (100, 100)
    for _ in range(2):
        with pytest.raises(EndOfStream):
            pipeline.take(0)
    pipeline.stop()
    assert source.closed >= 1
    assert source.reused.count(True) > 80, "memory is used again"


def test_a_slow_taker_slows_a_file_down_and_loses_nothing() -> None:
    pipeline, _ = make(FakeSource(frames(20), live=False))
    assert drain(pipeline, hold_s=0.01) == list(range(20))
    pipeline.stop()


def test_a_frame_without_an_inference_pass_has_a_result_too() -> None:
    """With several people, for example, while nobody is there and no search is due."""

    class Idle(FakeEstimator):
        def estimate(self, frame: Frame, stopwatch: Stopwatch | None = None) -> Estimate:
            return Estimate([])

    pipeline = Pipeline(
        FakeSource(frames(1), live=False),
        Idle(),
        Telemetry(),
        tracker=PoseTracker(Settings(), live=False),
    )
    pipeline.start()
    result = take(pipeline)
    assert set(result.stages_ms) == {"wait", "postprocess", "total"}
    result.release()
    pipeline.stop()


def test_results_are_of_their_own_frame() -> None:
    pipeline, _ = make(FakeSource(frames(5), live=False))
    result = take(pipeline)
    assert result.provenance == Provenance("fake-model", "fake")
    assert result.frame.index == 0
    assert len(result.poses) == 1
    assert result.crop == (0.0, 0.0, 1.0, 1.0)
    assert set(result.stages_ms) == {"wait", "preprocess", "inference", "postprocess", "total"}
    parts = [value for stage, value in result.stages_ms.items() if stage != "total"]
    assert result.stages_ms["total"] == pytest.approx(sum(parts))
    assert result.stages_ms["total"] == pytest.approx(sum(result.laps_ms.values()))
    result.release()
    pipeline.stop()


def test_the_age_of_a_files_frame_counts_from_when_it_is_handed_over() -> None:
    old = make_frame(coded_picture(0))
    ancient = Frame(old.image, "BGR", old.captured_ns - 10**12, 0, 0.0)
    pipeline, _ = make(FakeSource([ancient], live=False))
    result = take(pipeline)
    assert result.stages_ms["total"] < GENEROUS_S * 1000
    result.release()
    pipeline.stop()


def test_pictures_have_nothing_to_do_with_each_other() -> None:
    pictures = [make_frame(coded_picture(n), index=n, file=f"{n}.jpg") for n in range(4)]
    estimator = FakeEstimator()
    pipeline, _ = make(FakeSource(pictures, live=False), estimator)
    drain(pipeline)
    pipeline.stop()
    assert estimator.resets == 4
    estimator = FakeEstimator()
    pipeline, _ = make(FakeSource(frames(4), live=False), estimator)
    drain(pipeline)
    pipeline.stop()
    assert estimator.resets == 0, "frames of a video have to do with each other"


def test_a_read_without_a_frame_is_no_end() -> None:
    steps = [None, make_frame(coded_picture(0)), None, None, make_frame(coded_picture(1), index=1)]
    pipeline, telemetry = make(FakeSource(steps, live=False))
    assert drain(pipeline) == [0, 1]
    assert telemetry.count(Event.CAPTURED) == 2
    pipeline.stop()


def test_a_paced_file_plays_at_its_own_speed() -> None:
    """At 30 frames per second 16 frames take at least half a second."""
    started = time.monotonic()
    pipeline, _ = make(FakeSource(frames(16), live=False), pace=True)
    assert drain(pipeline) == list(range(16))
    assert time.monotonic() - started >= 15 / 30 - 0.01
    pipeline.stop()


@pytest.mark.quiet
def test_a_paced_file_that_inference_cannot_follow_loses_nothing_and_stays_young() -> None:
    estimator = FakeEstimator(work_s=0.1)
    pipeline, _ = make(FakeSource(frames(12), live=False), estimator, pace=True)
    ages = []
    for _ in range(12):
        result = take(pipeline)
        ages.append(result.stages_ms["wait"])
        result.release()
    pipeline.stop()
    assert estimator.codes == list(range(12))
    # A full ring would make 400 ms: a frame waits at most for the frame in work.
    assert statistics.median(ages) < 250 * slowness()


# --- live -----------------------------------------------------------------------------------------


def test_of_a_live_source_the_newest_frame_wins_and_what_is_skipped_is_counted() -> None:
    estimator = FakeEstimator()
    estimator.gate.clear()
    source = FakeSource(frames(50, interval_s=0.002), live=True)
    pipeline, telemetry = make(source, estimator)
    wait_until(lambda: pipeline.ended, "the source's end")
    assert telemetry.count(Event.CAPTURED) == 50
    estimator.gate.set()
    numbers = drain(pipeline)
    assert numbers[-1] == 49, "the newest"
    assert len(numbers) <= 2
    # One frame may have been in work already; its result may have been replaced by a newer one.
    assert len(estimator.codes) <= 2
    assert pipeline.skipped == 50 - len(estimator.codes)
    pipeline.stop()


def test_a_live_source_is_read_even_when_every_slot_is_held() -> None:
    source = FakeSource(frames(300, interval_s=0.002), live=True)
    pipeline, telemetry = make(source)
    held = []
    for _ in range(4):
        held.append(take(pipeline))
    kept = [(result.frame.index, result.frame.image.copy()) for result in held]
    wait_until(lambda: telemetry.count(Event.CAPTURED) == 300, "the source's end")
    for result, (index, image) in zip(held, kept, strict=True):
        assert result.frame.index == index
        assert (result.frame.image == image).all()
        result.release()
    drain(pipeline)
    assert pipeline.skipped + telemetry.count(Event.PROCESSED) == 300
    pipeline.stop()


def test_results_that_nobody_takes_give_way_to_newer_ones() -> None:
    source = FakeSource(frames(60, interval_s=0.002), live=True)
    sink = Sink()
    pipeline, _ = make(source, sinks=[sink])
    wait_until(lambda: bool(sink.sent) and sink.sent[-1] == 59, "the last frame")
    assert drain(pipeline) == [59]
    pipeline.stop()


@pytest.mark.quiet
def test_the_age_of_what_is_shown_stays_flat_when_inference_is_slow() -> None:
    """At 30 frames per second and 100 ms of inference the age must not grow."""
    estimator = FakeEstimator(work_s=0.1)
    pipeline, telemetry = make(FakeSource(frames(interval_s=1 / 30), live=True), estimator)
    ages = []
    ends = time.monotonic() + 3.0
    while time.monotonic() < ends:
        result = take(pipeline)
        ages.append((time.monotonic_ns() - result.frame.captured_ns) / 1e6)
        result.release()
    pipeline.stop()
    assert len(ages) >= 10
    assert pipeline.skipped > len(ages)
    third = len(ages) // 3
    early, late = statistics.median(ages[:third]), statistics.median(ages[-third:])
    # With a backlog the age would grow by 70 ms per result, to more than a second.
    assert late < early + 200 * slowness()
    assert late < 800 * slowness()
    assert telemetry.count(Event.CAPTURED) > 2 * len(ages)


# --- faults ---------------------------------------------------------------------------------------


@pytest.mark.parametrize("live", [False, True])
@pytest.mark.parametrize("error", [SourceError("no video"), ZeroDivisionError("a bug")])
def test_an_error_of_the_source_reaches_the_taker(live: bool, error: Exception) -> None:
    steps = itertools.chain[Frame | BaseException](frames(3), [error])
    source = FakeSource(steps, live=live)
    pipeline, _ = make(source)
    with pytest.raises(type(error), match=str(error)):
        drain(pipeline)
    with pytest.raises(type(error)):
        pipeline.take(0)
    pipeline.stop()
    assert source.closed >= 1


@pytest.mark.parametrize("live", [False, True])
def test_an_error_of_the_estimator_reaches_the_taker_and_ends_the_capture(live: bool) -> None:
    estimator = FakeEstimator()
    estimator.fail_at = 3
    source = FakeSource(frames(interval_s=0.005 if live else 0), live=live)
    if live:
        estimator.fail_at = None
        broken = itertools.count()
        real = estimator.estimate

        def estimate(frame: Frame, stopwatch: object = None) -> object:
            if next(broken) == 3:
                raise ZeroDivisionError("the estimator broke")
            return real(frame)

        estimator.estimate = estimate  # type: ignore[assignment]
    pipeline, _ = make(source, estimator)
    with pytest.raises(ZeroDivisionError, match="the estimator broke"):
        drain(pipeline)
    wait_until(lambda: source.closed >= 1, "the end of the capture thread")
    pipeline.stop()


def test_an_error_of_a_sink_does_not_hang() -> None:
    class Broken(Sink):
        def send(self, result: Result) -> None:
            raise ValueError("a bug in a sink")

    pipeline, _ = make(FakeSource(frames(), live=False), sinks=[Broken()])
    with pytest.raises(ValueError, match="a bug in a sink"):
        take(pipeline)
    pipeline.stop()


def test_a_lost_source_is_opened_again_and_again_until_it_is_back() -> None:
    returned = threading.Event()

    def steps() -> Iterator[Frame | BaseException]:
        yield from frames(2, interval_s=0.01)
        source.open_errors = [SourceError(f"not yet {n}") for n in range(3)]
        yield SourceLost("the camera is gone")
        returned.set()
        yield from (make_frame(coded_picture(n), index=n) for n in range(2, 5))
        time.sleep(0.1)

    source = FakeSource(steps(), live=True)
    pipeline, telemetry = make(source)
    seen: list[int] = []
    faults: set[str] = set()
    deadline = time.monotonic() + GENEROUS_S
    while time.monotonic() < deadline:
        faults |= set(telemetry.faults().values())
        try:
            result = pipeline.take(0.001)
        except EndOfStream:
            break
        if result is not None:
            seen.append(result.frame.index)
            result.release()
    assert seen[-1] == 4
    assert returned.is_set()
    assert source.opened == 2
    assert source.closed >= 1
    assert source.open_errors == []
    assert any(fault.startswith("the camera is gone (since ") for fault in faults)
    assert telemetry.faults() == {}, "the fault is over"
    pipeline.stop()


def test_a_source_that_opens_but_gives_nothing_is_still_lost(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    waits: list[float] = []

    class Quick(Backoff):
        def next(self) -> float:
            waits.append(super().next())
            return 0.001

    monkeypatch.setattr("pose_edge.pipeline.capture.Backoff", Quick)
    source = FakeSource([SourceLost("no frame comes")] * 4 + [make_frame(index=7)], live=True)
    source.retry_s = 4.0
    pipeline, telemetry = make(source)
    wait_until(lambda: len(waits) == 4, "four attempts")
    wait_until(lambda: telemetry.faults() == {}, "the fault ends with the first frame")
    assert waits == [1.0, 2.0, 4.0, 4.0], "opening alone does not start the back-off again"
    pipeline.stop()


def test_a_source_that_never_comes_back_is_a_fault_and_can_be_stopped() -> None:
    def steps() -> Iterator[Frame | BaseException]:
        source.open_errors = [SourceError("nothing there")] * 100_000
        yield SourceLost("gone")

    source = FakeSource(steps(), live=True)
    pipeline, telemetry = make(source)
    wait_until(lambda: telemetry.faults().get("source", "").startswith("nothing there (since "))
    assert pipeline.take(0.01) is None, "no end: it may come back"
    pipeline.stop()
    with pytest.raises(EndOfStream):
        pipeline.take(0)


def test_a_source_that_is_not_there_yet_is_waited_for(caplog: pytest.LogCaptureFixture) -> None:
    source = FakeSource(frames(5, interval_s=0.01), live=True)
    source.open_errors = [SourceError(f"no camera found {n}") for n in range(4)]
    with caplog.at_level("INFO", "pose_edge"):
        pipeline, telemetry = make(source, wait=True)
        result = take(pipeline)
    assert result.frame.index < 5
    result.release()
    assert source.opened == 1
    assert "no camera found 0; waiting for it" in caplog.text
    assert "a fake source is there" in caplog.text
    assert telemetry.faults() == {}
    drain(pipeline)
    pipeline.stop()


def test_a_source_that_is_there_at_once_needs_no_word(caplog: pytest.LogCaptureFixture) -> None:
    with caplog.at_level("INFO", "pose_edge"):
        pipeline, telemetry = make(FakeSource(frames(5), live=True), wait=True)
        assert drain(pipeline)[-1] == 4
    pipeline.stop()
    assert telemetry.faults() == {}
    assert caplog.text == ""


def test_what_is_waited_for_is_told_with_its_newest_reason() -> None:
    source = FakeSource((), live=True)
    source.open_errors = [SourceError("no camera"), *[SourceError("it is in use")] * 100_000]
    pipeline, telemetry = make(source, wait=True)
    wait_until(lambda: telemetry.faults().get("source", "").startswith("it is in use (since "))
    assert pipeline.take(0.01) is None, "no end: it may come"
    pipeline.stop()


def test_an_error_of_the_program_at_the_first_opening_is_told() -> None:
    source = FakeSource((), live=True)
    source.open_errors = [ZeroDivisionError("a bug")]
    pipeline, _ = make(source, wait=True)
    with pytest.raises(ZeroDivisionError):
        take(pipeline)
    pipeline.stop()


@pytest.mark.parametrize("live", [False, True])
def test_what_a_live_source_passed_over_itself_counts_as_skipped(live: bool) -> None:
    numbers = (0, 1, 5, 6, 8)
    steps = [make_frame(coded_picture(n), index=n) for n in numbers]
    estimator = FakeEstimator()
    pipeline, _ = make(FakeSource(steps, live=live), estimator)
    drain(pipeline)
    pipeline.stop()
    assert pipeline.skipped == (9 if live else 5) - len(estimator.codes)


# --- opening --------------------------------------------------------------------------------------


@pytest.mark.parametrize("live", [False, True])
def test_a_source_is_opened_read_and_closed_by_one_thread(live: bool) -> None:
    source = FakeSource(frames(interval_s=0.001), live=live)
    pipeline = Pipeline(source, FakeEstimator(), Telemetry())
    pipeline.open()
    assert (source.opened, source.reused) == (1, []), "open, and not read before the start"
    pipeline.start()
    take(pipeline).release()
    pipeline.stop()
    assert (source.opened, source.closed) == (1, 1)
    assert {thread.name for thread in source.threads} == {"capture"}


@pytest.mark.parametrize("first", [True, False], ids=["open", "start"])
@pytest.mark.parametrize("live", [False, True])
def test_a_source_that_cannot_be_opened_ends_the_run(live: bool, first: bool) -> None:
    source = FakeSource(frames(), live=live)
    source.open_errors = [SourceError("no such camera")]
    pipeline = Pipeline(source, FakeEstimator(), Telemetry())
    if first:
        with pytest.raises(SourceError, match="no such camera"):
            pipeline.open()
    else:
        pipeline.start()
        with pytest.raises(SourceError, match="no such camera"):
            take(pipeline)
    pipeline.stop()


def test_a_source_that_hangs_while_it_is_opened_blocks_nobody(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr("pose_edge.pipeline.pipeline.OPEN_S", 0.05)
    gate = threading.Event()

    class Hanging(FakeSource):
        def open(self) -> None:
            assert gate.wait(GENEROUS_S)

    pipeline = Pipeline(Hanging((), live=True), FakeEstimator(), Telemetry())
    with pytest.raises(SourceError, match="did not open within"):
        pipeline.open()
    gate.set()
    pipeline.stop()


# --- the end --------------------------------------------------------------------------------------


@pytest.mark.parametrize("live", [False, True])
def test_stopping_ends_all_threads_even_when_nobody_takes(live: bool) -> None:
    before = set(threading.enumerate())
    source = FakeSource(frames(interval_s=0.001), live=live)
    pipeline, telemetry = make(source)
    wait_until(lambda: telemetry.count(Event.PROCESSED) >= 1)
    if not live:  # both threads wait until a result is taken
        for thread in set(threading.enumerate()) - before:
            wait_until_blocked(thread)
    pipeline.stop()
    assert no_threads_left(before)
    assert source.closed >= 1
    pipeline.stop()  # stopping twice does no harm


@pytest.mark.parametrize("pace", [False, True])
def test_stopping_delivers_what_was_processed_and_then_ends(pace: bool) -> None:
    estimator, sink = FakeEstimator(), Sink()
    pipeline, telemetry = make(FakeSource(frames(), live=False), estimator, sinks=[sink], pace=pace)
    taken = []
    for _ in range(3):
        result = take(pipeline)
        taken.append(result.frame.index)
        result.release()
    wait_until(lambda: telemetry.count(Event.PROCESSED) >= 4)
    pipeline.stop()
    taken += drain(pipeline)
    assert taken == sink.sent == estimator.codes == list(range(len(taken)))


def test_stopping_does_not_wait_for_a_frame_that_is_far_away() -> None:
    far = [
        make_frame(coded_picture(0)),
        make_frame(coded_picture(1), index=1, moment=capture_module.MAX_PAUSE_S),
    ]
    pipeline, _ = make(FakeSource(far, live=False), pace=True)
    take(pipeline).release()
    started = time.monotonic()
    pipeline.stop()
    assert time.monotonic() - started < FAR_S / 2


def test_a_file_that_was_read_to_its_end_has_not_stalled() -> None:
    """A still picture may stay on the screen forever."""
    now = [0.0]
    supervisor = Supervisor(lambda: now[0])
    pipeline, _ = make(FakeSource(frames(3), live=False), supervisor=supervisor)
    assert drain(pipeline) == [0, 1, 2]
    pipeline.stop()
    now[0] += 10_000
    assert supervisor.look()
    assert {one.name: one.state for one in supervisor.parts} == {
        "source": State.DONE,
        "inference": State.DONE,
    }


def test_a_paced_file_that_waits_for_its_next_frame_has_not_stalled() -> None:
    now = [0.0]
    supervisor = Supervisor(lambda: now[0])
    far = [make_frame(index=0, moment=0.0), make_frame(index=1, moment=FAR_S)]
    pipeline, _ = make(FakeSource(far, live=False), pace=True, supervisor=supervisor)
    take(pipeline).release()
    now[0] += 3000
    supervisor.look()
    source = next(one for one in supervisor.parts if one.name == "source")
    assert source.state is State.RUNNING
    pipeline.stop()


@pytest.mark.parametrize("error", [OSError, SystemExit])
@pytest.mark.parametrize("live", [False, True])
def test_a_source_that_cannot_be_closed_ends_the_run_all_the_same(
    live: bool, error: type[BaseException], caplog: pytest.LogCaptureFixture
) -> None:
    class Stuck(FakeSource):
        def close(self) -> None:
            raise error("the device does not let go")

    pipeline, _ = make(Stuck(frames(3), live=live))
    assert drain(pipeline)[-1] == 2
    pipeline.stop()
    assert "the capture thread could not close what it had open" in caplog.text
    assert "the device does not let go" in caplog.text


def test_what_comes_after_the_last_frame_is_closed() -> None:
    estimator, late = FakeEstimator(), FakeEstimator()
    pipeline, _ = make(FakeSource(frames(3), live=False), estimator)
    drain(pipeline)
    assert pipeline.ended
    pipeline.change_inference(late)
    assert late.runtime.closed
    other = FakeSource(frames(3), live=False)
    pipeline.change_source(other)
    pipeline.stop()
    assert (other.opened, other.threads) == (0, set())
    assert not estimator.runtime.closed, "the caller's own"


def test_what_comes_while_the_last_frame_is_processed_is_closed() -> None:
    estimator, late = FakeEstimator(), FakeEstimator()
    estimator.gate.clear()
    pipeline, telemetry = make(FakeSource(frames(1), live=False), estimator, max_frames=1)
    wait_until(lambda: telemetry.count(Event.CAPTURED) == 1)
    pipeline.change_inference(late)
    estimator.gate.set()
    drain(pipeline)
    pipeline.stop()
    assert late.runtime.closed


def test_a_pipeline_that_never_started_can_be_stopped() -> None:
    pipeline = Pipeline(FakeSource(frames(), live=False), FakeEstimator(), Telemetry())
    pipeline.stop()
    with pytest.raises(EndOfStream):
        pipeline.take(0)


@pytest.mark.parametrize("live", [False, True])
@pytest.mark.parametrize("count", [1, 7])
def test_max_frames_counts_processed_frames(live: bool, count: int) -> None:
    source = FakeSource(frames(interval_s=0.002), live=live)
    estimator, sink = FakeEstimator(), Sink()
    pipeline, telemetry = make(source, estimator, sinks=[sink], max_frames=count)
    numbers = drain(pipeline)
    assert telemetry.count(Event.PROCESSED) == len(sink.sent) == count
    assert numbers[-1] == sink.sent[-1]
    if not live:
        assert numbers == list(range(count))
    wait_until(lambda: source.closed >= 1, "the end of the capture thread")
    pipeline.stop()


def test_a_file_shorter_than_max_frames_ends_at_its_end() -> None:
    pipeline, _ = make(FakeSource(frames(3), live=False), max_frames=10)
    assert drain(pipeline) == [0, 1, 2]
    pipeline.stop()


# --- the newest frame, and rest -------------------------------------------------------------------


def newest(pipeline: Pipeline, after: int) -> Lease:
    deadline = time.monotonic() + GENEROUS_S
    while (lease := pipeline.newest(after)) is None:
        assert time.monotonic() < deadline
        time.sleep(0.001)
    return lease


def test_the_newest_frame_is_there_while_inference_is_busy_with_an_older_one() -> None:
    estimator = FakeEstimator()
    estimator.gate.clear()
    pipeline, _ = make(FakeSource(frames(interval_s=0.001), live=True), estimator)
    seen = -1
    for _ in range(20):
        lease = newest(pipeline, after=seen)
        assert lease.frame.index > seen
        seen = lease.frame.index
        assert read_code(lease.frame.image) == seen
        lease.release()
    assert estimator.codes == []
    estimator.gate.set()
    take(pipeline).release()
    pipeline.stop()


def test_a_scene_at_rest_is_looked_at_a_few_times_a_second_until_something_moves() -> None:
    still = [replace(make_frame(ROOM, index=index), live=True) for index in range(30 * 8)]
    moving = replace(make_frame(coded_picture(1), index=len(still)), live=True)
    times = [replace(one, captured_ns=one.index * 10**9 // 30) for one in (*still, moving)]
    handed = queue.SimpleQueue[Frame | None]()

    def steps() -> Iterator[Frame]:
        while (frame := handed.get()) is not None:
            yield frame

    estimator, sink, supervisor = NobodyThere(), Sink(), Supervisor()
    pipeline, telemetry = make(
        FakeSource(steps(), live=True), estimator, sinks=[sink], supervisor=supervisor
    )
    pipeline.rest.allowed = True
    for number, frame in enumerate(times, 1):
        handed.put(frame)
        wait_until(lambda: _handled(telemetry) == number)  # noqa: B023 - waits at once
        if frame is still[-1]:
            assert pipeline.rest.resting
    assert sink.sent[-1] == moving.index
    assert not pipeline.rest.resting
    assert len(sink.sent) == pytest.approx(30 * QUIET_S + (8 - QUIET_S) / CHECK_INTERVAL_S, abs=3)
    assert all(part.state is State.RUNNING for part in supervisor.parts)
    assert pipeline.skipped == 0
    handed.put(None)
    drain(pipeline)
    pipeline.stop()


ROOM = np.full((120, 160, 3), 90, np.uint8)


class NobodyThere(FakeEstimator):
    """An estimator that never finds anybody."""

    def estimate(self, frame: Frame, stopwatch: Stopwatch | None = None) -> Estimate:
        return Estimate([])


def _handled(telemetry: Telemetry) -> int:
    return telemetry.count(Event.PROCESSED) + telemetry.count(Event.PASSED_OVER)
