"""Watches over a run from a thread of its own, and tells systemd how it goes."""

from __future__ import annotations

import logging
import threading
from collections.abc import Callable
from typing import Final

from pose_edge.supervision.sd_notify import SystemdNotifier
from pose_edge.supervision.supervisor import Supervisor

log = logging.getLogger(__name__)

LOOK_S: Final = 1.0
"""How often it looks, where nothing asks for more."""


class Watchdog:
    """Looks after the parts, feeds the service's watchdog, and keeps its status line."""

    def __init__(
        self,
        supervisor: Supervisor,
        notifier: SystemdNotifier,
        status: Callable[[], str],
        *,
        interval: float | None,
    ) -> None:
        """Prepare; `start` begins.

        Args:
            supervisor: Knows how the parts are.
            notifier: Gets READY=1, the status, and WATCHDOG=1 as long as all is well or will be
                without a new start of the program; else it is asked for that start.
            status: Says in one line how it goes.
            interval: Seconds from one WATCHDOG=1 to the next; None where nobody watches.
        """
        self._supervisor = supervisor
        self._notifier = notifier
        self._status = status
        self._interval = LOOK_S if interval is None else min(interval, LOOK_S)
        self._beyond_help = False
        self._end = threading.Event()
        self._thread = threading.Thread(target=self._watch, name="watch", daemon=True)

    def start(self) -> None:
        """Say that the program is ready, and begin."""
        self._notifier.ready(self._status())
        self._thread.start()

    def close(self) -> None:
        """End; doing it twice does no harm."""
        self._end.set()
        if self._thread.ident is not None:
            self._thread.join(LOOK_S)
        self._notifier.stopping()

    def _watch(self) -> None:
        while not self._end.wait(self._interval):
            if self._supervisor.look():
                self._notifier.watchdog()
                self._beyond_help = False
            else:
                self._give_up()
            self._notifier.status(self._status())

    def _give_up(self) -> None:
        """Ask for a new start; where nobody heeds that, say what to do, once."""
        if not self._beyond_help:
            who = "systemd is asked for it" if self._notifier.enabled else "end and start it"
            log.critical("only a new start of the program helps now: %s", who)
        self._beyond_help = True
        self._notifier.give_up()
