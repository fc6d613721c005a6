"""How `pose-edge run` with a Coral and its child process end: nothing is lost or left over."""

from __future__ import annotations

import os
import random
import re
import signal
import statistics
import time
from pathlib import Path

import pytest
from coral_rig import CoralRig, Run
from helpers import slowness
from pose_truth import PICTURE_S, check, gaps_at_changes
from process_tree import Footprint

BUSY = "it keeps the picture waiting"
"""Logged about an Edge TPU that stalls; on a busy machine also about a healthy one."""


@pytest.mark.parametrize(
    ("number", "moment"),
    [
        (signal.SIGINT, "running"),
        (signal.SIGTERM, "running"),
        (signal.SIGINT, "loading"),
        (signal.SIGTERM, "stalled"),
    ],
)
def test_a_signal_to_the_whole_group_ends_in_order(
    coral: CoralRig, number: signal.Signals, moment: str
) -> None:
    run = bring_to(coral, moment)
    run.signal(number)
    done = run.finish()
    assert done.status == 0, done.stderr
    check(run.lines, coral.truth)
    assert f"{len(run.lines)} frames" in run.log[-1]
    # Search the whole log: a line logged just before the signal may be read just after it.
    faults = [line for line in run.log if re.search("WARNING|ERROR|CRITICAL|Traceback", line)]
    assert [line for line in faults if BUSY not in line] == []
    # An orderly end releases the device, unless the library is blocked.
    assert coral.stand_in.count("destroy") == (moment == "running")


def test_a_signal_ends_the_wait_for_a_device(coral: CoralRig) -> None:
    """In the mode `on` no frame is shown before the device is ready."""
    coral.stand_in.tell("accept create_ms=20000")
    run = coral.start("on")
    run.wait_until(lambda: coral.stand_in.count("create") == 1, "the library to be loading")
    signalled = time.monotonic()
    done = run.stop()
    assert time.monotonic() - signalled < 10 * slowness()
    assert done.status == 0, done.stderr
    assert "Traceback" not in done.stderr
    assert run.lines == []


@pytest.mark.quiet
@pytest.mark.parametrize("moment", ["running", "loading", "stalled"])
def test_nothing_outlives_a_program_that_is_killed(coral: CoralRig, moment: str) -> None:
    run = bring_to(coral, moment)
    assert run.child()
    run.process.kill()
    killed = time.monotonic()
    run.process.wait()
    run.wait_until(lambda: not run.left_behind(), "the end of the child")
    assert time.monotonic() - killed < slowness()


def bring_to(coral: CoralRig, moment: str) -> Run:
    """Start a run and bring its child process into the state that `moment` names."""
    if moment == "loading":
        coral.stand_in.tell("accept create_ms=20000")  # and the child's GIL is held meanwhile
        run = coral.start("auto")
        run.wait_until(lambda: coral.stand_in.count("create") == 1, "the library to be loading")
        run.wait_for("cpu", 3)
        return run
    if moment == "stalled":
        coral.stand_in.tell("stall=10")
    run = coral.start("auto", "--set", "edgetpu.timeout=20")
    run.wait_for("edgetpu", 3)
    if moment == "stalled":
        run.wait_until(lambda: coral.stand_in.count("stall") == 1, "the stall")
        run.wait_for("cpu", 3)
    return run


# --- random kills ---------------------------------------------------------------------------------


def kill_children(coral: CoralRig, kills: int, seed: int) -> str:
    """Kill the child at random moments, and check that no frame is lost and nothing is left over.

    Returns:
        A summary in numbers.
    """
    random_moment = random.Random(seed)
    shared_before = shared_memory()
    run = coral.start("auto", "--set", "edgetpu.max_backoff=0.1", "--duration", "3600")
    run.wait_for("edgetpu", 3)
    at_first = run.footprint()
    killed_ready = 0
    for _ in range(kills):
        if random_moment.random() < 0.5:
            run.look_from_now_on()
            run.wait_for("edgetpu", random_moment.randrange(1, 10))
        # Otherwise kill the child at any moment of its life, which begins with 0.5 s of loading.
        time.sleep(random_moment.uniform(0, 0.4))
        child = run.child()
        killed_ready += any(event.process == child for event in coral.stand_in.events("load"))
        os.kill(child, signal.SIGKILL)
        run.wait_for_burial(child)
    run.look_from_now_on()
    run.wait_for("edgetpu", 10)
    assert settled(run, at_first) == at_first
    done = run.stop()
    assert done.status == 0, done.stderr
    check(run.lines, coral.truth)
    by_edgetpu = sum(line.backend == "edgetpu" for line in run.lines)
    assert coral.late(run) <= kills  # an answer may be lost with the child
    assert shared_memory() == shared_before
    gaps = gaps_at_changes(run.lines)
    # Among so many changes a few meet a moment when the machine is busy: so test the median.
    assert statistics.median(gaps) < PICTURE_S / 2 * slowness()
    return (
        f"{kills} kills, {killed_ready} of them with the model loaded; {len(run.lines)} lines, "
        f"{by_edgetpu} by the Edge TPU, {coral.answered()} answers; {len(gaps)} changes, the "
        f"picture stopped for {statistics.median(gaps) * 1000:.0f} ms at the median, "
        f"{max(gaps) * 1000:.0f} ms at most; {at_first} at first and at last"
    )


def settled(run: Run, expected: Footprint) -> Footprint:
    """Return the run's footprint, at the latest after 10 s, once it is the expected one."""
    deadline = time.monotonic() + 10
    while run.footprint() != expected and time.monotonic() < deadline:
        time.sleep(0.05)
    return run.footprint()


def shared_memory() -> set[str]:
    """Return the names of shared memory that belongs to Python programs or to this program."""
    names = ("psm_", "sem.mp-", "pose")
    return {path.name for path in Path("/dev/shm").iterdir() if path.name.startswith(names)}


@pytest.mark.quiet
def test_random_kills_lose_and_leave_nothing(coral: CoralRig) -> None:
    kill_children(coral, 6, seed=6)


@pytest.mark.slow
def test_two_hundred_random_kills_lose_and_leave_nothing(coral: CoralRig) -> None:
    print(kill_children(coral, 200, seed=200))  # noqa: T201
