from __future__ import annotations

import errno
import json
import logging
import socket
import threading
import time
from collections.abc import Callable

import pytest
from helpers import GENEROUS_S, make_frame, make_result, wait_until

from pose_edge.poses import Result
from pose_edge.sinks import Sink, restarting_sink, writer_queue
from pose_edge.sinks.message import PoseMessage, Record
from pose_edge.sinks.restarting_sink import HANG_S, RestartingSink, close_together
from pose_edge.supervision.hung_threads import HUNG_LIMIT
from pose_edge.supervision.supervisor import Part, State, Supervisor


class Clock:
    def __init__(self) -> None:
        self.now = 100.0

    def __call__(self) -> float:
        return self.now


class Output:
    """A writer that keeps its items, and that a test can block or make fail."""

    def __init__(self, name: str = "out.mp4") -> None:
        self.target: str | None = None
        self.name = name
        self.waiting: str | None = None
        self.partial_fault: str | None = None
        self.items: list[int] = []
        self.ticks = 0
        self.seen: Callable[[], None] = lambda: None
        self.thread = threading.current_thread()
        self.busy = threading.Event()
        self.closed = threading.Event()
        self.gate = threading.Event()
        self.gate.set()
        self.error: BaseException | None = None
        self.error_at: int | None = None
        self.close_error: BaseException | None = None

    def write(self, item: int) -> bool:
        self.busy.set()
        assert self.gate.wait(GENEROUS_S)
        self.seen()
        if self.error is not None and self.error_at in (None, item):
            raise self.error
        if self.waiting is not None:
            return False
        self.items.append(item)
        self.target = self.name
        return True

    def tick(self) -> None:
        self.ticks += 1

    def close(self) -> None:
        self.closed.set()
        if self.close_error is not None:
            raise self.close_error


class Bench:
    """A sink, its supervisor, and all writers that it made."""

    def __init__(self, *, supervised: bool = True, drop: bool = True, capacity: int = 4) -> None:
        self.clock = Clock()
        self.supervisor = Supervisor(self.clock)
        self.outputs: list[Output] = []
        self.reports: list[str | None] = []
        self.next_error: BaseException | None = None
        self.held = False
        self.sink: RestartingSink[[int], int] = RestartingSink(
            "recording",
            int,
            self.make,
            capacity=capacity,
            drop=drop,
            report=self.reports.append,
            supervisor=self.supervisor if supervised else None,
        )

    def make(self) -> Output:
        output = Output(f"out-{len(self.outputs) + 1}.mp4")
        output.error = self.next_error
        if self.held:
            output.gate.clear()
        self.outputs.append(output)
        return output

    def open(self) -> Output:
        self.sink.open()
        return self.wait_for_output(1)

    def wait_for_output(self, count: int) -> Output:
        wait_until(lambda: len(self.outputs) >= count, f"writer {count}")
        return self.outputs[count - 1]

    def put(self, item: int) -> None:
        """Send an item and wait until it has been written."""
        self.sink.send(item)
        wait_until(lambda: item in self.outputs[-1].items, "the item")

    def put_and_hang(self, output: Output, item: int) -> None:
        """Send an item and wait until the writer hangs while it writes it."""
        output.gate.clear()
        output.busy.clear()
        self.sink.send(item)
        assert output.busy.wait(GENEROUS_S)

    @property
    def part(self) -> Part:
        (part,) = self.supervisor.parts
        return part

    def go(self, seconds: float) -> None:
        """Advance the clock by some seconds; the supervisor checks its parts once per second."""
        for _ in range(round(seconds)):
            self.clock.now += 1.0
            assert self.supervisor.look(), "the program need not be started anew"


def bench_for_files(*, drop: bool = False, capacity: int = 4) -> tuple[Bench, Output]:
    """Return a bench with an open sink without a supervisor, and the sink's writer."""
    bench = Bench(supervised=False, drop=drop, capacity=capacity)
    return bench, bench.open()


@pytest.fixture(autouse=True)
def quick(monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture) -> None:
    monkeypatch.setattr(writer_queue, "TICK_S", 0.02)
    caplog.set_level(logging.INFO, "pose_edge.sinks")


def in_time(work: Callable[[], None]) -> None:
    """Run something in a thread, and fail if it blocks."""
    thread = threading.Thread(target=work, daemon=True)
    thread.start()
    thread.join(GENEROUS_S)
    assert not thread.is_alive(), "blocked"


FULL = OSError(28, "No space left on device")


# --- one writer -----------------------------------------------------------------------------------


def test_everything_is_written_in_order_and_finished() -> None:
    bench, output = bench_for_files()
    for item in range(200):
        bench.sink.send(item)
    bench.sink.close()
    assert output.items == list(range(200))
    assert output.closed.is_set()
    assert (bench.sink.failed, bench.sink.dropped, bench.sink.lost) == (None, 0, 0)


def test_a_slow_output_loses_items_of_live_sources_but_does_not_block(
    caplog: pytest.LogCaptureFixture,
) -> None:
    bench, output = bench_for_files(drop=True, capacity=2)
    bench.put_and_hang(output, 0)

    def go_on() -> None:
        for item in range(1, 100):
            bench.sink.send(item)

    in_time(go_on)
    assert (bench.sink.dropped, bench.sink.lost) == (97, 0)
    output.gate.set()
    bench.sink.close()
    assert output.items == [0, 1, 2]
    assert caplog.text.count("cannot keep up") == 1, "said once, not for every frame"
    assert "it lacks 97 frames" in caplog.text


def test_a_slow_output_slows_files_down_and_loses_nothing() -> None:
    bench, output = bench_for_files(capacity=2)
    sent: list[int] = []
    ahead: list[int] = []
    output.seen = lambda: ahead.append(len(sent) - len(output.items))
    output.gate.clear()

    def fill() -> None:
        for item in range(100):
            bench.sink.send(item)
            sent.append(item)

    thread = threading.Thread(target=fill, daemon=True)
    thread.start()
    wait_until(lambda: len(sent) == 3)
    output.gate.set()
    thread.join(GENEROUS_S)
    bench.sink.close()
    assert output.items == list(range(100))
    assert ahead[0] == max(ahead) == 3, "one in work and two that wait"
    assert (bench.sink.dropped, bench.sink.lost) == (0, 0)


ERRORS: list[tuple[BaseException, str]] = [
    (FULL, "No space left on device"),
    (ValueError("bad number"), "bad number"),
    (RuntimeError("the encoder broke"), "the encoder broke"),
    (MemoryError(), "MemoryError"),
    (KeyError("pts"), "'pts'"),
]


@pytest.mark.parametrize("drop", [False, True])
@pytest.mark.parametrize(("error", "reason"), ERRORS)
def test_a_broken_output_ends_is_reported_and_blocks_nobody(
    error: BaseException, reason: str, drop: bool
) -> None:
    bench, output = bench_for_files(drop=drop)
    output.error, output.error_at = error, 3
    for item in range(4):
        bench.sink.send(item)
    wait_until(lambda: bench.sink.failed is not None)

    def go_on() -> None:
        for item in range(4, 50):
            bench.sink.send(item)
        bench.sink.close()

    in_time(go_on)
    assert output.items == [0, 1, 2]
    assert output.closed.is_set()
    assert bench.sink.failed == f"recording ended: {reason}"
    assert bench.reports == [bench.sink.failed]
    assert bench.sink.lost == 47, "the one that broke it, and those after it"


@pytest.mark.parametrize("drop", [False, True])
def test_a_reader_who_leaves_is_no_failure(drop: bool) -> None:
    bench, output = bench_for_files(drop=drop)
    bench.sink.switch(bench.make, drop=drop, supervised=False, for_reader=True)
    output = bench.wait_for_output(2)
    output.error, output.error_at = BrokenPipeError(errno.EPIPE, "Broken pipe"), 1
    for item in range(3):
        bench.sink.send(item)
    wait_until(lambda: bench.sink.unread)
    in_time(lambda: bench.sink.send(3))
    bench.sink.close()
    assert output.items == [0]
    assert output.closed.is_set()
    assert bench.sink.failures() == []


def test_items_sent_before_the_failure_is_known_do_not_block_either() -> None:
    bench, output = bench_for_files(capacity=1)
    output.error = OSError(5, "Input/output error")
    output.gate.clear()
    done = threading.Event()

    def fill() -> None:
        for item in range(10):
            bench.sink.send(item)
        done.set()

    threading.Thread(target=fill, daemon=True).start()
    assert output.busy.wait(GENEROUS_S)
    output.gate.set()
    assert done.wait(GENEROUS_S)
    bench.sink.close()
    assert output.items == []
    assert bench.sink.lost == 10


@pytest.mark.parametrize("error", [FULL, RuntimeError("muxer"), SystemExit("a library's")])
def test_a_failure_to_finish_is_reported(error: BaseException) -> None:
    bench, output = bench_for_files()
    output.close_error = error
    bench.sink.send(1)
    bench.sink.close()
    assert bench.sink.failed is not None
    assert bench.reports == [bench.sink.failed]
    assert bench.sink.failures() == [
        bench.sink.failed,
        "recording: 1 left out while nothing could be written",
    ]


def test_whatever_a_writer_dies_of_the_sender_does_not_wait_for_ever() -> None:
    bench, output = bench_for_files(capacity=1)
    output.error = SystemExit("a library's")

    def send() -> None:
        for number in range(5):
            bench.sink.send(number)

    in_time(send)
    bench.sink.close()
    assert bench.sink.lost == 5


def test_what_does_not_fit_is_lost_where_the_output_stands(monkeypatch: pytest.MonkeyPatch) -> None:
    """Frames are dropped if the writer is only slow; they count as lost if it stalls."""
    bench = Bench(capacity=1)
    output = bench.open()
    bench.put_and_hang(output, 1)
    for number in (2, 3):
        bench.sink.send(number)
    assert (bench.sink.dropped, bench.sink.lost) == (1, 0)
    monkeypatch.setattr(writer_queue, "STALL_S", -1.0)
    bench.sink.send(4)
    assert (bench.sink.dropped, bench.sink.lost) == (1, 1)
    output.gate.set()
    bench.sink.close()
    assert bench.sink.failures() == ["recording: 1 left out while nothing could be written"]


def test_a_writer_that_was_given_up_and_still_hangs_is_a_failure() -> None:
    bench = Bench()
    output = bench.open()
    bench.put_and_hang(output, 1)
    bench.go(HANG_S + 5)
    bench.wait_for_output(2)
    bench.put(2)
    wait_until(lambda: bench.sink.failed is None)
    bench.sink.close()
    assert bench.sink.failures() == [
        "recording: what was being written when the output hung is incomplete"
    ]
    output.gate.set()


def test_a_failure_to_finish_after_a_failure_is_no_news() -> None:
    bench, output = bench_for_files()
    output.error, output.close_error = FULL, RuntimeError("and that too")
    bench.sink.send(0)
    bench.sink.close()
    assert bench.reports == ["recording ended: No space left on device"]


def test_a_writer_that_cannot_be_made() -> None:
    def make() -> Output:
        raise PermissionError(13, "Permission denied")

    bench = Bench(supervised=False)
    bench.sink.switch(make)
    bench.sink.close()
    assert bench.reports == ["recording ended: Permission denied"]


def test_closing_again_does_no_harm() -> None:
    bench, output = bench_for_files(capacity=1)
    bench.sink.send(1)
    for _ in range(4):
        bench.sink.close()
    bench.sink.send(2)
    assert (output.items, bench.sink.failed, bench.sink.lost) == ([1], None, 0)


def test_no_thread_is_left() -> None:
    before = set(threading.enumerate())
    benches = [bench_for_files()[0] for _ in range(5)]
    assert len(set(threading.enumerate()) - before) == 5
    for bench in benches:
        bench.sink.close()
    assert not set(threading.enumerate()) - before


# --- failures and replacements --------------------------------------------------------------------


def test_one_that_works(caplog: pytest.LogCaptureFixture) -> None:
    bench = Bench()
    output = bench.open()
    assert bench.sink.active
    bench.put(1)
    wait_until(lambda: bench.part.detail == "out-1.mp4")
    assert bench.part.state is State.RUNNING
    bench.sink.close()
    bench.sink.close()
    assert output.closed.is_set()
    assert (bench.reports, bench.sink.failed, bench.sink.lost) == ([], None, 0)
    assert bench.supervisor.parts == []
    assert caplog.messages == ["recording: writing out-1.mp4"]


def test_one_that_fails_is_begun_anew(caplog: pytest.LogCaptureFixture) -> None:
    bench = Bench()
    output = bench.open()
    bench.put(1)
    output.error = FULL
    bench.sink.send(2)
    wait_until(lambda: bench.part.state is State.FAILED)
    bench.sink.send(3)
    bench.sink.send(3)
    reason = "out-1.mp4: No space left on device"
    assert bench.sink.failed == reason
    assert bench.reports == [f"{reason}; trying again"]
    assert output.closed.wait(GENEROUS_S), "what can be saved is saved"
    bench.go(1)
    bench.wait_for_output(2)
    assert bench.sink.failed == reason, "it does not work before something was written"
    bench.put(4)
    wait_until(lambda: bench.sink.failed is None)
    assert bench.reports[1:] == [None]
    assert bench.sink.lost == 3
    bench.sink.close()
    logged = [record.getMessage() for record in caplog.records]
    assert f"recording: {reason}; restarting it in 1 s" in logged
    assert logged[-1] == "recording: going on in out-2.mp4"
    assert bench.sink.failures() == ["recording: 3 left out while nothing could be written"]
    assert [output.items for output in bench.outputs] == [[1], [4]]


def test_one_that_goes_on_failing_is_tried_less_and_less_often() -> None:
    bench = Bench()
    bench.next_error = FULL
    bench.open()
    waits = []
    for count in range(1, 8):
        bench.wait_for_output(count)
        bench.sink.send(count)
        wait_until(lambda: bench.part.state is State.FAILED)
        died = bench.clock.now
        while bench.part.state is State.FAILED:
            bench.go(1)
        waits.append(bench.clock.now - died)
    assert waits == [1, 2, 4, 8, 16, 30, 30]
    bench.sink.close()


def test_one_that_hangs_is_given_up(caplog: pytest.LogCaptureFixture) -> None:
    bench = Bench()
    output = bench.open()
    bench.put(1)
    bench.put_and_hang(output, 2)
    bench.sink.send(3)
    bench.go(HANG_S + 2)
    bench.wait_for_output(2)
    assert bench.reports == ["the output does not answer; trying again"]
    assert bench.sink.lost == 1, "the one that waited"
    bench.put(4)
    wait_until(lambda: bench.sink.failed is None)
    output.error = FULL
    output.gate.set()  # the writer given up wakes up and fails, which no longer matters
    assert output.closed.wait(GENEROUS_S)
    output.thread.join(GENEROUS_S)
    assert bench.sink.failed is None
    assert bench.part.state is State.RUNNING
    assert bench.reports == ["the output does not answer; trying again", None]
    assert bench.sink.lost == 2
    bench.sink.close()
    assert "going on in out-2.mp4" in caplog.text


def test_one_that_wakes_up_too_late_only_finishes_its_item() -> None:
    bench = Bench()
    output = bench.open()
    bench.put_and_hang(output, 0)
    bench.sink.send(1)
    bench.go(HANG_S + 2)
    bench.wait_for_output(2)
    output.gate.set()
    output.thread.join(GENEROUS_S)
    assert output.items == [0]
    assert output.closed.is_set()
    bench.sink.close()


def test_only_a_few_threads_are_sent_into_an_output_that_hangs() -> None:
    bench = Bench()
    bench.held = True
    bench.open()
    for count in range(1, HUNG_LIMIT + 1):
        output = bench.wait_for_output(count)
        bench.put_and_hang(output, 0)
        while bench.part.state is not State.FAILED:
            bench.go(1)
        while bench.part.state is State.FAILED and "threads hang" not in bench.part.detail:
            bench.go(1)
    threads = threading.active_count()
    bench.go(600)
    assert len(bench.outputs) == HUNG_LIMIT
    assert threading.active_count() == threads
    lost = bench.sink.lost
    bench.sink.send(1)
    bench.sink.send(1)
    assert bench.sink.lost == lost + 2
    bench.held = False
    for output in bench.outputs:
        output.gate.set()
        output.thread.join(GENEROUS_S)
    bench.go(62)
    bench.wait_for_output(HUNG_LIMIT + 1)
    bench.put(7)
    wait_until(lambda: bench.sink.failed is None)
    bench.sink.close()


def test_one_that_waits_goes_on_by_itself(caplog: pytest.LogCaptureFixture) -> None:
    bench = Bench()
    output = bench.open()
    bench.put(1)
    output.waiting = "less than 0.5 GB free on /"
    output.target = None
    wait_until(lambda: bench.part.state is State.WAITING)
    assert bench.sink.failed == output.waiting
    bench.sink.send(2)
    assert bench.sink.lost == 1
    output.waiting = None
    wait_until(lambda: bench.part.state is State.RUNNING)
    assert bench.sink.failed is not None, "nothing was written yet"
    bench.put(3)
    wait_until(lambda: bench.sink.failed is None)
    assert bench.reports == ["less than 0.5 GB free on /", None]
    bench.sink.close()
    assert caplog.messages[1:] == [
        "recording: less than 0.5 GB free on /",
        "recording: going on in out-1.mp4",
    ]
    assert bench.sink.lost == 1
    assert len(bench.outputs) == 1


def test_a_partial_fault_is_reported_and_stops_nothing(caplog: pytest.LogCaptureFixture) -> None:
    bench = Bench()
    output = bench.open()
    bench.put(1)
    output.partial_fault = "nobody listens at studio:9000"
    wait_until(lambda: bench.sink.failed == output.partial_fault)
    bench.put(2)
    assert bench.part.state is State.RUNNING
    output.partial_fault = None
    wait_until(lambda: bench.sink.failed is None)
    assert bench.reports == ["nobody listens at studio:9000", None]
    bench.sink.close()
    assert (output.items, bench.sink.lost) == ([1, 2], 0)
    assert caplog.messages[1] == "recording: nobody listens at studio:9000"


@pytest.mark.parametrize("waiting", [None, "less than 0.5 GB free on /"])
def test_a_writer_without_items_is_not_taken_for_one_that_hangs(waiting: str | None) -> None:
    bench = Bench()
    output = bench.open()
    output.waiting = waiting
    wait_until(lambda: bench.part.state is (State.WAITING if waiting else State.RUNNING))
    for _ in range(5):
        bench.clock.now += HANG_S - 1
        ticks = output.ticks  # each tick sends a heartbeat
        wait_until(lambda ticks=ticks: output.ticks > ticks + 2)  # type: ignore[misc]
        assert bench.supervisor.look()
        assert bench.part.state is (State.WAITING if waiting else State.RUNNING)
    assert len(bench.outputs) == 1
    bench.sink.close()


def test_without_a_supervisor_a_failure_is_final(caplog: pytest.LogCaptureFixture) -> None:
    bench = Bench(supervised=False)
    bench.sink.switch(bench.make, title="recording out.mp4")
    output = bench.wait_for_output(1)
    output.error = FULL
    bench.sink.send(1)
    wait_until(lambda: bench.sink.failed is not None)
    assert bench.sink.failed == "recording out.mp4 ended: No space left on device"
    bench.sink.send(2)
    bench.sink.close()
    assert bench.reports == [bench.sink.failed]
    assert caplog.text.count("ended: No space left on device") == 1
    assert len(bench.outputs) == 1


def test_a_heartbeat_that_hangs_is_replaced_too(caplog: pytest.LogCaptureFixture) -> None:
    """A test can cause this in a real run, see `Supervisor.freeze`."""
    bench = Bench()
    bench.open()
    bench.put(1)
    bench.supervisor.freeze("recording")
    wait_until(lambda: "hang" in caplog.text)
    bench.go(HANG_S + 2)
    bench.wait_for_output(2)
    bench.put(2)
    wait_until(lambda: bench.sink.failed is None)
    bench.sink.close()


# --- switching the writer -------------------------------------------------------------------------


def test_it_can_be_switched_while_the_old_writer_still_finishes() -> None:
    bench = Bench()
    first = bench.open()
    bench.put(1)
    bench.put_and_hang(first, 2)
    bench.sink.switch(bench.make)
    bench.wait_for_output(2)
    bench.put(3)
    assert not first.closed.is_set()
    first.gate.set()
    assert first.closed.wait(GENEROUS_S)
    assert [output.items for output in bench.outputs] == [[1, 2], [3]]
    bench.sink.switch(None)
    assert not bench.sink.active
    bench.sink.send(4)
    assert bench.outputs[1].closed.wait(GENEROUS_S)
    assert bench.supervisor.parts == []
    bench.sink.switch(bench.make)
    bench.wait_for_output(3)
    bench.put(5)
    bench.sink.close()
    assert (bench.sink.lost, bench.sink.failed, bench.reports) == (0, None, [])


@pytest.mark.parametrize("drop", [False, True])
def test_no_item_is_lost_while_it_is_switched(drop: bool) -> None:
    bench = Bench(drop=drop, capacity=5_000)
    bench.open()
    sent: list[int] = []
    end = threading.Event()

    def fill() -> None:
        while not end.is_set():
            bench.sink.send(len(sent))
            sent.append(len(sent))
            # If this thread outran the writers on a busy machine, a full queue would rightly drop
            # items.
            while len(sent) - sum(len(output.items) for output in bench.outputs) >= 4_000:
                end.wait(0.001)

    thread = threading.Thread(target=fill, daemon=True)
    thread.start()
    for count in range(2, 12):
        wait_until(lambda least=count * 20: len(sent) >= least)  # type: ignore[misc]
        bench.sink.switch(bench.make, drop=drop)
        bench.wait_for_output(count)
    end.set()
    thread.join(GENEROUS_S)
    bench.sink.close()
    assert [item for output in bench.outputs for item in output.items] == sent
    assert (bench.sink.lost, bench.sink.dropped) == (0, 0)


def test_an_item_sent_while_the_output_is_switched_on_is_written(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    bench = Bench()
    bench.open()
    bench.sink.switch(None)
    sender = threading.Thread(target=bench.sink.send, args=(7,), daemon=True)
    add = bench.supervisor.add

    def add_while_sending(name: str, replace: Callable[[], None]) -> Part:
        sender.start()
        sender.join(0.1)  # the item meets an output that has no queue yet
        return add(name, replace)

    monkeypatch.setattr(bench.supervisor, "add", add_while_sending)
    bench.sink.switch(bench.make)
    sender.join(GENEROUS_S)
    second = bench.wait_for_output(2)
    wait_until(lambda: second.items == [7], "the item")
    bench.sink.close()
    assert (bench.sink.lost, bench.sink.dropped, bench.sink.failed) == (0, 0, None)


def test_one_that_was_left_and_cannot_finish_is_reported() -> None:
    bench = Bench()
    first = bench.open()
    bench.put(1)
    first.close_error = FULL
    bench.sink.switch(None)
    wait_until(lambda: bench.sink.failed is not None)
    assert bench.sink.failed == "recording ended: No space left on device"
    assert bench.sink.lost
    bench.sink.close()


# --- the end --------------------------------------------------------------------------------------


def test_the_end_does_not_wait_for_ever(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(restarting_sink, "CLOSE_TIMEOUT_S", 0.2)
    bench = Bench()
    output = bench.open()
    bench.put_and_hang(output, 1)
    bench.sink.send(2)
    bench.sink.close()
    assert bench.sink.failed == "recording did not finish within 0.2 s"
    assert bench.sink.lost == 1, "the one that waited"
    bench.go(HANG_S + 60)
    assert len(bench.outputs) == 1, "nothing is begun after the end"
    output.gate.set()


def test_all_that_hang_at_the_end_are_waited_for_together(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(restarting_sink, "CLOSE_TIMEOUT_S", 1.0)
    benches = [Bench() for _ in range(6)]
    for bench in benches[:-1]:
        bench.put_and_hang(bench.open(), 1)
    last = benches[-1].open()
    benches[-1].sink.send(1)
    started = time.monotonic()
    close_together(bench.sink for bench in benches)
    assert time.monotonic() - started < 4.0, "not a second each"
    assert [bench.sink.failed is None for bench in benches] == [False] * 5 + [True]
    assert last.items == [1], "the last one is finished, although the others hang"
    for bench in benches[:-1]:
        bench.outputs[0].gate.set()


def test_sending_never_waits_for_a_live_source() -> None:
    bench = Bench()
    bench.held = True
    bench.open()

    def fill() -> None:
        for item in range(1000):
            bench.sink.send(item)

    in_time(fill)
    bench.outputs[0].gate.set()
    bench.sink.close()
    assert len(bench.outputs[0].items) <= 5


# --- a network sink -------------------------------------------------------------------------------


class Datagrams:
    """A minimal writer for a network sink."""

    waiting: str | None = None
    partial_fault: str | None = None

    def __init__(self, address: tuple[str, int]) -> None:
        self.target = f"{address[0]}:{address[1]}"
        self._socket = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        self._socket.connect(address)

    def write(self, item: Record) -> bool:
        self._socket.send(json.dumps(item).encode())
        return True

    def tick(self) -> None:
        """Do nothing."""

    def close(self) -> None:
        self._socket.close()


def test_a_network_sink_is_one_writer_and_comes_back_when_its_reader_does() -> None:
    clock = Clock()
    supervisor = Supervisor(clock)
    reports: list[str | None] = []
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as reader:
        reader.settimeout(GENEROUS_S)
        reader.bind(("127.0.0.1", 0))
        address = reader.getsockname()
        sink: RestartingSink[[Result], Record] = RestartingSink(
            "udp",
            lambda result: PoseMessage.of(result).record,
            lambda: Datagrams(address),
            capacity=256,
            drop=True,
            report=reports.append,
            supervisor=supervisor,
        )
        sink.open()
        as_sink: Sink = sink
        as_sink.send(make_result(make_frame(index=1)))
        assert json.loads(reader.recv(10_000))["seq"] == 1

    def failed() -> bool:
        sink.send(make_result())
        return sink.failed is not None

    wait_until(failed)
    assert reports[-1] == f"{address[0]}:{address[1]}: Connection refused; trying again"
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as reader:
        reader.settimeout(GENEROUS_S)
        reader.bind(address)
        clock.now += 1
        supervisor.look()
        wait_until(lambda: sink.failed is None)
        sink.send(make_result(make_frame(index=7)))
        assert json.loads(reader.recv(10_000))["seq"] == 7
        sink.close()
