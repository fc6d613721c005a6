"""A name for this machine that is unique in a fleet, even where SD cards were cloned."""

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
"""Number of hexadecimal digits that distinguish machines with the same host name."""
MAX_HOST: Final = 40
"""Most characters of the host name that are used."""


def device_name(root: Path = ROOT) -> str:
    """Return the name of this machine, which consists of letters, digits, - and _.

    Args:
        root: Root folder of the system's files; for tests.
    """
    machine = _read(root / "etc/machine-id")
    return named(socket.gethostname(), machine, hardware_id(root))


def named(host: str, machine_id: str, hardware: str) -> str:
    """Return the name of a machine: its host name, and a stable hash of its ids.

    The hash (HMAC-SHA256) reveals neither the machine id, which systemd wants to be kept secret
    (machine-id(5)), nor the hardware id.

    Args:
        host: The host name.
        machine_id: The machine id of systemd, which a cloned SD card shares.
        hardware: The hardware id, which differs from board to board.
    """
    digest = hmac.new(machine_id.encode(), f"pose-edge {hardware}".encode(), hashlib.sha256)
    short = re.sub(r"[^A-Za-z0-9_-]+", "-", host.partition(".")[0])[:MAX_HOST].strip("-")
    return f"{short or 'pose-edge'}-{digest.hexdigest()[:DIGITS]}"


def hardware_id(root: Path = ROOT) -> str:
    """Return the board's serial number, or else the address of one of its network interfaces.

    Returns an empty string where there is neither.
    """
    if serial := _read(root / "proc/device-tree/serial-number"):
        return serial
    # Only physical devices: the addresses of bridges and containers are made up.
    found = [
        (_is_usb(interface), address)
        for interface in (root / "sys/class/net").glob("*")
        if exists(interface / "device") and (address := _permanent_address(interface))
    ]
    # Adapters for USB come last, as they are plugged in and out; names may change at each start.
    return min(found)[1] if found else ""


def _permanent_address(interface: Path) -> str:
    """Return the address that an interface was made with, or an empty string."""
    if wireless := _read(interface / "phy80211/macaddress"):
        return wireless
    # Any other type is a random address, or one that a program has set.
    return _read(interface / "address") if _read(interface / "addr_assign_type") == "0" else ""


def _is_usb(interface: Path) -> bool:
    return (interface / "device/subsystem").resolve().name == "usb"


def _read(path: Path) -> str:
    with suppress(OSError):
        return path.read_text(encoding="utf-8", errors="replace").strip("\0\n ")
    return ""
