"""The service in the machine, run by systemd: configuring, observing and signalling it."""

from __future__ import annotations

import json
import time
from dataclasses import dataclass
from typing import Any, Final

import yaml
from system.agent import Agent
from system.machine import Machine
from system.outage import scaled_limit
from system.program import Line, Resources
from system.rig import LIGHT_MODEL

UNIT: Final = "pose-edge.service"
CONFIG: Final = "/etc/pose-edge/config.yaml"
STATE: Final = "/var/lib/pose-edge"
POSES: Final = f"{STATE}/poses*.jsonl"
RECORDINGS: Final = f"{STATE}/*.mp4"

Settings = dict[str, dict[str, Any]]

BASE: Final[Settings] = {
    # The settings of the installed configuration on which these tests depend, with the light model.
    "camera": {"wait": True},
    "model": {"name": LIGHT_MODEL},
    "poses": {"path": "poses.jsonl"},
}


@dataclass(frozen=True)
class Condition:
    """State of the service as systemd reports it."""

    state: str
    pid: int
    restarts: int
    line: str
    result: str


class Service:
    """pose-edge.service in one machine."""

    def __init__(self, machine: Machine) -> None:
        """Create the control of one machine's service."""
        self._machine = machine
        self._lines: list[Line] = []
        self._read: dict[str, int] = {}

    @property
    def _agent(self) -> Agent:
        return self._machine.agent

    def configure(self, changes: Settings | None = None) -> None:
        """Write the configuration: `BASE` with changes, in effect after a reload or start.

        Args:
            changes: Changed keys and values by section.
        """
        sections = {name: dict(keys) for name, keys in BASE.items()}
        for name, keys in (changes or {}).items():
            sections.setdefault(name, {}).update(keys)
        self.write(yaml.safe_dump(sections))

    def write(self, text: str) -> None:
        """Write any text as the configuration, valid or not."""
        self._agent(f"cat >{CONFIG}.new && mv {CONFIG}.new {CONFIG}", given=text.encode())

    def restart(self) -> None:
        """Restart the service, and wait until it is ready."""
        self._agent(f"systemctl restart {UNIT}", timeout=180)

    def stop(self) -> None:
        """Stop the service."""
        self._agent(f"systemctl stop {UNIT}", timeout=60)

    def reload(self) -> None:
        """Make the service read its configuration again."""
        self._agent(f"systemctl reload {UNIT}", timeout=60)

    def signal(self, name: str) -> None:
        """Send a signal, e.g. "KILL", to the service's main process.

        Raises:
            AgentError: The service has no process.
        """
        self._agent(f"systemctl kill --signal={name} --kill-whom=main {UNIT}")

    def condition(self) -> Condition:
        """Return the service's state from systemd."""
        told = self._agent(
            "systemctl show --property=ActiveState,SubState,MainPID,NRestarts,StatusText,Result "
            f"{UNIT}"
        )
        known = dict(line.split("=", 1) for line in told.splitlines())
        return Condition(
            state=f"{known['ActiveState']} ({known['SubState']})",
            pid=int(known["MainPID"]),
            restarts=int(known["NRestarts"]),
            line=known.get("StatusText", ""),
            result=known["Result"],
        )

    def lines(self) -> list[Line]:
        """Return all complete pose lines of all files so far; only new ones are fetched."""
        listed = self._agent.run(f"stat --format='%n %i %s' $(ls -tr {POSES})").text
        for row in listed.splitlines():
            name, inode, size = row.split()
            key = f"{name} {inode}"
            if self._read.get(key, 0) > int(size):
                self._read[key] = 0  # the file was truncated
            if self._read.get(key, 0) < int(size):
                new = self._agent.run(f"tail -c +{self._read.get(key, 0) + 1} {name}").stdout
                whole = new[: new.rfind(b"\n") + 1]
                self._read[key] = self._read.get(key, 0) + len(whole)
                self._lines += [json.loads(line) for line in whole.splitlines()]
        return list(self._lines)

    def forget_poses(self) -> None:
        """Delete the pose files, and forget the lines read so far."""
        self._agent(f"rm -f {POSES}")
        self._lines, self._read = [], {}

    def running(self) -> bool:
        """Return whether the service has a process."""
        return self.condition().pid != 0

    def cursor(self) -> str:
        """Return the current end of the journal, for `log`."""
        told = self._agent("journalctl --lines=0 --show-cursor --quiet")
        return told.rpartition("cursor: ")[2].strip()

    def log(self, *options: str, since: str | None = None) -> str:
        """Return the service's journal, with the machine's times.

        Args:
            options: Options of journalctl, e.g. "--priority=err".
            since: Position from `cursor` to start at; by default the machine's boot.
        """
        after = f"--after-cursor='{since}'" if since else "--boot"
        return self._agent.run(
            f"journalctl --unit={UNIT} {after} --no-pager --quiet --output=short-precise "
            + " ".join(options)
        ).text

    def wait_for_word(self, word: str, since: str, limit: float = 30.0) -> str:
        """Wait until a journal line contains `word`, and return that line.

        Args:
            word: The text to wait for.
            since: Position from `cursor` to start at.
            limit: Time limit in seconds on an idle host; see `scaled_limit`.

        Raises:
            AssertionError: No line contains the text in time.
        """
        deadline = time.monotonic() + scaled_limit(limit)
        while True:
            said = self.log(since=since)
            for line in said.splitlines():
                if word in line:
                    return line
            assert time.monotonic() < deadline, f"{word!r} not said within {limit:g} s:\n{said}"
            time.sleep(0.2)

    def recordings(self) -> dict[str, int]:
        """Return the sizes of the recordings in bytes by path, the oldest first."""
        listed = self._agent.run(f"stat --format='%n %s' $(ls -tr {RECORDINGS})").text
        return {name: int(size) for name, size in (row.split() for row in listed.splitlines())}

    def forget_recordings(self) -> None:
        """Delete all recordings."""
        self._agent(f"rm -f {RECORDINGS}")

    def resources(self) -> Resources:
        """Return the resources that the service's process holds at the moment."""
        numbers = self._agent(
            f"p=$(systemctl show -P MainPID {UNIT}); ls /proc/$p/fd | wc -l; "
            "ls /proc/$p/task | wc -l; grep VmRSS /proc/$p/status | tr -dc 0-9"
        )
        descriptors, threads, memory_kb = map(int, numbers.split())
        return Resources(descriptors, threads, memory_kb)

    def threads(self) -> str:
        """Return the name and kernel stack of each thread, to see where one hangs."""
        return self._agent.run(
            f"for t in /proc/$(systemctl show -P MainPID {UNIT})/task/*; do "
            "cat $t/comm; head -n 4 $t/stack; done"
        ).text
