"""A section of the report in a process of its own.

Drivers and libraries that are examined may hang in the kernel, hold Python's lock for ever, or
end the process. Only a process can be given up: it is killed, and not waited for.
"""

from __future__ import annotations

import contextlib
import logging
import os
import signal
import time
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from multiprocessing.connection import Connection, Pipe, wait
from typing import Final, NoReturn

from pose_edge.doctor.finding import Finding
from pose_edge.errors import PoseEdgeError
from pose_edge.util.child_process import describe_death, die_with, redirect_output

AT_ONCE: Final = 3
"""Sections that are examined at the same time: most of them wait for something, but each takes
memory."""
POLL_S: Final = 0.05
END_S: Final = 1.0
"""How long the end of a process may take."""
LAST_WORDS: Final = 300
"""Bytes of a dead process's last output that the report quotes."""
DONE: Final = None
"""The last message of a process."""

log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Task:
    """One section to examine.

    Attributes:
        section: Its name.
        examine: Yields its findings.
        limit_s: How long it may take, seconds.
        stuck: The remedy where it takes longer.
    """

    section: str
    examine: Callable[[], Iterable[Finding]]
    limit_s: float
    stuck: str = "please report this"

    def fault(self, text: str) -> Finding:
        """Return the finding that the examination itself did not end as it should."""
        return Finding(self.section, "examination", "fault", text, self.stuck)


def examine_all(
    tasks: Sequence[Task],
    *,
    until: float,
    at_once: int = AT_ONCE,
    progress: Callable[[list[str]], None] = lambda _sections: None,
) -> dict[str, list[Finding]]:
    """Examine sections, some at the same time, each in a process of its own.

    Args:
        tasks: The sections; the first are started first.
        until: Monotonic seconds at which all must have ended.
        at_once: How many run at the same time.
        progress: Called with the names of the running sections whenever they change.

    Returns:
        The findings by section, also of sections that did not end as they should.
    """
    waiting = list(tasks)
    running: list[_Examination] = []
    ended: dict[str, list[Finding]] = {}
    try:
        while waiting or running:
            if waiting and len(running) < at_once:
                task = waiting.pop(0)
                if time.monotonic() >= until:
                    text = "not looked at: the others took too long"
                    ended[task.section] = [Finding(task.section, "examination", "skipped", text)]
                    continue
                running.append(_Examination(task, until))
                progress([one.task.section for one in running])
                continue
            wait([one.results for one in running], POLL_S)
            for one in running:
                one.update()
            ended |= {one.task.section: one.findings for one in running if one.over}
            if any(one.over for one in running):
                running = [one for one in running if not one.over]
                progress([one.task.section for one in running])
    finally:
        for one in running:
            one.kill()
    return ended


class _Examination:
    """A process that examines one section."""

    def __init__(self, task: Task, until: float) -> None:
        """Start the process; it has until then (monotonic seconds), or the task's own limit."""
        self.task = task
        self.findings: list[Finding] = []
        self.over = False
        self._until = min(until, time.monotonic() + task.limit_s)
        self._limit_s = max(1.0, self._until - time.monotonic())
        self.results, theirs = Pipe(duplex=False)
        self._output = os.memfd_create("output")
        parent = os.getpid()
        # A fork: the doctor has one thread, and what is examined need not be made again.
        self._pid = os.fork()
        if self._pid == 0:
            self.results.close()
            _examine(task, theirs, self._output, parent)
        theirs.close()

    def update(self) -> None:
        """Take the results that have come; end a process that takes too long."""
        try:
            while self.results.poll():
                found = self.results.recv()
                if found is DONE:
                    self._close()
                    return
                self.findings.append(found)
        except (EOFError, OSError):  # the process has ended, perhaps in the middle of a message
            self.findings.append(self.task.fault(self._cause_of_death()))
            self.kill()
            return
        if time.monotonic() >= self._until:
            self.findings.append(self.task.fault(f"no answer within {self._limit_s:.0f} s"))
            self.kill()

    def kill(self) -> None:
        """End the process with all that it has started, without waiting for it."""
        for end in (os.killpg, os.kill):  # the group, if the process has come to make one
            with contextlib.suppress(ProcessLookupError, PermissionError):
                end(self._pid, signal.SIGKILL)
        self._close()

    def _close(self) -> None:
        self.over = True
        self.results.close()
        os.close(self._output)
        with contextlib.suppress(ChildProcessError):
            os.waitpid(self._pid, os.WNOHANG)

    def _cause_of_death(self) -> str:
        size = os.fstat(self._output).st_size
        output = os.pread(self._output, LAST_WORDS, max(0, size - LAST_WORDS))
        return describe_death(self._status(), " ".join(output.decode("utf-8", "replace").split()))

    def _status(self) -> int | None:
        """Wait for the end of the process; None if it only closed its end of the connection."""
        latest = time.monotonic() + END_S
        while time.monotonic() < latest:
            pid, status = os.waitpid(self._pid, os.WNOHANG)
            if pid:
                return os.waitstatus_to_exitcode(status)
            time.sleep(POLL_S)
        return None


def guarded(task: Task) -> Iterable[Finding]:
    """Yield a section's findings; an error that stops it is one of them."""
    try:
        yield from task.examine()
    except PoseEdgeError as error:
        text, remedy = " ".join(error.message.split()), error.remedy or ""
        yield Finding(task.section, "examination", "fault", text, remedy)
    except Exception as error:  # a report with a hole is better than none
        log.debug("the section %s was ended", task.section, exc_info=True)
        text = " ".join(f"ended by {type(error).__name__}: {error}".split())
        yield Finding(task.section, "examination", "fault", text, "please report this")


def _examine(
    task: Task, results: Connection[Finding | None, None], output: int, parent: int
) -> NoReturn:
    """Examine the section, send the findings, end: the child's main.

    Nothing that the parent has opened is cleaned up here.
    """
    status = 1
    try:
        os.setpgid(0, 0)
        # A child that hangs while it uses the camera would outlive a doctor that is killed.
        die_with(parent)
        if not log.isEnabledFor(logging.DEBUG):  # what libraries write by themselves
            redirect_output(output)
        for finding in guarded(task):
            results.send(finding)
        results.send(DONE)
        status = 0
    finally:
        os._exit(status)
