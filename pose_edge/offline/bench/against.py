"""Compares this program with another one on the same video, each in its own process."""

from __future__ import annotations

import json
import os
import shlex
import signal
import subprocess
import sys
import tempfile
import threading
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import IO, Final

from pose_edge.errors import PoseEdgeError
from pose_edge.offline.bench import launcher
from pose_edge.offline.bench.control import BenchControl
from pose_edge.offline.bench.machine_state import MachineState, read_state
from pose_edge.offline.bench.meter import Cost
from pose_edge.offline.bench.statistics import RatioRange
from pose_edge.offline.bench.system import System, read_system
from pose_edge.util.child_process import describe_death
from pose_edge.util.text import one_line

SOURCE_MARK: Final = "{source}"
"""Placeholder for the path of the video in a command."""
CHECK_INTERVAL_S: Final = 0.1
"""Interval in seconds at which a wait for the program checks whether to stop."""
END_S: Final = 5.0
"""Seconds between SIGTERM and SIGKILL for a program that is stopped."""


@dataclass(frozen=True, slots=True)
class ProgramRun:
    """Resources used by one run of a program, including the children that it waited for.

    Attributes:
        cost: Time and context switches.
        peak_mb: Peak resident memory of the largest of its processes, megabytes.
    """

    cost: Cost
    peak_mb: float


@dataclass(frozen=True, slots=True)
class AgainstReport:
    """Measurements of this program and another one in interleaved runs.

    Attributes:
        system: The machine.
        before: State of the machine before the first run.
        after: State of the machine right after the last run.
        source: Path of the video.
        our_command: The command line of this program, for display.
        their_command: The shell command of the other program.
        ours: Runs of this program.
        theirs: Runs of the other program; the i-th one is compared with the i-th of `ours`.
        complete: False if the measurement was stopped early.
    """

    system: System
    before: MachineState
    after: MachineState
    source: str
    our_command: str
    their_command: str
    ours: tuple[ProgramRun, ...]
    theirs: tuple[ProgramRun, ...]
    complete: bool

    @property
    def wall_ratio(self) -> RatioRange:
        """Wall time of the other program over that of this one."""
        pairs = ([one.cost.wall_s for one in runs] for runs in (self.theirs, self.ours))
        return RatioRange.of(*pairs)

    @property
    def cpu_ratio(self) -> RatioRange:
        """CPU time of the other program over that of this one."""
        pairs = ([one.cost.cpu_s for one in runs] for runs in (self.theirs, self.ours))
        return RatioRange.of(*pairs)


def bench_against(
    ours: Sequence[str],
    theirs: str,
    source: str,
    rounds: int,
    *,
    shown: str,
    control: BenchControl | None = None,
    sysfs: Path = Path("/sys"),
) -> AgainstReport:
    """Run this program and another one alternately, and measure both.

    The order changes from round to round. Startup and shutdown are included.

    Args:
        ours: Program and arguments of this program.
        theirs: Shell command of the other program; `SOURCE_MARK` stands for the video.
        source: Path of the video.
        rounds: Runs of each.
        shown: The command line of this program, for display.
        control: Stops the measurement and receives its progress, in runs of both programs.
        sysfs: Where sysfs is mounted.

    Raises:
        PoseEdgeError: A program failed, or the measurement was stopped before the first pair was
            done.
    """
    control = control or BenchControl()
    command = theirs.replace(SOURCE_MARK, shlex.quote(source))
    lines = {"ours": list(ours), "theirs": ["/bin/sh", "-c", command]}
    names = {"ours": "this program", "theirs": "the command of --against"}
    runs: dict[str, list[ProgramRun]] = {"ours": [], "theirs": []}
    before, done = read_state(sysfs), 0
    for number in range(rounds):
        pair = {}
        for who in ("ours", "theirs") if number % 2 == 0 else ("theirs", "ours"):
            pair[who] = run_program(lines[who], names[who], control.stop)
            done += 1
            control.report(done, 2 * rounds)
        for who, run in pair.items():
            if run is not None and None not in pair.values():
                runs[who].append(run)
    if not runs["ours"]:
        raise PoseEdgeError("nothing was measured: it was ended before the first pair was done")
    return AgainstReport(
        system=read_system(),
        before=before,
        after=read_state(sysfs),
        source=source,
        our_command=shown,
        their_command=command,
        ours=tuple(runs["ours"]),
        theirs=tuple(runs["theirs"]),
        complete=not control.stopped,
    )


def run_program(command: Sequence[str], name: str, stop: threading.Event) -> ProgramRun | None:
    """Run a program to its end, without input, and measure it.

    Args:
        command: Path of the program, and its arguments.
        name: Name of the program in error messages.
        stop: Set it to stop the program.

    Returns:
        The resources used; None if the program was stopped.

    Raises:
        PoseEdgeError: The program failed.
    """
    if stop.is_set():
        return None
    with tempfile.TemporaryFile() as complaints:
        # A new session: the program can be killed with its children, and Ctrl-C reaches only us.
        process = subprocess.Popen(
            [sys.executable, "-I", "-S", launcher.__file__, *command],
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=complaints,
            start_new_session=True,
        )
        try:
            answer = _answer(process, stop)
        except BaseException:
            _end(process, signal.SIGKILL)
            raise
        if answer is None:
            return None
        took = json.loads(answer or b'{"status": 1}')
        status = took["status"]
        if status != 0:
            raise PoseEdgeError(f"{name}: {describe_death(status, _last_line(complaints))}")
    cost = Cost(took["wall_s"], took["cpu_s"], took["voluntary"], took["involuntary"])
    return ProgramRun(cost, took["peak_mb"])


def _answer(process: subprocess.Popen[bytes], stop: threading.Event) -> bytes | None:
    """Return what a process writes to its standard output; None if it was stopped."""
    while True:
        try:
            return process.communicate(timeout=CHECK_INTERVAL_S)[0]
        except subprocess.TimeoutExpired:
            if stop.is_set():
                _stop(process)
                return None


def _stop(process: subprocess.Popen[bytes]) -> None:
    """Terminate a process and its children, and kill them if it still runs after `END_S`."""
    _end(process, signal.SIGTERM)
    try:
        process.communicate(timeout=END_S)
    except subprocess.TimeoutExpired:
        _end(process, signal.SIGKILL)
        process.communicate()


def _end(process: subprocess.Popen[bytes], number: signal.Signals) -> None:
    with suppress(ProcessLookupError):
        os.killpg(process.pid, number)


def _last_line(complaints: IO[bytes]) -> str:
    """Return the last line that a program wrote to its standard error."""
    complaints.seek(0)
    lines = complaints.read().decode(errors="replace").split("\n")
    return next((one_line(line) for line in reversed(lines) if line.strip()), "no message")
