from __future__ import annotations

import logging
import threading
import time
from pathlib import Path

import pytest
from helpers import GENEROUS_S, wait_until

from pose_edge.sinks import restarting_sink as outlet_module
from pose_edge.sinks import worker as worker_module
from pose_edge.sinks.disk_thread import HANG_S
from pose_edge.sinks.restarting_sink import MAX_HUNG, RestartingSink
from pose_edge.supervision.supervisor import PartStatus, State, Supervisor


class Clock:
    def __init__(self) -> None:
        self.now = 100.0

    def __call__(self) -> float:
        return self.now


class File:
    """A writer that keeps what it gets."""

    def __init__(self, name: str) -> None:
        self.path: Path | None = None
        self.name = name
        self.waiting: str | None = None
        self.items: list[int] = []
        self.busy = threading.Event()
        self.closed = threading.Event()
        self.gate = threading.Event()
        self.gate.set()
        self.error: OSError | None = None
        self.close_error: OSError | None = None

    def write(self, item: int) -> bool:
        self.busy.set()
        assert self.gate.wait(GENEROUS_S)
        if self.error is not None:
            raise self.error
        if self.waiting is not None:
            return False
        self.path = Path(self.name)
        self.items.append(item)
        return True

    def tick(self) -> None:
        """Nothing to do."""

    def close(self) -> None:
        self.closed.set()
        if self.close_error is not None:
            raise self.close_error


class Bench:
    """An outlet, its supervisor, and all writers that were made."""

    def __init__(self, *, supervised: bool = True, drop: bool = True) -> None:
        self.clock = Clock()
        self.supervisor = Supervisor(self.clock)
        self.files: list[File] = []
        self.reports: list[str | None] = []
        self.next_error: OSError | None = None
        self.held = False
        self.outlet: RestartingSink[int] = RestartingSink(
            "recording",
            capacity=4,
            drop=drop,
            report=self.reports.append,
            supervisor=self.supervisor if supervised else None,
        )

    def make(self) -> File:
        file = File(f"out-{len(self.files) + 1}.mp4")
        file.error = self.next_error
        if self.held:
            file.gate.clear()
        self.files.append(file)
        return file

    def open(self) -> File:
        self.outlet.change(self.make, title="recording out.mp4")
        return self.wait_for_file(1)

    def wait_for_file(self, count: int) -> File:
        wait_until(lambda: len(self.files) >= count, f"writer {count}")
        return self.files[count - 1]

    def put(self, item: int) -> None:
        """Put an item, and wait until it is written."""
        self.outlet.put(item)
        wait_until(lambda: item in self.files[-1].items, "the item")

    @property
    def status(self) -> PartStatus:
        (status,) = self.supervisor.statuses()
        return status

    def go(self, seconds: float) -> None:
        """Let time go by, looking once a second."""
        for _ in range(round(seconds)):
            self.clock.now += 1.0
            assert self.supervisor.look(), "the program need not be started anew"


@pytest.fixture(autouse=True)
def quick(monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture) -> None:
    monkeypatch.setattr(worker_module, "SIGN_S", 0.01)
    caplog.set_level(logging.INFO, "pose_edge.sinks")


FULL = OSError(28, "No space left on device")


def test_one_that_works(caplog: pytest.LogCaptureFixture) -> None:
    bench = Bench()
    file = bench.open()
    assert bench.outlet.active
    bench.put(1)
    wait_until(lambda: bench.status.detail == "out-1.mp4")
    assert bench.status.state is State.RUNNING
    bench.outlet.close()
    bench.outlet.close()
    assert file.closed.is_set()
    assert (bench.reports, bench.outlet.failed, bench.outlet.lost) == ([], None, 0)
    assert bench.supervisor.statuses() == []
    assert caplog.messages == ["recording: writing out-1.mp4"]


def test_one_that_fails_is_begun_anew(caplog: pytest.LogCaptureFixture) -> None:
    bench = Bench()
    file = bench.open()
    bench.put(1)
    file.error = FULL
    bench.outlet.put(2)
    wait_until(lambda: bench.status.state is State.FAILED)
    assert not bench.outlet.taking
    bench.outlet.put(3)
    bench.outlet.miss()
    reason = "out-1.mp4: No space left on device"
    assert bench.outlet.failed == reason
    assert bench.reports == [f"{reason}; trying again"]
    assert file.closed.wait(GENEROUS_S), "what can be saved is saved"
    bench.go(1)
    bench.wait_for_file(2)
    assert bench.outlet.failed == reason, "it does not work before something was written"
    bench.put(4)
    wait_until(lambda: bench.outlet.failed is None)
    assert bench.reports[1:] == [None]
    assert bench.outlet.lost == 3
    bench.outlet.close()
    told = [record.getMessage() for record in caplog.records]
    assert f"recording: {reason}; restarting it in 1 s" in told
    assert told[-1] == "recording: going on in out-2.mp4"
    assert [file.items for file in bench.files] == [[1], [4]]


def test_one_that_goes_on_failing_is_tried_less_and_less_often() -> None:
    bench = Bench()
    bench.next_error = FULL
    bench.open()
    waits = []
    for count in range(1, 8):
        bench.wait_for_file(count)
        bench.outlet.put(count)
        wait_until(lambda: bench.status.state is State.FAILED)
        died = bench.clock.now
        while len(bench.files) == count:
            before = bench.outlet._worker
            bench.go(1)
            if bench.outlet._worker is not before:
                bench.wait_for_file(count + 1)
        waits.append(bench.clock.now - died)
    assert waits == [1, 2, 4, 8, 16, 30, 30]
    bench.outlet.close()


def test_one_that_hangs_is_left_to_itself(caplog: pytest.LogCaptureFixture) -> None:
    bench = Bench()
    file = bench.open()
    bench.put(1)
    file.gate.clear()
    bench.outlet.put(2)
    bench.outlet.put(3)
    worker = bench.outlet._worker
    assert worker is not None
    wait_until(lambda: len(worker._inbox._waiting) == 1)
    bench.go(HANG_S + 1)
    bench.wait_for_file(2)
    assert bench.reports == ["the disk does not answer; trying again"]
    bench.put(4)
    wait_until(lambda: bench.outlet.failed is None)
    file.error = FULL
    file.gate.set()  # it wakes up, and fails: nobody's business any more
    wait_until(lambda: not worker.alive)
    assert bench.outlet.failed is None
    assert bench.status.state is State.RUNNING
    assert bench.reports == ["the disk does not answer; trying again", None]
    assert bench.outlet.lost >= 1
    bench.outlet.close()
    assert "going on in out-2.mp4" in caplog.text


def test_only_a_few_are_sent_into_a_disk_that_hangs() -> None:
    bench = Bench()
    bench.held = True
    bench.open()
    for count in range(1, MAX_HUNG + 1):
        file = bench.wait_for_file(count)
        bench.outlet.put(0)
        assert file.busy.wait(GENEROUS_S)
        while len(bench.outlet._hung) < count:
            bench.go(1)
    threads = threading.active_count()
    bench.go(600)
    assert len(bench.files) == MAX_HUNG
    assert threading.active_count() == threads
    lost = bench.outlet.lost
    bench.outlet.put(1)
    bench.outlet.miss()
    assert bench.outlet.lost == lost + 2
    bench.held = False
    for file in bench.files:
        file.gate.set()
    wait_until(lambda: not any(worker.alive for worker in bench.outlet._hung))
    bench.go(62)
    bench.wait_for_file(MAX_HUNG + 1)
    bench.put(7)
    wait_until(lambda: bench.outlet.failed is None)
    bench.outlet.close()


def test_one_that_waits_goes_on_by_itself(caplog: pytest.LogCaptureFixture) -> None:
    bench = Bench()
    file = bench.open()
    bench.put(1)
    file.waiting = "less than 0.5 GB free on /"
    file.path = None
    wait_until(lambda: bench.status.state is State.WAITING)
    assert bench.outlet.failed == file.waiting
    assert not bench.outlet.taking
    bench.outlet.put(2)
    file.name, file.waiting = "out-1.mp4", None  # the old one was removed meanwhile
    wait_until(lambda: bench.outlet.taking)
    assert bench.outlet.failed is not None, "nothing was written yet"
    bench.put(3)
    wait_until(lambda: bench.outlet.failed is None)
    assert bench.reports == ["less than 0.5 GB free on /", None]
    bench.outlet.close()
    assert caplog.messages[1:] == [
        "recording: less than 0.5 GB free on /",
        "recording: going on in out-1.mp4",
    ]
    assert bench.outlet.lost == 1
    assert len(bench.files) == 1


def test_without_a_supervisor_a_failure_is_for_good(caplog: pytest.LogCaptureFixture) -> None:
    bench = Bench(supervised=False)
    file = bench.open()
    file.error = FULL
    bench.outlet.put(1)
    wait_until(lambda: bench.outlet.failed is not None)
    assert bench.outlet.failed == "recording out.mp4 ended: No space left on device"
    bench.outlet.put(2)
    bench.outlet.close()
    assert bench.reports == [bench.outlet.failed]
    assert caplog.text.count("ended: No space left on device") == 1
    assert len(bench.files) == 1


def test_it_can_be_changed_while_the_old_one_still_finishes() -> None:
    bench = Bench()
    first = bench.open()
    bench.put(1)
    first.gate.clear()
    bench.outlet.put(2)
    bench.outlet.change(bench.make)
    bench.wait_for_file(2)
    bench.put(3)
    assert not first.closed.is_set()
    first.gate.set()
    assert first.closed.wait(GENEROUS_S)
    assert [file.items for file in bench.files] == [[1, 2], [3]]
    bench.outlet.change(None)
    assert not bench.outlet.active
    bench.outlet.put(4)
    bench.outlet.miss()
    assert bench.files[1].closed.wait(GENEROUS_S)
    assert bench.supervisor.statuses() == []
    bench.outlet.change(bench.make)
    bench.wait_for_file(3)
    bench.put(5)
    bench.outlet.close()
    assert (bench.outlet.lost, bench.outlet.failed, bench.reports) == (0, None, [])


def test_one_that_was_left_and_cannot_finish_is_said(caplog: pytest.LogCaptureFixture) -> None:
    bench = Bench()
    first = bench.open()
    bench.put(1)
    first.close_error = FULL
    bench.outlet.change(None)
    wait_until(lambda: bench.outlet.failed is not None)
    assert bench.outlet.failed == "recording ended: No space left on device"
    assert bench.outlet.lost
    bench.outlet.close()


def test_the_end_does_not_wait_for_ever(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(outlet_module, "CLOSE_TIMEOUT_S", 0.2)
    bench = Bench()
    file = bench.open()
    file.gate.clear()
    bench.outlet.put(1)
    bench.outlet.close()
    assert bench.outlet.failed == "recording out.mp4 did not finish within 0.2 s"
    bench.go(HANG_S + 60)
    assert len(bench.files) == 1, "nothing is begun after the end"
    file.gate.set()


def test_nothing_waits_in_the_one_who_puts() -> None:
    bench = Bench()
    bench.held = True
    bench.open()
    for item in range(1000):
        bench.outlet.put(item)
    bench.files[0].gate.set()
    bench.outlet.close()
    assert len(bench.files[0].items) <= 5


def test_one_that_is_made_to_hang_is_replaced() -> None:
    """As on demand, for a test of the machine: see `Supervisor.freeze`."""
    bench = Bench()
    bench.open()
    bench.put(1)
    bench.supervisor.freeze("recording")
    worker = bench.outlet._worker
    assert worker is not None

    def hangs() -> bool:
        before = worker._shown_s
        time.sleep(0.3)
        return worker._shown_s == before

    wait_until(hangs)
    bench.go(HANG_S + 2)
    bench.wait_for_file(2)
    bench.put(2)
    wait_until(lambda: bench.outlet.failed is None)
    bench.outlet.close()
