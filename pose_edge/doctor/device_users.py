"""Which processes have a device open, as fuser(1) finds out."""

from __future__ import annotations

import os
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from pose_edge.doctor.context import contents

OURS: Final = ("pose-edge", "pose_edge")


@dataclass(frozen=True, slots=True)
class Holder:
    """A process that has a device open.

    Attributes:
        pid: Its number.
        name: Of its program, e.g. "cheese".
        ours: It is this program, as a service or otherwise.
    """

    pid: int
    name: str
    ours: bool

    def __str__(self) -> str:
        """Return e.g. "cheese (process 812)"."""
        return f"{self.name} (process {self.pid})"


@dataclass(frozen=True, slots=True)
class Holders:
    """Who has which device.

    Attributes:
        by_node: The processes, by device.
        unseen: How many processes of other users could not be looked at.
    """

    by_node: dict[Path, list[Holder]]
    unseen: int

    def of(self, node: Path) -> list[Holder]:
        """Return who has a device open."""
        return self.by_node.get(node, [])

    @property
    def doubt(self) -> str:
        """Say what could not be seen; empty where all could."""
        if not self.unseen:
            return ""
        return "processes of other users are not seen; `sudo pose-edge doctor` sees them"


def find_holders(nodes: Iterable[Path], proc: Path) -> Holders:
    """Look through all processes but this one and its parent, the doctor.

    Args:
        nodes: The devices.
        proc: Where the kernel tells about processes.
    """
    wanted = {str(node): node for node in nodes}
    found: dict[Path, list[Holder]] = {}
    unseen = 0
    selves = {str(os.getpid()), str(os.getppid())}
    for process in proc.iterdir() if wanted else ():
        if not process.name.isdigit() or process.name in selves:
            continue
        try:
            targets = {str(link.readlink()) for link in (process / "fd").iterdir()}
        except PermissionError:
            # Kernel threads have nothing open, and no command line.
            unseen += bool(contents(process / "cmdline"))
            continue
        except OSError:  # it has ended meanwhile
            continue
        for target in sorted(targets & wanted.keys()):
            found.setdefault(wanted[target], []).append(_holder(process))
    return Holders(found, unseen)


def _holder(process: Path) -> Holder:
    command = contents(process / "cmdline").replace("\0", " ")
    ours = any(word in command for word in OURS)
    name = "pose-edge" if ours else contents(process / "comm") or "unknown"
    return Holder(int(process.name), name, ours)
