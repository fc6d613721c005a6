"""Find the processes that have a device open, as fuser(1) does."""

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
        pid: Process id.
        name: Name of the program, e.g. "cheese".
        ours: Whether the program is pose-edge, as a service or otherwise.
    """

    pid: int
    name: str
    ours: bool

    def __str__(self) -> str:
        """Return name and process id, e.g. "cheese (process 812)"."""
        return f"{self.name} (process {self.pid})"


def find_device_users(
    nodes: Iterable[Path], proc: Path
) -> tuple[dict[Path, list[DeviceUser]], bool]:
    """Find the processes that have devices open, except this process and its parent, the doctor.

    Args:
        nodes: The device nodes.
        proc: Mount point of the proc file system.

    Returns:
        The processes by device node, for devices in use; and whether all processes could be
        examined, because only root can examine those of other users.
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
            # A process without a command line is a kernel thread, which opens no devices.
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
