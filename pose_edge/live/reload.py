"""Reading the configuration again while a run goes on."""

from __future__ import annotations

import logging
import threading
from collections.abc import Callable, Sequence

from pose_edge.config.diff import Change, find_changes
from pose_edge.config.schema import Settings
from pose_edge.errors import PoseEdgeError
from pose_edge.supervision.sd_notify import SystemdNotifier

log = logging.getLogger(__name__)

END_S = 5.0
"""How long the end of a run waits for what is just being read; it may be loading a model."""


class Reloader:
    """Reads the configuration again when asked to, in a thread of its own, and has it followed."""

    def __init__(
        self,
        settings: Settings,
        read: Callable[[], Settings],
        follow: Callable[[Settings, Sequence[Change]], None],
        notifier: SystemdNotifier,
    ) -> None:
        """Wait to be asked.

        Args:
            settings: What is in force.
            read: Reads the configuration; raises `PoseEdgeError` when it is faulty.
            follow: Lets the run follow new settings, or raises `PoseEdgeError` and leaves it as it
                was.
            notifier: Told when it begins and when it is over.
        """
        self.settings = settings
        self._read = read
        self._follow = follow
        self._notifier = notifier
        self._lock = threading.Lock()
        self._asked = False
        self._thread: threading.Thread | None = None

    def ask(self) -> None:
        """Have it read; returns at once. Asking again while it is being read has it read again."""
        with self._lock:
            self._asked = True
            if self._thread is None:
                self._thread = threading.Thread(target=self._work, name="reload", daemon=True)
                self._thread.start()

    def close(self) -> None:
        """Wait for what is just being done."""
        with self._lock:
            thread = self._thread
        if thread is not None:
            thread.join(END_S)

    def _work(self) -> None:
        while self._wanted():
            self._notifier.reloading()
            try:
                self._reload()
            except PoseEdgeError as error:
                log.error("configuration not taken: %s", str(error).replace("\n", "; "))
            except Exception:
                log.exception("configuration not taken: an error of the program")
            finally:
                self._notifier.ready()

    def _wanted(self) -> bool:
        """Take what was asked for, or let the next one who asks start another thread."""
        with self._lock:
            wanted, self._asked = self._asked, False
            if not wanted:
                self._thread = None
            return wanted

    def _reload(self) -> None:
        settings = self._read()
        changes = find_changes(self.settings, settings)
        if not changes:
            log.info("configuration read again: nothing has changed")
            return
        self._follow(settings, changes)
        self.settings = settings
        log.info("configuration read again: %s", "; ".join(str(change) for change in changes))
