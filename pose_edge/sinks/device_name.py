"""The name of this machine among others of its kind, also where SD cards were cloned."""

from __future__ import annotations

import hashlib
import hmac
import re
import socket
from contextlib import suppress
from pathlib import Path
from typing import Final

from pose_edge.util.paths import exists

ROOT: Final = Path("/")
DIGITS: Final = 8
"""Hexadecimal digits that tell machines of the same host name apart."""
MAX_HOST: Final = 40
"""Characters of the host name that are kept."""


def device_name(root: Path = ROOT) -> str:
    """Return the name of this machine, of letters, digits, - and _.

    Args:
        root: Folder in which the files of the system lie; for tests.
    """
    machine = _read(root / "etc/machine-id")
    return named(socket.gethostname(), machine, hardware_id(root))


def named(host: str, machine_id: str, hardware: str) -> str:
    """Return the name of a machine: its host name, and digits that stay the same.

    The digits tell neither the machine's id nor its hardware: systemd asks for the former to be
    kept secret.

    Args:
        host: Its host name.
        machine_id: The id of its system, which a cloned SD card has too.
        hardware: What differs from board to board.
    """
    digest = hmac.new(machine_id.encode(), f"pose-edge {hardware}".encode(), hashlib.sha256)
    short = re.sub(r"[^A-Za-z0-9_-]+", "-", host.partition(".")[0])[:MAX_HOST].strip("-")
    return f"{short or 'pose-edge'}-{digest.hexdigest()[:DIGITS]}"


def hardware_id(root: Path = ROOT) -> str:
    """Return the serial number of the board, or else the address of its first interface.

    The text is empty where there is neither.
    """
    if serial := _read(root / "proc/device-tree/serial-number"):
        return serial
    for interface in sorted((root / "sys/class/net").glob("*")):
        # Only devices of the machine: containers and bridges make up addresses of their own.
        if exists(interface / "device") and (address := _read(interface / "address")):
            return address
    return ""


def _read(path: Path) -> str:
    with suppress(OSError):
        return path.read_text(encoding="utf-8", errors="replace").strip("\0\n ")
    return ""
