"""Runs the program of a fuzz case: starting, observing, and killing it if it hangs."""

from __future__ import annotations

import os
import resource
import signal
import subprocess
import time
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

from fuzz.case import Case
from helpers import slowness
from process_tree import processes

HANG_S = 20.0
"""Seconds beyond its expected duration after which a program counts as hung, on an idle machine."""

STEP_S = 0.02


def patience_s() -> float:
    """Return `HANG_S`, scaled up if the machine is busy; see `slowness`."""
    return HANG_S * slowness()


@dataclass(frozen=True)
class End:
    """How a program ended.

    Attributes:
        status: Exit status, or the negative number of the signal that ended it.
        memory_mb: Peak resident memory, in MB.
    """

    status: int
    memory_mb: float


class Trial:
    """A running program."""

    def __init__(self, case: Case, folder: Path, environment: Mapping[str, str]) -> None:
        """Start the program.

        Args:
            case: The case to run.
            folder: Working directory, where the files "stdout" and "stderr" are written.
            environment: All environment variables of the program.
        """
        self.folder = folder
        self.end: End | None = None
        with (folder / "stdout").open("wb") as stdout, (folder / "stderr").open("wb") as stderr:
            self._process = subprocess.Popen(
                case.command(),
                cwd=folder,
                env=dict(environment),
                stdin=subprocess.DEVNULL,
                stdout=stdout,
                stderr=stderr,
                start_new_session=True,
            )
        self.number = self._process.pid
        self.started = time.monotonic()

    def ended(self) -> bool:
        """Return whether the program has ended."""
        if self.end is None:
            number, status, usage = os.wait4(self.number, os.WNOHANG)
            if number:
                self._note(status, usage)
        return self.end is not None

    def sleep(self, seconds: float) -> bool:
        """Wait for some seconds or the program's end, and return whether it is still running."""
        until = time.monotonic() + seconds
        while not self.ended() and time.monotonic() < until:
            time.sleep(STEP_S)
        return not self.ended()

    def log(self) -> str:
        """Return the standard error so far."""
        return (self.folder / "stderr").read_text(encoding="utf-8", errors="replace")

    def wait_for_log(self, words: str) -> bool:
        """Wait until the log contains `words`, for up to `patience_s`.

        Returns:
            Whether the program is still running.
        """
        until = time.monotonic() + patience_s()
        while not self.ended() and words not in self.log() and time.monotonic() < until:
            time.sleep(STEP_S)
        return not self.ended()

    def has_loaded(self, library: str) -> bool:
        """Return whether the program has loaded a library."""
        try:
            return library in Path("/proc", str(self.number), "maps").read_text()
        except OSError:
            return False

    def signal(self, number: int) -> None:
        """Send the program a signal if it is still running."""
        if not self.ended():
            os.kill(self.number, number)

    def finish(self, seconds: float) -> str | None:
        """Wait for the program's end, and kill it if it hangs.

        Args:
            seconds: Expected duration of the program, from its start.

        Returns:
            What its threads were doing if it had to be killed, else None.
        """
        left = self.started + seconds + patience_s() - time.monotonic()
        if not self.sleep(left):
            return None
        threads = self._threads()
        self._kill()
        return threads

    def left_behind(self) -> list[int]:
        """Kill and return the processes of the session that still run 5 s after the program's end.

        If the program itself is still running, because `Case.meanwhile` failed, it is killed first.
        """
        if not self.ended():
            self._kill()
        until = time.monotonic() + 5
        while (left := self._session()) and time.monotonic() < until:
            time.sleep(STEP_S)
        for number in left:
            with suppress(ProcessLookupError):
                os.kill(number, signal.SIGKILL)
        return left

    def _kill(self) -> None:
        os.kill(self.number, signal.SIGKILL)
        _number, status, usage = os.wait4(self.number, 0)
        self._note(status, usage)

    def _session(self) -> list[int]:
        return [
            each.number
            for each in processes()
            if each.session == self.number and each.state != "Z" and each.number != self.number
        ]

    def _note(self, status: int, usage: resource.struct_rusage) -> None:
        self.end = End(os.waitstatus_to_exitcode(status), usage.ru_maxrss / 1024)
        self._process.returncode = self.end.status

    def _threads(self) -> str:
        told = []
        for task in sorted(Path("/proc", str(self.number), "task").iterdir()):
            with suppress(OSError):
                name = (task / "comm").read_text().strip()
                told.append(f"{name}: {(task / 'wchan').read_text()}")
        return ", ".join(told)
