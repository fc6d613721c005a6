"""A client of systemd's service notification: sd_notify(3) and sd_watchdog_enabled(3).

Written by hand, because no maintained library fits: `sdnotify` had its last release in 2017, hides
every error and knows no watchdog; `systemd-python` and `cysystemd` must be compiled against
libsystemd. The protocol is one datagram of KEY=VALUE lines sent to $NOTIFY_SOCKET.
"""

from __future__ import annotations

import logging
import os
import socket
import time
from collections.abc import Mapping
from typing import Final

from pose_edge.util.text import one_line

log = logging.getLogger(__name__)

STATUS_LENGTH: Final = 500
"""Longest status, characters: systemd takes datagrams of up to 4096 bytes, and a character has up
to 4."""

SEND_TIMEOUT_S: Final = 1.0
"""Timeout of sending, seconds: systemd reads at once, or is too busy for waiting to help."""


class SystemdNotifier:
    """Sends notifications to systemd; thread-safe.

    Without an address nothing is sent. A message that cannot be sent raises no error; the first
    failure after a success is logged.
    """

    def __init__(self, address: str | None) -> None:
        """Create the notifier, and open a socket for sending.

        Args:
            address: Value of $NOTIFY_SOCKET: the path of a socket, or its name in the abstract
                namespace with @ in place of the zero byte. With None, or anything else, nothing
                is sent.
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
        """Return a notifier for $NOTIFY_SOCKET, which sends nothing if that is not set."""
        return cls(environment.get("NOTIFY_SOCKET"))

    @property
    def enabled(self) -> bool:
        """Whether notifications are sent."""
        return self._socket is not None

    def ready(self, status: str | None = None) -> None:
        """Report that the start, or a reload, is complete."""
        self._send("READY=1", *_status(status))

    def status(self, text: str) -> None:
        """Set the status line of `systemctl status`, cut to `STATUS_LENGTH` characters."""
        self._send(*_status(text))

    def watchdog(self) -> None:
        """Send a heartbeat; see `watchdog_interval` for how often."""
        self._send("WATCHDOG=1")

    def give_up(self) -> None:
        """Ask for a restart: systemd acts as if the heartbeats had stopped."""
        self._send("WATCHDOG=trigger")

    def reloading(self) -> None:
        """Report that the configuration is being reloaded; `ready` must follow in any case."""
        now = time.clock_gettime_ns(time.CLOCK_MONOTONIC) // 1000
        self._send("RELOADING=1", f"MONOTONIC_USEC={now}")

    def stopping(self) -> None:
        """Report that the program is about to end."""
        self._send("STOPPING=1")

    def close(self) -> None:
        """Close the socket; nothing is sent any more."""
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
                log.warning("cannot send %s to systemd: %s", lines[0], error.strerror or error)
            self._failing = True
        else:
            self._failing = False


def watchdog_interval(
    environment: Mapping[str, str] = os.environ, pid: int | None = None
) -> float | None:
    """Return the interval between heartbeats: half of systemd's watchdog timeout.

    Args:
        environment: Holds WATCHDOG_USEC and WATCHDOG_PID as systemd sets them.
        pid: Process that is watched; by default this one.

    Returns:
        The interval in seconds, or None where systemd does not watch this process.
    """
    owner = environment.get("WATCHDOG_PID")
    if owner is not None and owner != str(os.getpid() if pid is None else pid):
        return None
    limit_us = environment.get("WATCHDOG_USEC", "")
    if not limit_us.isascii() or not limit_us.isdigit() or int(limit_us) == 0:
        return None
    return int(limit_us) / 1e6 / 2


def _status(text: str | None) -> list[str]:
    """Return the line for a status, if there is one, without control characters and line ends."""
    if text is None:
        return []
    return [f"STATUS={one_line(text, STATUS_LENGTH)}"]
