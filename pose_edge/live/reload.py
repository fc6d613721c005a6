"""Reload the configuration during a run, or change single settings."""

from __future__ import annotations

import logging
import threading
from collections import deque
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Final

from pose_edge.config.diff import Change, find_changes
from pose_edge.config.schema import Settings
from pose_edge.errors import PoseEdgeError
from pose_edge.live.choices import with_value
from pose_edge.sinks.steering import NOT_CHANGED
from pose_edge.supervision.sd_notify import SystemdNotifier

log = logging.getLogger(__name__)

CLOSE_S = 5.0
"""Longest wait for a running reload at the end of a run, seconds; it may be loading a model."""


@dataclass(frozen=True, slots=True)
class SettingChange:
    """A request to change settings.

    Attributes:
        make: Takes the settings in force; returns the new ones and a notice for the user. It may
            raise `PoseEdgeError`. Called in the reload thread.
        answer: Called in the reload thread with that notice, or with why nothing was changed.
        by: What requests the change, for the log.
    """

    make: Callable[[Settings], tuple[Settings, str]]
    answer: Callable[[str], None]
    by: str = "a key"


RELOAD: Final = None
"""The request to read the configuration again."""


class Reloader:
    """Reads and applies the configuration again on request, in a thread of its own.

    Attributes:
        settings: The settings in force.
        configured: The settings of the configuration, as last read or written.
    """

    def __init__(
        self,
        settings: Settings,
        read: Callable[[], Settings],
        apply: Callable[[Settings, Sequence[Change]], None],
        notifier: SystemdNotifier,
    ) -> None:
        """Create the reloader; the first request starts its thread.

        Args:
            settings: The settings in force.
            read: Reads the configuration; raises `PoseEdgeError` when it is invalid.
            apply: Applies new settings to the run, or raises `PoseEdgeError` and changes nothing.
            notifier: Gets the beginning and the end of each reload.
        """
        self.settings = self.configured = settings
        self._read = read
        self._apply = apply
        self._notifier = notifier
        self._lock = threading.Lock()
        self._requests: deque[SettingChange | Callable[[], None] | None] = deque()
        self._thread: threading.Thread | None = None

    def request(self, change: SettingChange | None = RELOAD) -> None:
        """Request a reload, or a change of settings; return at once.

        A reload that is requested while one is running follows it. Reloads that are still waiting
        are merged into one.
        """
        with self._lock:
            if change is not RELOAD or RELOAD not in self._requests:
                self._requests.append(change)
            self._start()

    def request_call(self, call: Callable[[], None]) -> None:
        """Have a function called in the reload thread, to change the run in another way."""
        with self._lock:
            self._requests.append(call)
            self._start()

    def _start(self) -> None:
        """Start the thread unless it is running; the caller holds the lock."""
        if self._thread is not None:
            return
        thread = threading.Thread(target=self._work, name="reload", daemon=True)
        try:
            thread.start()
        except RuntimeError as error:  # no more threads: the run goes on as it is
            self._requests.clear()
            log.error("the run stays as it is: %s", error)
        else:
            self._thread = thread

    def note_kept(self, values: Mapping[str, object]) -> list[str]:
        """Record settings, by their keys, that were written to the configuration file.

        Returns:
            The keys of those that have another value at the next start all the same, because the
            command line or the environment sets them.
        """
        try:
            configured = self._read()
        except PoseEdgeError:  # the file has a fault elsewhere, which the next reload reports
            configured = self.configured
            for key, value in values.items():
                configured = with_value(configured, key, value)
        self.configured = configured
        return [
            key for key, value in values.items() if with_value(configured, key, value) != configured
        ]

    def close(self) -> None:
        """Wait for the running reload, but not longer than `CLOSE_S`."""
        with self._lock:
            thread = self._thread
        if thread is not None:
            thread.join(CLOSE_S)

    def _work(self) -> None:
        while True:
            with self._lock:
                if not self._requests:  # the next request starts another thread
                    self._thread = None
                    return
                request = self._requests.popleft()
            try:
                self._serve(request)
            except Exception:  # the next request must find this thread alive
                log.exception("the run stays as it is: internal error")

    def _serve(self, request: SettingChange | Callable[[], None] | None) -> None:
        """Do what one request asks for."""
        if callable(request):
            request()
            return
        self._notifier.reloading()
        try:
            if request is RELOAD:
                self._reload()
            else:
                self._change(request)
        finally:
            self._notifier.ready()

    def _reload(self) -> None:
        """Read and apply the configuration; log the outcome."""
        try:
            read = self._read()
            changes = self._take(read)
            self.configured = read
            if changes:
                log.info("configuration read again: %s", "; ".join(map(str, changes)))
            else:
                log.info("configuration read again: nothing has changed")
        except PoseEdgeError as error:
            log.error("configuration not taken: %s", str(error).replace("\n", "; "))
        except Exception:
            log.exception("configuration not taken: internal error")

    def _change(self, request: SettingChange) -> None:
        """Change settings as requested, and send the answer."""
        try:
            settings, words = request.make(self.settings)
            if changes := self._take(settings):
                log.info("changed by %s: %s", request.by, "; ".join(map(str, changes)))
        except PoseEdgeError as error:
            log.warning("not changed: %s", error)
            words = f"{NOT_CHANGED}{error.message}"
        except Exception:
            log.exception("not changed: internal error")
            words = f"{NOT_CHANGED}internal error (see the log)"
        request.answer(words)

    def _take(self, settings: Settings) -> list[Change]:
        """Apply new settings, and return what has changed."""
        changes = find_changes(self.settings, settings)
        if changes:
            self._apply(settings, changes)
            self.settings = settings
        return changes
