from __future__ import annotations

import threading
import time

import pytest
from helpers import GENEROUS_S, wait_until

from pose_edge.errors import OutputError
from pose_edge.sinks import disk_thread as errands_module
from pose_edge.sinks.disk_thread import DiskThread


def test_all_is_done_in_order() -> None:
    done: list[int] = []
    errands = DiskThread("disk")
    for number in range(50):
        errands.do(lambda number=number: done.append(number))  # type: ignore[misc]
    errands.finish()
    assert done == list(range(50))
    assert errands.idle


def test_nobody_waits_for_it() -> None:
    gate = threading.Event()
    errands = DiskThread("disk")
    errands.do(lambda: gate.wait(GENEROUS_S))
    assert not errands.idle
    errands.check()
    gate.set()
    wait_until(lambda: errands.idle)
    errands.finish()


def test_what_goes_wrong_is_told_once_and_the_rest_is_done() -> None:
    done: list[int] = []

    def fail() -> None:
        raise OSError(5, "Input/output error")

    errands = DiskThread("disk")
    errands.do(fail)
    errands.do(lambda: done.append(1))
    with pytest.raises(OSError, match="Input/output error"):
        errands.finish()
    errands.check()
    assert done == [1]


def test_a_disk_that_hangs_is_noticed(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(errands_module, "HANG_S", 0.05)
    gate = threading.Event()
    errands = DiskThread("disk")
    errands.do(lambda: gate.wait(GENEROUS_S))

    time.sleep(0.1)
    with pytest.raises(OutputError, match=r"the disk has not answered for 0\.05 s"):
        errands.check()
    gate.set()
    errands.finish()
