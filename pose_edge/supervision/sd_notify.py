"""Telling systemd how it is: the protocol of sd_notify(3) and sd_watchdog_enabled(3).

An own client, because nothing that is kept up fits: `sdnotify` had its last release in 2017, hides
every fault and knows no watchdog; `systemd-python` and `cysystemd` must be compiled against
libsystemd. What there is to do is to send a datagram of lines KEY=VALUE to $NOTIFY_SOCKET.
"""

from __future__ import annotations

import logging
import os
import socket
import time
from collections.abc import Mapping
from typing import Final

log = logging.getLogger(__name__)

STATUS_LENGTH: Final = 500
"""Characters: systemd takes no datagram above 4096 bytes, and a character has up to 4."""

SEND_TIMEOUT_S: Final = 1.0
"""systemd is quick, or so busy that nobody is to wait for it."""


class SystemdNotifier:
    """What systemd is told; may be used from several threads.

    Without an address nothing is sent. A message that cannot be sent is not an error of the
    caller: the first one after a success is logged.
    """

    def __init__(self, address: str | None) -> None:
        """Remember where to send.

        Args:
            address: $NOTIFY_SOCKET: the path of a socket, or its name in the abstract namespace
                with @ in place of the zero byte. None, or anything else: nowhere.
        """
        self._address: str | None = None
        self._socket: socket.socket | None = None
        self._failing = False
        if address and address[0] == "@":
            self._address = "\0" + address[1:]
        elif address and address[0] == "/":
            self._address = address
        elif address:
            log.warning("NOTIFY_SOCKET is neither a path nor an abstract address: %s", address)
        if self._address is not None:
            self._socket = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM | socket.SOCK_CLOEXEC)
            self._socket.settimeout(SEND_TIMEOUT_S)

    @classmethod
    def from_environment(cls, environment: Mapping[str, str] = os.environ) -> SystemdNotifier:
        """Return one for $NOTIFY_SOCKET, or one that sends nothing where there is none."""
        return cls(environment.get("NOTIFY_SOCKET"))

    @property
    def enabled(self) -> bool:
        """Whether anybody is told."""
        return self._socket is not None

    def ready(self, status: str | None = None) -> None:
        """Say that the start, or a reload, is complete."""
        self._send("READY=1", *_status(status))

    def status(self, text: str) -> None:
        """Say how it is, for `systemctl status`.

        Args:
            text: Becomes one line of at most `STATUS_LENGTH` characters.
        """
        self._send(*_status(text))

    def watchdog(self) -> None:
        """Say that the program is alive; see `watchdog_interval`."""
        self._send("WATCHDOG=1")

    def give_up(self) -> None:
        """Say that only a new start helps: systemd does now what it would do without `watchdog`."""
        self._send("WATCHDOG=trigger")

    def reloading(self, status: str | None = None) -> None:
        """Say that the configuration is read again; `ready` must follow, whatever comes of it."""
        now = time.clock_gettime_ns(time.CLOCK_MONOTONIC) // 1000
        self._send("RELOADING=1", f"MONOTONIC_USEC={now}", *_status(status))

    def stopping(self, status: str | None = None) -> None:
        """Say that the program is about to end."""
        self._send("STOPPING=1", *_status(status))

    def error(self, number: int, status: str | None = None) -> None:
        """Say that something failed.

        Args:
            number: As in errno(3).
            status: What it was.
        """
        self._send(f"ERRNO={number}", *_status(status))

    def close(self) -> None:
        """Send nothing any more."""
        if self._socket is not None:
            self._socket.close()
        self._socket = None

    def _send(self, *lines: str) -> None:
        sock, address = self._socket, self._address
        if sock is None or address is None:
            return
        try:
            sock.sendto("\n".join(lines).encode("utf-8", "replace"), address)
        except OSError as error:
            if not self._failing:
                log.warning("systemd cannot be told %s: %s", lines[0], error.strerror or error)
            self._failing = True
        else:
            self._failing = False


def watchdog_interval(
    environment: Mapping[str, str] = os.environ, pid: int | None = None
) -> float | None:
    """Return the seconds from one `SystemdNotifier.watchdog` to the next: half of what is granted.

    Args:
        environment: With WATCHDOG_USEC and WATCHDOG_PID as systemd sets them.
        pid: Of the process that asks; by default this one.

    Returns:
        The seconds, or None where nobody watches this process.
    """
    owner = environment.get("WATCHDOG_PID")
    if owner is not None and owner != str(os.getpid() if pid is None else pid):
        return None
    granted = environment.get("WATCHDOG_USEC", "")
    if not (granted.isascii() and granted.isdigit() and int(granted) > 0):
        return None
    return int(granted) / 1e6 / 2


def _status(text: str | None) -> list[str]:
    """Return the line for a status: one line, whatever the text holds."""
    if text is None:
        return []
    printable = "".join(char if char.isprintable() else " " for char in text)
    return [f"STATUS={' '.join(printable.split())[:STATUS_LENGTH]}"]
