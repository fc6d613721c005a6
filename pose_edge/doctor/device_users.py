"""Which processes have a device open, as fuser(1) finds out."""

from __future__ import annotations

import os
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from pose_edge.doctor.context import read_text

OURS: Final = ("pose-edge", "pose_edge")


@dataclass(frozen=True, slots=True)
class DeviceUser:
    """A process that has a device open.

    Attributes:
        pid: The number of the process.
        name: The name of its program, e.g. "cheese".
        ours: Whether it is this program, as a service or otherwise.
    """

    pid: int
    name: str
    ours: bool

    def __str__(self) -> str:
        """Return e.g. "cheese (process 812)"."""
        return f"{self.name} (process {self.pid})"


def find_device_users(
    nodes: Iterable[Path], proc: Path
) -> tuple[dict[Path, list[DeviceUser]], bool]:
    """Find the processes that have devices open, except for this one and its parent, the doctor.

    Returns:
        The processes by device, for devices that are in use; and whether all processes could be
        examined: only root sees those of other users.
    """
    wanted = {str(node): node for node in nodes}
    users: dict[Path, list[DeviceUser]] = {}
    complete = True
    selves = {str(os.getpid()), str(os.getppid())}
    for process in proc.iterdir() if wanted else ():
        if not process.name.isdigit() or process.name in selves:
            continue
        try:
            targets = {str(link.readlink()) for link in (process / "fd").iterdir()}
        except PermissionError:
            # Kernel threads have nothing open, and no command line.
            complete &= not read_text(process / "cmdline")
            continue
        except OSError:  # the process has ended
            continue
        for target in sorted(targets & wanted.keys()):
            users.setdefault(wanted[target], []).append(_device_user(process))
    return users, complete


def _device_user(process: Path) -> DeviceUser:
    command = read_text(process / "cmdline").replace("\0", " ")
    ours = any(word in command for word in OURS)
    name = "pose-edge" if ours else read_text(process / "comm") or "unknown"
    return DeviceUser(int(process.name), name, ours)
