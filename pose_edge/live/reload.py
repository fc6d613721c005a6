"""Reloading the configuration during a run."""

from __future__ import annotations

import logging
import threading
from collections.abc import Callable, Sequence

from pose_edge.config.diff import Change, find_changes
from pose_edge.config.schema import Settings
from pose_edge.errors import PoseEdgeError
from pose_edge.supervision.sd_notify import SystemdNotifier

log = logging.getLogger(__name__)

CLOSE_S = 5.0
"""Longest time that the end of a run waits for a reload, which may be loading a model."""


class Reloader:
    """Reads the configuration again on request, and applies it, in a thread of its own.

    Attributes:
        settings: The settings in force.
    """

    def __init__(
        self,
        settings: Settings,
        read: Callable[[], Settings],
        apply: Callable[[Settings, Sequence[Change]], None],
        notifier: SystemdNotifier,
    ) -> None:
        """Start with the settings in force.

        Args:
            settings: See the attribute.
            read: Reads the configuration; raises `PoseEdgeError` when it is wrong.
            apply: Applies new settings to the run, or raises `PoseEdgeError` and changes nothing.
            notifier: Gets the begin and the end of each reload.
        """
        self.settings = settings
        self._read = read
        self._apply = apply
        self._notifier = notifier
        self._lock = threading.Lock()
        self._requested = False
        self._call: Callable[[], None] | None = None
        self._thread: threading.Thread | None = None

    def request(self) -> None:
        """Request a reload; return at once. A request during a reload leads to another one."""
        with self._lock:
            self._requested = True
            self._start()

    def request_call(self, call: Callable[[], None]) -> None:
        """Have a function called that changes the run, before or after a reload; return at once.

        One that was not called yet is replaced.
        """
        with self._lock:
            self._call = call
            self._start()

    def _start(self) -> None:
        """Start the thread, unless it is at work; the lock is held."""
        if self._thread is not None:
            return
        thread = threading.Thread(target=self._work, name="reload", daemon=True)
        try:
            thread.start()
        except RuntimeError as error:  # no more threads: the run goes on as it is
            self._requested, self._call = False, None
            log.error("the run stays as it is: %s", error)
        else:
            self._thread = thread

    def close(self) -> None:
        """Wait for the present reload."""
        with self._lock:
            thread = self._thread
        if thread is not None:
            thread.join(CLOSE_S)

    def _work(self) -> None:
        while True:
            requested, call = self._take_requests()
            if requested:
                self._reload_safely()
            if call is not None:
                call()
            if not requested and call is None:
                return

    def _take_requests(self) -> tuple[bool, Callable[[], None] | None]:
        """Take what is pending; without anything, the next request starts another thread."""
        with self._lock:
            requested, self._requested = self._requested, False
            call, self._call = self._call, None
            if not requested and call is None:
                self._thread = None
            return requested, call

    def _reload_safely(self) -> None:
        self._notifier.reloading()
        try:
            self._reload()
        except PoseEdgeError as error:
            log.error("configuration not taken: %s", str(error).replace("\n", "; "))
        except Exception:
            log.exception("configuration not taken: internal error")
        finally:
            self._notifier.ready()

    def _reload(self) -> None:
        settings = self._read()
        changes = find_changes(self.settings, settings)
        if not changes:
            log.info("configuration read again: nothing has changed")
            return
        self._apply(settings, changes)
        self.settings = settings
        log.info("configuration read again: %s", "; ".join(str(change) for change in changes))
