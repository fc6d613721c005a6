"""`pose-edge run` in the machine: installing, starting on the first terminal, and observing it."""

from __future__ import annotations

import json
import shlex
import time
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

from system.agent import Agent
from system.image import VENV, WHEELS
from system.machine import Machine

USER: Final = "pi"
UNIT: Final = "program"
FOLDER: Final = "/run/program"
POSES: Final = f"{FOLDER}/poses.jsonl"
LOG: Final = f"{FOLDER}/log"

Line = dict[str, Any]


def install(agent: Agent, wheel: Path) -> float:
    """Install the product in the machine without a network, and return the seconds it took."""
    began = time.monotonic()
    agent.push(wheel, f"/root/{wheel.name}")
    agent(
        f"{VENV}/bin/pip --isolated install --quiet --no-index --find-links {WHEELS} "
        f"/root/{wheel.name} && ln -sf {VENV}/bin/pose-edge /usr/local/bin/",
        timeout=300,
    )
    return time.monotonic() - began


@dataclass(frozen=True)
class Resources:
    """Number of file descriptors and threads, and memory, that a process holds."""

    descriptors: int
    threads: int
    memory_kb: int


class Program:
    """`pose-edge run`, started as by an ordinary user who sits in front of the screen."""

    def __init__(self, machine: Machine) -> None:
        """Create the control of one machine's program; `start` starts it."""
        self._machine = machine
        self._lines: list[Line] = []
        self._read = 0

    @property
    def _agent(self) -> Agent:
        """The machine's agent; each boot has a new one."""
        return self._machine.agent

    def start(self, *arguments: str, **settings: str) -> None:
        """Start the program on the first terminal, in place of the login.

        Args:
            arguments: Further arguments of `pose-edge run`.
            settings: Environment variables.
        """
        self.end()
        self._lines, self._read = [], 0
        command = shlex.join(("pose-edge", "run", "--poses", POSES, *arguments))
        options = [
            *(f"User={USER}", "TTYPath=/dev/tty1", "StandardInput=tty", "TTYReset=yes"),
            *(f"StandardOutput=append:{LOG}", f"StandardError=append:{LOG}"),
            *("Conflicts=getty@tty1.service", "After=getty@tty1.service"),
            # Keep the unit after the program ends, so that its exit status can be queried.
            *("RemainAfterExit=yes", f"WorkingDirectory=/home/{USER}"),
            *(f"Environment={name}={value}" for name, value in settings.items()),
        ]
        self._agent(
            f"rm -rf {FOLDER} && install -d -o {USER} {FOLDER} && "
            f"install -o {USER} /dev/null {LOG} && chvt 1 && "
            f"systemd-run --quiet --unit={UNIT} "
            + " ".join(f"--property={shlex.quote(option)}" for option in options)
            + f" {command}"
        )

    def end(self, timeout: float = 30.0) -> int | None:
        """End the program as Ctrl-C does, and return its exit status; None if none was started."""
        if self._state("LoadState") != "loaded":
            return None
        self._agent(f"systemctl kill --signal=INT --kill-whom=main {UNIT} || true")
        status = self.wait(timeout)
        self.kill()
        return status

    def kill(self) -> None:
        """Kill the program if it is still running, and start the login on the terminal again."""
        self._agent(
            f"systemctl kill --signal=KILL {UNIT} 2>/dev/null; systemctl stop {UNIT} 2>/dev/null; "
            f"systemctl reset-failed {UNIT} 2>/dev/null; systemctl start --no-block getty@tty1"
        )

    def wait(self, timeout: float) -> int:
        """Wait until the program ends, and return its exit status."""
        deadline = time.monotonic() + timeout
        while self._state("MainPID") != "0":
            assert time.monotonic() < deadline, f"it did not end within {timeout:g} s"
            time.sleep(0.2)
        return int(self._state("ExecMainStatus"))

    def running(self) -> bool:
        """Return whether the program is still running."""
        return self._state("MainPID") != "0"

    def lines(self) -> list[Line]:
        """Return all complete pose lines so far; only new ones are fetched from the machine."""
        new = self._agent.run(f"tail -c +{self._read + 1} {POSES}").stdout
        whole = new[: new.rfind(b"\n") + 1]
        self._read += len(whole)
        self._lines += [json.loads(line) for line in whole.splitlines()]
        return list(self._lines)

    def log(self) -> str:
        """Return the program's log so far."""
        return self._agent.run(f"cat {LOG}").text

    def threads(self) -> str:
        """Return the name and kernel stack of each thread, to see where one hangs."""
        return self._agent.run(
            f"for t in /proc/$(systemctl show -P MainPID {UNIT})/task/*; do "
            "cat $t/comm; head -n 4 $t/stack; done"
        ).text

    def resources(self) -> Resources:
        """Return the resources that the program holds at the moment."""
        numbers = self._agent(
            f"p=$(systemctl show -P MainPID {UNIT}); ls /proc/$p/fd | wc -l; "
            "ls /proc/$p/task | wc -l; grep VmRSS /proc/$p/status | tr -dc 0-9"
        )
        descriptors, threads, memory_kb = map(int, numbers.split())
        return Resources(descriptors, threads, memory_kb)

    def _state(self, name: str) -> str:
        return self._agent(f"systemctl show --property={name} --value {UNIT}")
