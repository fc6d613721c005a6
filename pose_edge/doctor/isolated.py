"""A section of the report in a process of its own.

Drivers and libraries that are examined may hang in the kernel, hold Python's lock for ever, or
end the process. Only a process can be given up: it is killed, and not waited for.
"""

from __future__ import annotations

import contextlib
import ctypes
import json
import logging
import os
import select
import signal
import time
from collections.abc import Callable, Iterable, Sequence
from dataclasses import asdict, dataclass
from typing import Final, NoReturn

from pose_edge.doctor.finding import Finding
from pose_edge.errors import PoseEdgeError

PR_SET_PDEATHSIG: Final = 1
"""linux/prctl.h"""
AT_ONCE: Final = 3
"""Sections that are examined at the same time: most of them wait for something, but each takes
memory."""
LOOK_S: Final = 0.05
END_S: Final = 1.0
"""How long the end of a process may take."""
LAST_WORDS: Final = 300
"""Letters of what a process wrote before it died that are told."""
DONE: Final = None
"""What a process says last."""

log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Task:
    """One section to examine.

    Attributes:
        section: Its name.
        examine: Yields its findings.
        limit_s: How long it may take.
        stuck: What to do when it takes longer.
    """

    section: str
    examine: Callable[[], Iterable[Finding]]
    limit_s: float
    stuck: str = "please report this"


def examine_all(
    tasks: Sequence[Task],
    *,
    until: float,
    at_once: int = AT_ONCE,
    progress: Callable[[list[str]], None] = lambda _sections: None,
) -> dict[str, list[Finding]]:
    """Examine sections, some at the same time, each in a process of its own.

    Args:
        tasks: The sections; the first are begun first.
        until: Monotonic seconds at which all must have ended.
        at_once: How many run at the same time.
        progress: Told the sections under way whenever they change.

    Returns:
        The findings by section, also of those that did not end as they should.
    """
    waiting = list(tasks)
    running: list[_Examination] = []
    ended: dict[str, list[Finding]] = {}
    try:
        while waiting or running:
            if waiting and len(running) < at_once:
                task = waiting.pop(0)
                if time.monotonic() >= until:
                    ended[task.section] = [_too_late(task)]
                    continue
                running.append(_Examination(task, until))
                progress([one.task.section for one in running])
                continue
            select.select([one.channel for one in running], [], [], LOOK_S)
            for one in running:
                one.look()
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
        self.task = task
        self.findings: list[Finding] = []
        self.over = False
        self._until = min(until, time.monotonic() + task.limit_s)
        self._limit_s = max(1.0, self._until - time.monotonic())
        self._rest = b""
        self.channel, theirs = os.pipe()
        self._words = os.memfd_create("words")
        self._pid = os.fork()
        if self._pid == 0:
            os.close(self.channel)
            _be_examiner(task, theirs, self._words)
        os.close(theirs)
        os.set_blocking(self.channel, False)

    def look(self) -> None:
        """Take what has come, and end what takes too long."""
        with contextlib.suppress(BlockingIOError):
            while chunk := os.read(self.channel, 1 << 16):
                self._rest += chunk
                self._take_lines()
                if self.over:
                    self._close()
                    return
            self.findings.append(self._obituary())
            self.kill()
            return
        if time.monotonic() >= self._until:
            text = f"no answer within {self._limit_s:.0f} s"
            self.findings.append(
                Finding(self.task.section, "examination", "fault", text, self.task.stuck)
            )
            self.kill()

    def kill(self) -> None:
        """End the process with all that it has started, without waiting for it."""
        for end in (os.killpg, os.kill):  # the group, if the process has come to make one
            with contextlib.suppress(ProcessLookupError, PermissionError):
                end(self._pid, signal.SIGKILL)
        self._close()

    def _take_lines(self) -> None:
        *lines, self._rest = self._rest.split(b"\n")
        for line in lines:
            found = json.loads(line)
            if found is DONE:
                self.over = True
            else:
                self.findings.append(Finding(**found))

    def _close(self) -> None:
        self.over = True
        os.close(self.channel)
        os.close(self._words)
        with contextlib.suppress(ChildProcessError):
            os.waitpid(self._pid, os.WNOHANG)

    def _obituary(self) -> Finding:
        """Say how the process ended, which is not as it should."""
        size = os.fstat(self._words).st_size
        said = os.pread(self._words, LAST_WORDS, max(0, size - LAST_WORDS))
        words = " ".join(said.decode("utf-8", "replace").split())
        text = f"its process {self._end()}" + (f" ({words})" if words else "")
        return Finding(self.task.section, "examination", "fault", text, self.task.stuck)

    def _end(self) -> str:
        latest = time.monotonic() + END_S
        while time.monotonic() < latest:  # it has closed the channel, as a rule by dying
            pid, status = os.waitpid(self._pid, os.WNOHANG)
            if pid:
                code = os.waitstatus_to_exitcode(status)
                name = signal.Signals(-code).name if code < 0 else ""
                return f"was ended by {name}" if name else f"ended with status {code}"
            time.sleep(LOOK_S)
        return "stopped answering"


def guarded(task: Task) -> Iterable[Finding]:
    """Yield a section's findings; an error that stops it is one of them."""
    try:
        yield from task.examine()
    except PoseEdgeError as error:
        yield Finding(task.section, "examination", "fault", " ".join(str(error).split()))
    except Exception as error:  # a report with a hole is better than none
        log.debug("the section %s was ended", task.section, exc_info=True)
        text = " ".join(f"ended by {type(error).__name__}: {error}".split())
        yield Finding(task.section, "examination", "fault", text, "please report this")


def _too_late(task: Task) -> Finding:
    text = "not looked at: the others took too long"
    return Finding(task.section, "examination", "skipped", text)


def _be_examiner(task: Task, channel: int, words: int) -> NoReturn:
    """Examine, tell, and end: the child's main. Nothing of the parent's is cleaned up here."""
    status = 1
    try:
        os.setpgid(0, 0)
        # A child that hangs, with the camera in its hands, would stay when the doctor is killed.
        ctypes.CDLL(None).prctl(PR_SET_PDEATHSIG, signal.SIGKILL)
        if not log.isEnabledFor(logging.DEBUG):  # what libraries write by themselves
            os.dup2(words, 1)
            os.dup2(words, 2)
        for finding in guarded(task):
            _say(channel, asdict(finding))
        _say(channel, DONE)
        status = 0
    finally:
        os._exit(status)


def _say(channel: int, what: object) -> None:
    data = json.dumps(what).encode() + b"\n"
    while data:
        data = data[os.write(channel, data) :]
