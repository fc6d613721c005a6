from __future__ import annotations

import threading
import time

import pytest
from helpers import GENEROUS_S, wait_until

from pose_edge.errors import OutputError
from pose_edge.sinks import segment_writer
from pose_edge.sinks.segment_writer import DiskThread


def test_all_is_done_in_order() -> None:
    done: list[int] = []
    disk_thread = DiskThread("disk")
    for number in range(50):
        disk_thread.do(lambda number=number: done.append(number))  # type: ignore[misc]
    disk_thread.finish()
    assert done == list(range(50))
    assert disk_thread.idle


def test_nobody_waits_for_it() -> None:
    gate = threading.Event()
    disk_thread = DiskThread("disk")
    disk_thread.do(lambda: gate.wait(GENEROUS_S))
    assert not disk_thread.idle
    disk_thread.check()
    gate.set()
    wait_until(lambda: disk_thread.idle)
    disk_thread.finish()


def test_what_goes_wrong_is_told_once_and_the_rest_is_done() -> None:
    done: list[int] = []

    def fail() -> None:
        raise OSError(5, "Input/output error")

    disk_thread = DiskThread("disk")
    disk_thread.do(fail)
    disk_thread.do(lambda: done.append(1))
    with pytest.raises(OSError, match="Input/output error"):
        disk_thread.finish()
    disk_thread.check()
    assert done == [1]


def test_a_disk_that_hangs_is_noticed(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(segment_writer, "HANG_S", 0.05)
    gate = threading.Event()
    disk_thread = DiskThread("disk")
    disk_thread.do(lambda: gate.wait(GENEROUS_S))

    def check_for_ever() -> None:
        while True:
            disk_thread.check()
            time.sleep(0.005)

    with pytest.raises(OutputError, match=r"the disk has not answered for 0\.05 s"):
        check_for_ever()
    gate.set()
    disk_thread.finish()
