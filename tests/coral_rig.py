"""A fake machine with a Coral and a stand-in for its library, on which the real command runs."""

from __future__ import annotations

import os
import signal
import subprocess
import threading
import time
from collections.abc import Callable, Mapping
from contextlib import suppress
from pathlib import Path
from typing import TextIO

from command import Command, Finished
from fake_sysfs import dev_of, make_sysfs, plug_usb_coral, sysfs_of, unplug
from helpers import GENEROUS_S
from pose_lines import strict
from pose_truth import EXACT, Line, Truth, stretches
from process_tree import Footprint, Process, processes
from stand_in_edgetpu import StandIn, mark_compiled

from pose_edge.zoo.registry import Zoo

PORT = "2-1"
"""USB port of the Coral."""

RIGS_MODEL = Path("the rig's")
"""Placeholder for the rig's own Edge TPU model."""


class Run:
    """A running command whose pose lines and log are read in the background."""

    def __init__(self, process: subprocess.Popen[str]) -> None:
        self.process = process
        self.lines: list[Line] = []
        self.log: list[str] = []
        self._seen_lines = 0
        self._seen_log = 0
        assert process.stdout is not None
        assert process.stderr is not None
        self._readers = [
            threading.Thread(target=self._read_lines, args=(process.stdout,)),
            threading.Thread(target=self._read_log, args=(process.stderr,)),
        ]
        for reader in self._readers:
            reader.start()

    def wait_for(self, backend: str, count: int = 1) -> Line:
        """Wait for further lines by a backend.

        Args:
            backend: The backend; lines by other backends are skipped.
            count: Number of lines to wait for.

        Returns:
            The last of these lines. Later calls start after it.
        """
        for _ in range(count):
            line = self._next_line(backend)
        return line

    def look_from_now_on(self) -> None:
        """Make `wait_for` skip the lines read so far."""
        self._seen_lines = len(self.lines)

    def wait_for_log(self, *parts: str) -> str:
        """Wait for a further log line that contains all parts in order; see `wait_for`."""
        found = ""

        def there() -> bool:
            nonlocal found
            while self._seen_log < len(self.log):
                found = self.log[self._seen_log]
                self._seen_log += 1
                if in_order(found, *parts):
                    return True
            return False

        self.wait_until(there, f"{parts} in the log")
        return found

    def wait_until(self, condition: Callable[[], bool], what: str) -> None:
        """Wait until a condition is true; on a timeout, fail with the log."""
        deadline = time.monotonic() + GENEROUS_S
        while not condition():
            ended = self.process.poll() is not None and not any(r.is_alive() for r in self._readers)
            assert not ended or condition(), f"ended before: {what}\n{self._story()}"
            assert time.monotonic() < deadline, f"in vain: {what}\n{self._story()}"
            time.sleep(0.005)

    def children(self) -> list[int]:
        """Return the ids of the processes that run a model, including zombies."""
        found = []
        for process in processes():
            if process.parent == self.process.pid:
                try:
                    command = Path("/proc", str(process.number), "cmdline").read_bytes()
                except OSError:
                    continue
                if not command or b"child_main" in command:  # a zombie has no command line
                    found.append(process.number)
        return found

    def child(self) -> int:
        """Wait for the process that runs the model, and return its id."""
        self.wait_until(lambda: len(self.children()) == 1, "a child process")
        return self.children()[0]

    def wait_for_burial(self, child: int) -> None:
        """Wait until the command has reaped a dead child."""
        self.wait_until(lambda: child not in self.children(), f"the burial of {child}")

    def footprint(self) -> Footprint:
        return Footprint.of(self.process.pid)

    def signal(self, number: signal.Signals) -> None:
        """Send a signal to the command and all its children, as a terminal or systemd does."""
        os.killpg(self.process.pid, number)

    def stop(self) -> Finished:
        """End the command by SIGTERM, as systemd does."""
        self.signal(signal.SIGTERM)
        return self.finish()

    def finish(self) -> Finished:
        """Wait for the command's end, and check that it leaves no processes behind."""
        try:
            status = self.process.wait(GENEROUS_S)
        except subprocess.TimeoutExpired:
            raise AssertionError(f"does not end\n{self._story()}") from None
        self.wait_until(lambda: not self.left_behind(), "the end of its processes")
        self.close()
        return Finished(status, "", "\n".join(self.log))

    def left_behind(self) -> list[Process]:
        """Return the processes left in the command's session, except zombies of other parents."""
        own = self.process.pid
        return [
            process
            for process in processes()
            if process.session == own and (process.state != "Z" or process.parent == own)
        ]

    def close(self) -> None:
        """Kill the remaining processes and stop reading; idempotent."""
        assert self.process.stdout is not None
        assert self.process.stderr is not None
        if self.process.stdout.closed:
            return
        for process in self.left_behind():
            with suppress(ProcessLookupError):
                os.kill(process.number, signal.SIGKILL)
        self.process.wait()
        for reader in self._readers:
            reader.join(GENEROUS_S)
        self.process.stdout.close()
        self.process.stderr.close()

    def _next_line(self, backend: str) -> Line:
        def there() -> bool:
            while self._seen_lines < len(self.lines):
                self._seen_lines += 1
                if self.lines[self._seen_lines - 1].backend == backend:
                    return True
            return False

        self.wait_until(there, f"a line by {backend}")
        return self.lines[self._seen_lines - 1]

    def _read_lines(self, stream: TextIO) -> None:
        for line in stream:
            self.lines.append(Line(time.monotonic(), strict(line)))

    def _read_log(self, stream: TextIO) -> None:
        self.log.extend(line.rstrip("\n") for line in stream)

    def _story(self) -> str:
        return "\n".join([*self.log, str(stretches(list(self.lines)))])


class CoralRig:
    """The fake machine. At first a Coral is plugged in, and its library accepts it."""

    def __init__(self, command: Command, stand_in: StandIn, truth: Truth) -> None:
        self.command = command
        self.stand_in = stand_in
        self.truth = truth
        self.folder = command.folder
        self.model = mark_compiled(Zoo().find("movenet-lightning-fp16").path, self.folder)
        self.machine = make_sysfs(self.folder / "machine", others=3)
        self.node = plug_usb_coral(self.machine, PORT)
        self.data = self.folder / "data"
        self._runs: list[Run] = []

    def plug_in(self) -> None:
        self.node = plug_usb_coral(self.machine, PORT)

    def unplug(self) -> None:
        unplug(self.machine, PORT)

    @property
    def environment(self) -> dict[str, str]:
        # Hides models that a user of this machine has fetched.
        return {**self.stand_in.environment, "XDG_DATA_HOME": str(self.data)}

    def arguments(
        self,
        command: str,
        mode: str | None,
        *,
        library: Path | str | None = None,
        model: Path | str | None = RIGS_MODEL,
    ) -> list[str]:
        """Return a command line for this machine.

        Args:
            command: The command, e.g. "run".
            mode: Value of --edgetpu; None for the default.
            library: Library to use instead of the stand-in.
            model: Model to use instead of the rig's Edge TPU model; None for the program's choice.
        """
        settings = {
            "edgetpu.library": library or self.stand_in.library,
            "edgetpu.model": self.model if model is RIGS_MODEL else model,
            "testing.sysfs": sysfs_of(self.machine),
            "testing.dev": dev_of(self.machine),
        }
        given = [f"{key}={value}" for key, value in settings.items() if value is not None]
        options = [word for assignment in given for word in ("--set", assignment)]
        return [command, *options, *(["--edgetpu", mode] if mode else [])]

    def start(
        self,
        mode: str | None,
        *more: str,
        library: Path | str | None = None,
        model: Path | str | None = RIGS_MODEL,
        environment: Mapping[str, str] | None = None,
        exact: bool = True,
    ) -> Run:
        """Start `run` on the looped clip, by default with the options `EXACT`; see `arguments`."""
        process = self.command.start(
            *self.arguments("run", mode, library=library, model=model),
            *("--source", self.truth.clip, "--set", "source.loop=true", "--display", "none"),
            *("--duration", "120", "--poses", "-", *(EXACT if exact else ()), *more),
            **self.environment,
            **(environment or {}),
        )
        run = Run(process)
        self._runs.append(run)
        return run

    def answered(self) -> int:
        """Return the number of frames that the stand-in answered, without the warm-up."""
        return sum(int(event.detail) > 1 for event in self.stand_in.events("answer"))

    def late(self, run: Run) -> int:
        """Return the number of answers that came too late, as happens on a busy machine.

        The CPU then takes over, as it should, and there are fewer pose lines by the Edge TPU than
        answers of the stand-in.
        """
        late = self.answered() - sum(line.backend == "edgetpu" for line in run.lines)
        assert late >= 0, f"{-late} lines more by the Edge TPU than it has given answers"
        return late

    def explained(self, run: Run, *, failures: int, begins: str = "cpu") -> bool:
        """Return whether the CPU took over only after a failure or late answer of the Edge TPU.

        Args:
            run: A run that has ended.
            failures: Number of failures of the Edge TPU.
            begins: The backend that should run first.
        """
        by_cpu = [backend for backend, _ in stretches(run.lines)].count("cpu")
        return by_cpu - (begins == "cpu") <= failures + self.late(run)

    def close(self) -> None:
        for run in self._runs:
            run.close()


def in_order(text: str, *parts: str) -> bool:
    """Return whether a text contains all parts in this order."""
    position = 0
    for part in parts:
        position = text.find(part, position)
        if position < 0:
            return False
        position += len(part)
    return True
