from __future__ import annotations

import threading
import time
from collections.abc import Callable

import pytest
from helpers import GENEROUS_S, wait_until

from pose_edge.sinks import worker as worker_module
from pose_edge.sinks.worker import Worker


class Output:
    """A handler that can be held up and made to fail."""

    def __init__(self, fail: dict[int, BaseException] | None = None) -> None:
        self.items: list[int] = []
        self.finished = 0
        self.reports: list[str] = []
        self.gate = threading.Event()
        self.gate.set()
        self.busy = threading.Event()
        self.finish_error: BaseException | None = None
        self._fail = fail or {}

    def handle(self, item: int) -> None:
        self.busy.set()
        assert self.gate.wait(GENEROUS_S)
        if item in self._fail:
            raise self._fail[item]
        self.items.append(item)

    def finish(self) -> None:
        self.finished += 1
        if self.finish_error is not None:
            raise self.finish_error

    def start(self, *, capacity: int = 4, drop: bool = False) -> Worker[int]:
        return Worker(
            "recording x.mp4",
            self.handle,
            self.finish,
            capacity=capacity,
            drop=drop,
            report=self.reports.append,
        )


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
    worker.close()
    assert output.items == list(range(200))
    assert (output.finished, worker.failed, worker.dropped, output.reports) == (1, None, 0, [])


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
    worker.close()
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
    worker.close()
    assert output.items == list(range(10))
    assert worker.dropped == 0


ERRORS: list[tuple[BaseException, str]] = [
    (OSError(28, "No space left on device"), "No space left on device"),
    (ValueError("bad number"), "bad number"),
    (RuntimeError("the encoder broke"), "the encoder broke"),
    (MemoryError(), "MemoryError"),
    (KeyError("pts"), "pts"),
]


@pytest.mark.parametrize("drop", [False, True])
@pytest.mark.parametrize(("error", "reason"), ERRORS)
def test_a_broken_output_ends_is_said_and_blocks_nobody(
    error: BaseException, reason: str, drop: bool, caplog: pytest.LogCaptureFixture
) -> None:
    output = Output({3: error})
    worker = output.start(capacity=2, drop=False)
    for item in range(4):
        worker.put(item)
    wait_until(lambda: worker.failed is not None)

    def go_on() -> None:
        for item in range(4, 50):
            worker.put(item)
        worker.close()

    in_time(go_on)
    assert output.items == [0, 1, 2]
    assert output.finished == 1
    assert worker.failed is not None
    assert worker.failed.startswith("recording x.mp4 ended: ")
    assert reason in worker.failed
    assert output.reports == [worker.failed]
    assert worker.failed in caplog.text


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
    in_time(worker.close)
    assert output.items == []


@pytest.mark.parametrize("error", [OSError(28, "No space left on device"), RuntimeError("muxer")])
def test_a_failure_to_finish_is_said(error: BaseException) -> None:
    output = Output()
    output.finish_error = error
    worker = output.start()
    worker.put(1)
    worker.close()
    assert worker.failed is not None
    assert output.reports == [worker.failed]
    assert output.finished == 1


def test_a_failure_to_finish_after_a_failure_is_no_news() -> None:
    output = Output({0: OSError(28, "No space left on device")})
    output.finish_error = RuntimeError("and that too")
    worker = output.start()
    worker.put(0)
    worker.close()
    assert worker.failed == "recording x.mp4 ended: No space left on device"
    assert output.reports == [worker.failed]


@pytest.mark.parametrize("waiting", [0, 2])
def test_an_output_that_hangs_does_not_hang_the_program(
    monkeypatch: pytest.MonkeyPatch, waiting: int
) -> None:
    monkeypatch.setattr(worker_module, "CLOSE_TIMEOUT_S", 0.2)
    output = Output()
    output.gate.clear()
    worker = output.start(capacity=2, drop=True)
    worker.put(0)
    assert output.busy.wait(GENEROUS_S)
    for item in range(waiting):
        worker.put(item)
    in_time(worker.close)
    assert worker.failed == "recording x.mp4 did not finish within 0.2 s"
    output.gate.set()


def test_closing_again_does_no_harm() -> None:
    output = Output()
    worker = output.start(capacity=1)
    worker.put(1)
    for _ in range(4):
        in_time(worker.close)
    assert (output.items, output.finished, worker.failed) == ([1], 1, None)


def test_no_thread_is_left() -> None:
    before = threading.active_count()
    workers = [Output().start() for _ in range(5)]
    assert threading.active_count() == before + 5
    for worker in workers:
        worker.close()
    assert threading.active_count() == before
