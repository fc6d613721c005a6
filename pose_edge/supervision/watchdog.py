"""The thread that supervises a run, and reports its state to systemd."""

from __future__ import annotations

import logging
import threading
from collections.abc import Callable
from typing import Final

from pose_edge.supervision.sd_notify import SystemdNotifier
from pose_edge.supervision.supervisor import Supervisor

log = logging.getLogger(__name__)

CHECK_S: Final = 1.0
"""Interval between two checks of all parts, seconds, unless systemd wants a shorter one."""


class Watchdog:
    """Checks all parts, feeds systemd's watchdog, and updates the status line of the service."""

    def __init__(
        self,
        supervisor: Supervisor,
        notifier: SystemdNotifier,
        status: Callable[[], str],
        *,
        interval: float | None,
    ) -> None:
        """Create the thread; `start` starts it.

        Args:
            supervisor: Tracks the state of all parts.
            notifier: Gets READY=1, the status, and WATCHDOG=1 as long as every part works or will
                do so without a restart of the program; otherwise it gets a request for a restart.
            status: Returns the status line of the run.
            interval: Longest time from one WATCHDOG=1 to the next, seconds; None without systemd's
                watchdog.
        """
        self._supervisor = supervisor
        self._notifier = notifier
        self._status = status
        self._interval = CHECK_S if interval is None else min(interval, CHECK_S)
        self._restart_asked = False
        self._end = threading.Event()
        self._thread = threading.Thread(target=self._watch, name="watchdog", daemon=True)

    def start(self) -> None:
        """Tell systemd that the program is ready, and start the thread."""
        self._notifier.ready(self._status())
        self._thread.start()

    def close(self) -> None:
        """End the thread, and tell systemd that the program is about to end."""
        self._end.set()
        if self._thread.ident is not None:
            self._thread.join(CHECK_S)
        self._notifier.stopping()

    def _watch(self) -> None:
        while not self._end.wait(self._interval):
            try:
                self._check()
            except Exception:  # supervision must go on after any error
                log.exception("supervision: internal error")

    def _check(self) -> None:
        if self._supervisor.look():
            self._notifier.watchdog()
            self._restart_asked = False
        else:
            self._ask_for_restart()
        self._notifier.status(self._status())

    def _ask_for_restart(self) -> None:
        """Ask systemd for a restart, and log once that only a restart helps."""
        if not self._restart_asked:
            how = "asking systemd for it" if self._notifier.enabled else "please do so"
            log.critical("only a restart of the program helps now: %s", how)
        self._restart_asked = True
        self._notifier.give_up()
