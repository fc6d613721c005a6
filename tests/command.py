"""The real command, started as a process."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import threading
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from helpers import wait_until

Lines = list[dict[str, Any]]


@dataclass
class Finished:
    """A command that has ended."""

    status: int
    stdout: str
    stderr: str

    def complaint(self) -> list[str]:
        """Return the lines of the error message, without those of the log."""
        return [line for line in self.stderr.splitlines() if line.startswith("pose-edge: ")]


class Command:
    """Starts `pose-edge` in a given folder, without the user's configuration and screen."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self._running: list[subprocess.Popen[str]] = []

    def start(self, *arguments: str | Path, **environment: str) -> subprocess.Popen[str]:
        clean = {
            name: value
            for name, value in os.environ.items()
            if not name.startswith("POSE_EDGE_") and name not in ("DISPLAY", "WAYLAND_DISPLAY")
        }
        process = subprocess.Popen(
            [sys.executable, "-m", "pose_edge", *map(str, arguments)],
            cwd=self.folder,
            env={**clean, "XDG_CONFIG_HOME": str(self.folder / "no-config"), **environment},
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
            start_new_session=True,  # a process group that can be signalled as by a terminal
        )
        self._running.append(process)
        return process

    def finish(self, process: subprocess.Popen[str], timeout: float = 120.0) -> Finished:
        stdout, stderr = process.communicate(timeout=timeout)
        return Finished(process.returncode, stdout, stderr)

    def __call__(self, *arguments: str | Path, **environment: str) -> Finished:
        return self.finish(self.start(*arguments, **environment))

    def kill_all(self) -> None:
        for process in self._running:
            if process.poll() is None:
                process.send_signal(signal.SIGKILL)
            process.communicate()


class Log:
    """The log of a running command, read line by line in the background."""

    def __init__(self, process: subprocess.Popen[str]) -> None:
        self._process = process
        self.text = ""
        self._thread = threading.Thread(target=self._follow, daemon=True)
        self._thread.start()

    def _follow(self) -> None:
        assert self._process.stderr is not None
        for line in self._process.stderr:
            self.text += line

    def wait_for(self, words: str, times: int = 1) -> None:
        wait_until(lambda: self.text.count(words) >= times, f"{words!r} in the log")

    def end(self) -> int:
        """Terminate the command, and return its exit status."""
        self._process.terminate()
        status = self._process.wait(60)
        self._thread.join(60)
        return status


def read_lines(path: Path) -> Lines:
    """Read a pose file; every line must be complete."""
    return [json.loads(line) for line in path.read_text(encoding="utf-8").splitlines()]
