"""The signals that a run reacts to. The handlers only record them; the main thread acts."""

from __future__ import annotations

import os
import signal
import threading
from types import FrameType
from typing import Final

from pose_edge.util.wakeup import Wakeup

BLOCKED_SIGNALS: Final = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)
"""Signals that cli/main.py blocks until the program has handlers to end, or reload, cleanly."""


def release_signals() -> None:
    """Unblock the signals; those that came meanwhile are handled now."""
    signal.pthread_sigmask(signal.SIG_UNBLOCK, BLOCKED_SIGNALS)


def interrupt_on_signals() -> None:
    """Make SIGTERM and SIGHUP raise KeyboardInterrupt as Ctrl-C does; only in the main thread."""

    def interrupt(_number: int, _frame: FrameType | None) -> None:
        raise KeyboardInterrupt

    signal.signal(signal.SIGTERM, interrupt)
    if not _ignored(signal.SIGHUP):
        signal.signal(signal.SIGHUP, interrupt)
    release_signals()


class Signals:
    """The requests that came as signals.

    Attributes:
        stop: Set by SIGINT or SIGTERM: end cleanly. A second SIGINT ends at once.
        reload: Set by SIGHUP: reload the configuration. A terminal that is closed sends SIGHUP too;
            that sets `stop`, except for a service and under `nohup`.
        hang: Set by SIGUSR2: let a part hang; for tests only, see `Supervisor.freeze`.
        wakeup: Wakes the main thread after each of these signals.
    """

    def __init__(self) -> None:
        """Start without requests; no signal is handled before `listen`."""
        self.stop = threading.Event()
        self.reload = threading.Event()
        self.hang = threading.Event()
        self.wakeup = Wakeup()
        self._had_terminal = False

    def listen_for_the_end(self) -> None:
        """Handle SIGINT, SIGTERM and SIGHUP as requests to end; only in the main thread."""
        if not _ignored(signal.SIGHUP):
            signal.signal(signal.SIGHUP, self._on_stop)
        self._listen_for_stop()

    def listen(self) -> None:
        """Handle all signals; only in the main thread."""
        # systemd hangs up the console of a unit with TTYVHangup= before each of its commands, even
        # before a reload, so a service must not end because its terminal is gone.
        bound = "NOTIFY_SOCKET" not in os.environ and not _ignored(signal.SIGHUP)
        self._had_terminal = bound and has_terminal()
        signal.signal(signal.SIGHUP, self._on_hangup)
        signal.signal(signal.SIGUSR2, self._on_hang)
        self._listen_for_stop()

    def _listen_for_stop(self) -> None:
        signal.signal(signal.SIGINT, self._on_stop)
        signal.signal(signal.SIGTERM, self._on_stop)
        release_signals()

    def _on_stop(self, number: int, _frame: FrameType | None) -> None:
        if self.stop.is_set() and number == signal.SIGINT:
            raise KeyboardInterrupt
        self.stop.set()
        self.wakeup.set()

    def _on_hang(self, _number: int, _frame: FrameType | None) -> None:
        self.hang.set()
        self.wakeup.set()

    def _on_hangup(self, _number: int, _frame: FrameType | None) -> None:
        if self._had_terminal and not has_terminal():
            self.stop.set()
        else:
            self.reload.set()
        self.wakeup.set()


def _ignored(number: signal.Signals) -> bool:
    """Return whether the launcher has the signal ignored, as `nohup` does with SIGHUP."""
    return signal.getsignal(number) is signal.SIG_IGN


def has_terminal() -> bool:
    """Return whether this process has a controlling terminal that still exists."""
    try:
        terminal = os.open("/dev/tty", os.O_RDWR | os.O_NOCTTY | os.O_NONBLOCK)
    except OSError:
        return False
    os.close(terminal)
    return True
