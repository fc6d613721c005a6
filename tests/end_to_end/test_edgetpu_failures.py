"""`pose-edge run` with a Coral that fails in many ways: the picture goes on, with correct poses."""

from __future__ import annotations

import os
import re
import signal

import pytest
from coral_rig import CoralRig, Run
from pose_truth import check, goes_on, stretches

# The tests measure for how long the picture stops.
pytestmark = pytest.mark.quiet


def seconds_between(coral: CoralRig, event: str, following: str) -> list[float]:
    """Return the seconds from each `event` to the next `following`."""
    times, since = [], None
    for one in coral.stand_in.events(event, following):
        if one.name == event:
            since = one.time_ns
        elif since is not None:
            times.append((one.time_ns - since) / 1e9)
            since = None
    return times


def test_plugged_in_later_lost_again_and_again_pulled_out_and_back(coral: CoralRig) -> None:
    coral.unplug()
    run = coral.start("auto")
    run.wait_for("cpu", 10)
    assert coral.stand_in.events() == []
    coral.stand_in.tell("abort=20", "abort=5", "abort=5", "accept")
    coral.plug_in()
    waits = []
    for _ in range(3):
        run.wait_for("edgetpu")
        waits.append(lost(run))
    run.wait_for("edgetpu", 5)
    # The library aborts when its device is unplugged; by then it has disappeared from sysfs.
    coral.unplug()
    coral.stand_in.tell("abort=1", "accept")
    waits.append(lost(run))
    run.wait_for_log("WARNING", "none is plugged in")
    status = run.wait_for_log(" fps poses", "; cpu (edgetpu lost ")
    assert re.search(r"lost \d\d:\d\d\);", status)
    assert run.children() == []
    assert coral.stand_in.count("create") == 4
    coral.plug_in()
    run.wait_for_log("the Edge TPU is back")
    run.wait_for("edgetpu", 10)
    done = run.stop()
    assert done.status == 0, done.stderr
    check(run.lines, coral.truth)
    assert coral.explained(run, failures=4)
    assert coral.stand_in.count("abort") == 4
    if coral.late(run) == 0:  # a late answer counts as a failure, too
        assert waits == [0, 0, 1, 2]
    assert waits == sorted(waits)
    assert waits[-1] >= 2
    pauses = seconds_between(coral, "abort", "create")
    assert all(pause >= wait for pause, wait in zip(pauses, waits, strict=True))
    assert goes_on(run.lines)


def lost(run: Run) -> int:
    """Wait until the Edge TPU is lost; return the announced seconds until the next attempt."""
    run.wait_for("cpu")
    told = run.wait_for_log("WARNING", "Edge TPU: its process was ended by SIGABRT")
    assert "HandleQueuedBulkIn transfer in failed" in told  # the library's last output
    again = re.search(r"; the CPU goes on, trying again(?: in (\d+) s)?$", told)
    assert again is not None, told
    return int(again[1] or 0)


def test_an_error_of_the_delegate_after_a_start_with_on(coral: CoralRig) -> None:
    coral.stand_in.tell("fail=10", "accept")
    run = coral.start("on")
    run.wait_for("edgetpu")
    told = run.wait_for_log("WARNING", "Edge TPU", "told to fail", "the CPU goes on, trying again")
    assert "Traceback" not in told
    run.wait_for("cpu")
    run.wait_for("edgetpu", 10)
    done = run.stop()
    assert done.status == 0, done.stderr
    check(run.lines, coral.truth)
    assert coral.explained(run, failures=1, begins="edgetpu")
    assert goes_on(run.lines)


def test_a_stall_ends_the_child_and_not_the_picture(coral: CoralRig) -> None:
    """First the library stalls, then the whole child process is stopped."""
    coral.stand_in.tell("stall=10", "accept")
    run = coral.start("auto")
    run.wait_for("edgetpu")
    first = run.child()
    run.wait_for("cpu")
    run.wait_for_log("WARNING", "an inference took longer than 2 s; the CPU goes on, trying again")
    run.wait_for("edgetpu", 10)
    second = run.child()
    os.kill(second, signal.SIGSTOP)
    run.wait_for("cpu")
    run.wait_for_log("WARNING", "an inference took longer than 2 s; the CPU goes on, trying again")
    run.wait_for("edgetpu", 10)
    third = run.child()
    done = run.stop()
    assert done.status == 0, done.stderr
    check(run.lines, coral.truth)
    assert len({first, second, third}) == 3
    assert goes_on(run.lines)
    # The CPU took over before the timeout of 2 s was reached.
    assert sum(backend == "cpu" and count > 10 for backend, count in stretches(run.lines)[1:]) == 2


def test_slow_answers_are_left_to_the_cpu_until_they_are_fast_again(coral: CoralRig) -> None:
    run = coral.start("auto")
    run.wait_for("edgetpu", 5)
    coral.stand_in.tell("accept slow_ms=60")  # slower than the camera, but in time
    run.wait_for("edgetpu", 10)
    coral.stand_in.tell("accept slow_ms=700")
    run.wait_for("cpu")
    told = run.wait_for_log("WARNING", "Edge TPU: it keeps the picture waiting; the CPU goes on")
    # In 1 s; or later, if an earlier answer was late on a busy machine.
    assert re.search(r"trying again in \d+ s$", told), told
    coral.stand_in.tell("accept")
    run.wait_for("edgetpu", 10)
    done = run.stop()
    assert done.status == 0, done.stderr
    # Late answers are discarded: each line has the poses of its own frame.
    check(run.lines, coral.truth)
    assert coral.stand_in.count("create") == 1
    assert goes_on(run.lines)
    # Every change of the backend is logged, even if it lasts for one answer only.
    changes = len(stretches(run.lines)) - 1
    assert sum("Edge TPU" in line for line in run.log) >= changes, done.stderr
