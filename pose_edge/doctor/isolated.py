"""Sections of the report in processes of their own.

Drivers and libraries may hang in the kernel, hold Python's lock, or end the process. Only a process
can be given up: it is killed, and not waited for.
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
from pose_edge.util.child_process import describe_death, die_with, redirect_output
from pose_edge.util.text import one_line

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


def examine_all(
    sections: Sequence[ReportSection],
    context: DoctorContext,
    *,
    until: float,
    at_once: int = AT_ONCE,
    progress: Callable[[list[str]], None] = lambda _sections: None,
) -> Report:
    """Examine sections, some at the same time, each in a process of its own.

    Args:
        sections: The sections; the first are started first.
        context: The configuration and the machine.
        until: Monotonic seconds at which all must have ended.
        at_once: How many run at the same time.
        progress: Called with the names of the running sections whenever they change.

    Returns:
        The findings by section, also of sections that did not end as they should.
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
        """Start the process; it ends at `until`, monotonic seconds, or at the section's limit."""
        self.section = section
        self.findings: list[Finding] = []
        self.over = False
        self._until = min(until, time.monotonic() + section.limit_s)
        self._limit_s = max(1.0, self._until - time.monotonic())
        self.results, theirs = Pipe(duplex=False)
        self._output = os.memfd_create("output")
        parent = os.getpid()
        # A fork: the doctor has one thread, and what is examined need not be made again.
        self._pid = os.fork()
        if self._pid == 0:
            self.results.close()
            _examine(section, context, theirs, self._output, parent)
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
            self._fail(self._cause_of_death())
            return
        if time.monotonic() >= self._until:
            self._fail(f"no answer within {self._limit_s:.0f} s")

    def kill(self) -> None:
        """End the process with all that it has started, without waiting for it."""
        for end in (os.killpg, os.kill):  # the group, if the process has come to make one
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
        output = os.pread(self._output, LAST_WORDS, max(0, size - LAST_WORDS))
        return describe_death(self._status(), one_line(output.decode("utf-8", "replace")))

    def _status(self) -> int | None:
        """Wait for the end of the process; None if it only closed its end of the connection."""
        latest = time.monotonic() + END_S
        while time.monotonic() < latest:
            pid, status = os.waitpid(self._pid, os.WNOHANG)
            if pid:
                return os.waitstatus_to_exitcode(status)
            time.sleep(POLL_S)
        return None


def guarded(section: ReportSection, context: DoctorContext) -> Iterator[Finding]:
    """Yield a section's findings; an error that stops it is one of them."""
    try:
        yield from section.examine(context)
    except PoseEdgeError as error:
        yield Finding("examination", "fault", *explain(error))
    except Exception as error:  # a report with a hole is better than none
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
    """Examine the section, send the findings, end: the child's main.

    Nothing that the parent has opened is cleaned up here.
    """
    status = 1
    try:
        os.setpgid(0, 0)
        # A child that hangs while it uses the camera would outlive a doctor that is killed.
        die_with(parent)
        if not log.isEnabledFor(logging.DEBUG):  # hide what libraries write
            redirect_output(output)
        for finding in guarded(section, context):
            results.send(finding)
        results.send(DONE)
        status = 0
    finally:
        os._exit(status)
