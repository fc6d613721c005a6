from __future__ import annotations

import threading
import time
from collections.abc import Callable
from pathlib import Path

import pytest
from helpers import GENEROUS_S, wait_until

from pose_edge.sinks import worker as worker_module
from pose_edge.sinks.worker import Worker


class Output:
    """A writer that can be held up and made to fail."""

    def __init__(self, fail: dict[int, BaseException] | None = None) -> None:
        self.path: Path | None = None
        self.waiting: str | None = None
        self.items: list[int] = []
        self.ticks = 0
        self.closed = 0
        self.told: list[tuple[str | None, str | None, Path | None]] = []
        self.gate = threading.Event()
        self.gate.set()
        self.busy = threading.Event()
        self.close_error: BaseException | None = None
        self._fail = fail or {}

    def write(self, item: int) -> bool:
        self.busy.set()
        assert self.gate.wait(GENEROUS_S)
        if item in self._fail:
            raise self._fail[item]
        if self.waiting:
            return False
        self.items.append(item)
        return True

    def tick(self) -> None:
        self.ticks += 1

    def close(self) -> None:
        self.closed += 1
        if self.close_error is not None:
            raise self.close_error

    def start(self, *, capacity: int = 4, drop: bool = False) -> Worker[int]:
        worker = Worker("recording", lambda: self, capacity=capacity, drop=drop, told=self.hear)
        worker.start()
        return worker

    def hear(self, worker: Worker[int]) -> None:
        self.told.append((worker.failed, worker.waiting, worker.path))


def end(worker: Worker[int]) -> None:
    worker.close()
    assert worker.join(GENEROUS_S), "blocked"


def in_time(work: Callable[[], None]) -> None:
    """Do something that must not block for ever."""
    thread = threading.Thread(target=work, daemon=True)
    thread.start()
    thread.join(GENEROUS_S)
    assert not thread.is_alive(), "blocked"


def test_everything_is_handled_in_order_and_finished_once() -> None:
    output = Output()
    worker = output.start()
    for item in range(200):
        worker.put(item)
    end(worker)
    assert output.items == list(range(200))
    assert (output.closed, worker.failed, worker.dropped, worker.lost) == (1, None, 0, 0)


def test_a_slow_output_loses_items_of_live_sources_but_does_not_block(
    caplog: pytest.LogCaptureFixture,
) -> None:
    output = Output()
    output.gate.clear()
    worker = output.start(capacity=2, drop=True)
    worker.put(0)
    assert output.busy.wait(GENEROUS_S)
    started = time.monotonic()
    for item in range(1, 100):
        worker.put(item)
    assert time.monotonic() - started < GENEROUS_S / 10
    assert worker.dropped == 97
    output.gate.set()
    end(worker)
    assert output.items == [0, 1, 2]
    assert caplog.text.count("cannot keep up") == 1, "said once, not for every frame"
    assert "97 frames were left out" in caplog.text


def test_a_slow_output_slows_files_down_and_loses_nothing() -> None:
    output = Output()
    output.gate.clear()
    worker = output.start(capacity=2, drop=False)
    put: list[int] = []

    def fill() -> None:
        for item in range(10):
            worker.put(item)
            put.append(item)

    thread = threading.Thread(target=fill, daemon=True)
    thread.start()
    assert output.busy.wait(GENEROUS_S)
    wait_until(lambda: len(put) == 3)
    time.sleep(0.05)
    assert len(put) == 3, "one in work and two that wait"
    output.gate.set()
    thread.join(GENEROUS_S)
    end(worker)
    assert output.items == list(range(10))
    assert worker.dropped == 0


ERRORS: list[tuple[BaseException, str]] = [
    (OSError(28, "No space left on device"), "No space left on device"),
    (ValueError("bad number"), "bad number"),
    (RuntimeError("the encoder broke"), "the encoder broke"),
    (MemoryError(), "MemoryError"),
    (KeyError("pts"), "'pts'"),
]


@pytest.mark.parametrize("drop", [False, True])
@pytest.mark.parametrize(("error", "reason"), ERRORS)
def test_a_broken_output_ends_is_told_and_blocks_nobody(
    error: BaseException, reason: str, drop: bool
) -> None:
    output = Output({3: error})
    worker = output.start(capacity=4, drop=drop)
    for item in range(4):
        worker.put(item)
    wait_until(lambda: worker.failed is not None)
    assert not worker.taking

    def go_on() -> None:
        for item in range(4, 50):
            worker.put(item)
        end(worker)

    in_time(go_on)
    assert output.items == [0, 1, 2]
    assert output.closed == 1
    assert worker.failed == reason
    assert output.told[-1] == (reason, None, None)
    assert worker.lost == 47, "the one that broke it, and those after it"


def test_items_put_before_the_failure_is_known_do_not_block_either() -> None:
    output = Output({0: OSError(5, "Input/output error")})
    output.gate.clear()
    worker = output.start(capacity=1, drop=False)
    done = threading.Event()

    def fill() -> None:
        for item in range(10):
            worker.put(item)
        done.set()

    threading.Thread(target=fill, daemon=True).start()
    assert output.busy.wait(GENEROUS_S)
    output.gate.set()
    assert done.wait(GENEROUS_S)
    end(worker)
    assert output.items == []
    assert worker.lost == 10


@pytest.mark.parametrize("error", [OSError(28, "No space left on device"), RuntimeError("muxer")])
def test_a_failure_to_finish_is_told(error: BaseException) -> None:
    output = Output()
    output.close_error = error
    worker = output.start()
    worker.put(1)
    end(worker)
    assert worker.failed is not None
    assert output.told[-1][0] == worker.failed


def test_a_failure_to_finish_after_a_failure_is_no_news() -> None:
    output = Output({0: OSError(28, "No space left on device")})
    output.close_error = RuntimeError("and that too")
    worker = output.start()
    worker.put(0)
    end(worker)
    assert worker.failed == "No space left on device"
    assert [told for told in output.told if told[0]] == [(worker.failed, None, None)]


def test_a_writer_that_cannot_be_made() -> None:
    told: list[str | None] = []

    def make() -> Output:
        raise OSError(13, "Permission denied")

    worker: Worker[int] = Worker(
        "x", make, capacity=1, drop=True, told=lambda one: told.append(one.failed)
    )
    worker.start()
    end(worker)
    assert told == ["Permission denied"]


def test_what_waits_gets_nothing_but_is_looked_after() -> None:
    output = Output()
    output.waiting = "the disk is full"
    worker = output.start(drop=True)
    wait_until(lambda: (None, "the disk is full", None) in output.told)
    assert not worker.taking
    for item in range(5):
        worker.put(item)
    assert worker.lost == 5
    ticks = output.ticks
    wait_until(lambda: output.ticks > ticks)
    output.waiting, output.path = None, Path("x-2.mp4")
    wait_until(lambda: (None, None, Path("x-2.mp4")) in output.told)
    worker.put(6)
    end(worker)
    assert output.items == [6]


def test_it_tells_that_it_is_well_also_when_nothing_comes(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(worker_module, "SIGN_S", 0.05)
    output = Output()
    worker = output.start()
    wait_until(lambda: len(output.told) >= 3)
    end(worker)
    assert set(output.told) == {(None, None, None)}


@pytest.mark.parametrize("waiting", [0, 2])
def test_an_output_that_hangs_does_not_hang_the_program(waiting: int) -> None:
    output = Output()
    output.gate.clear()
    worker = output.start(capacity=2, drop=True)
    worker.put(0)
    assert output.busy.wait(GENEROUS_S)
    for item in range(1, 1 + waiting):
        worker.put(item)
    worker.close()
    assert not worker.join(0.1)
    worker.abandon()
    assert worker.lost == waiting
    output.gate.set()
    assert worker.join(GENEROUS_S), "it ends when it wakes up"
    assert output.items == [0]


def test_closing_again_does_no_harm() -> None:
    output = Output()
    worker = output.start(capacity=1)
    worker.put(1)
    for _ in range(4):
        end(worker)
    assert (output.items, output.closed, worker.failed) == ([1], 1, None)


def test_no_thread_is_left() -> None:
    before = threading.active_count()
    workers = [Output().start() for _ in range(5)]
    assert threading.active_count() == before + 5
    for worker in workers:
        end(worker)
    assert threading.active_count() == before
