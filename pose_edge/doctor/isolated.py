"""Run each section of the report in a child process.

Drivers and libraries may hang in the kernel, hold the GIL, or end the process. A thread could not
be stopped then, but a process can be killed without waiting for its end.
"""

from __future__ import annotations

import contextlib
import logging
import os
import signal
import time
from collections.abc import Callable, Iterator, Sequence
from multiprocessing.connection import Connection, Pipe, wait
from typing import Final, NoReturn

from pose_edge.doctor.context import DoctorContext
from pose_edge.doctor.report import Finding, Report, explain
from pose_edge.doctor.sections import ReportSection
from pose_edge.errors import PoseEdgeError
from pose_edge.util.child_process import describe_death, kill_with_parent, redirect_output
from pose_edge.util.text import one_line

AT_ONCE: Final = 3
"""Number of sections that run at the same time; most only wait, but each process takes memory."""
POLL_S: Final = 0.05
"""Interval at which processes are polled, seconds."""
END_S: Final = 1.0
"""Longest wait, seconds, for the end of a process that has closed its pipe."""
QUOTED_BYTES: Final = 300
"""Number of bytes that the report quotes from the end of a dead process's output."""
DONE: Final = None
"""Message with which a process says that it has sent all findings."""

log = logging.getLogger(__name__)


def examine_all(
    sections: Sequence[ReportSection],
    context: DoctorContext,
    *,
    until: float,
    at_once: int = AT_ONCE,
    progress: Callable[[list[str]], None] = lambda _sections: None,
) -> Report:
    """Examine sections concurrently, each in its own process.

    Args:
        sections: The sections, in the order in which they are started.
        context: The configuration and the machine.
        until: Deadline for all sections, monotonic seconds.
        at_once: Maximum number of sections that run at the same time.
        progress: Called with the names of the running sections whenever they change.

    Returns:
        The findings by section, including sections that failed or were not started in time.
    """
    waiting = list(sections)
    running: list[_Examination] = []
    ended: Report = {}
    try:
        while waiting or running:
            if waiting and len(running) < at_once:
                section = waiting.pop(0)
                if time.monotonic() >= until:
                    text = "not examined: the others took too long"
                    ended[section.name] = [Finding("examination", "skipped", text)]
                    continue
                running.append(_Examination(section, context, until))
                progress([one.section.name for one in running])
                continue
            wait([one.results for one in running], POLL_S)
            for one in running:
                one.update()
            ended |= {one.section.name: one.findings for one in running if one.over}
            if any(one.over for one in running):
                running = [one for one in running if not one.over]
                progress([one.section.name for one in running])
    finally:
        for one in running:
            one.kill()
    return ended


class _Examination:
    """A process that examines one section."""

    def __init__(self, section: ReportSection, context: DoctorContext, until: float) -> None:
        """Start the process; its deadline is `until` (monotonic seconds) or the section's limit."""
        self.section = section
        self.findings: list[Finding] = []
        self.over = False
        self._until = min(until, time.monotonic() + section.limit_s)
        self._limit_s = max(1.0, self._until - time.monotonic())
        self.results, theirs = Pipe(duplex=False)
        self._output = os.memfd_create("output")
        parent = os.getpid()
        # Forking is safe because the doctor has one thread. The child inherits all that it needs.
        self._pid = os.fork()
        if self._pid == 0:
            self.results.close()
            _examine(section, context, theirs, self._output, parent)
        theirs.close()

    def update(self) -> None:
        """Receive pending findings; kill the process if it is past its deadline."""
        try:
            while self.results.poll():
                found = self.results.recv()
                if found is DONE:
                    self._close()
                    return
                self.findings.append(found)
        except (EOFError, OSError):  # the process has ended, perhaps in the middle of a message
            self._fail(self._cause_of_death())
            return
        if time.monotonic() >= self._until:
            self._fail(f"no answer within {self._limit_s:.0f} s")

    def kill(self) -> None:
        """Kill the process and its process group, without waiting for their end."""
        for end in (os.killpg, os.kill):  # the process may not have created its group yet
            with contextlib.suppress(ProcessLookupError, PermissionError):
                end(self._pid, signal.SIGKILL)
        self._close()

    def _fail(self, text: str) -> None:
        self.findings.append(Finding("examination", "fault", text, self.section.stuck))
        self.kill()

    def _close(self) -> None:
        self.over = True
        self.results.close()
        os.close(self._output)
        with contextlib.suppress(ChildProcessError):
            os.waitpid(self._pid, os.WNOHANG)

    def _cause_of_death(self) -> str:
        size = os.fstat(self._output).st_size
        output = os.pread(self._output, QUOTED_BYTES, max(0, size - QUOTED_BYTES))
        return describe_death(self._status(), one_line(output.decode("utf-8", "replace")))

    def _status(self) -> int | None:
        """Wait up to `END_S` for the exit status; None if the process only closed its pipe."""
        latest = time.monotonic() + END_S
        while time.monotonic() < latest:
            pid, status = os.waitpid(self._pid, os.WNOHANG)
            if pid:
                return os.waitstatus_to_exitcode(status)
            time.sleep(POLL_S)
        return None


def guarded(section: ReportSection, context: DoctorContext) -> Iterator[Finding]:
    """Yield a section's findings; an exception becomes a finding."""
    try:
        yield from section.examine(context)
    except PoseEdgeError as error:
        yield Finding("examination", "fault", *explain(error))
    except Exception as error:  # an incomplete report is better than none
        log.debug("the section %s was ended", section.name, exc_info=True)
        text = one_line(f"ended by {type(error).__name__}: {error}")
        yield Finding("examination", "fault", text, "please report this")


def _examine(
    section: ReportSection,
    context: DoctorContext,
    results: Connection[Finding | None, None],
    output: int,
    parent: int,
) -> NoReturn:
    """Run in the child: examine the section, send the findings, and exit.

    The child exits by `os._exit`, which leaves everything that the parent has opened alone.
    """
    status = 1
    try:
        os.setpgid(0, 0)
        # If the doctor is killed, a hanging child must not keep the camera.
        kill_with_parent(parent)
        if not log.isEnabledFor(logging.DEBUG):  # hide what libraries write
            redirect_output(output)
        for finding in guarded(section, context):
            results.send(finding)
        results.send(DONE)
        status = 0
    finally:
        os._exit(status)
