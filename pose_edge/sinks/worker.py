"""A bounded queue with a thread behind it: a slow or broken output must not stop the picture."""

from __future__ import annotations

import logging
import queue
import threading
import time
from collections.abc import Callable
from contextlib import suppress
from typing import Final, Generic, TypeVar

log = logging.getLogger(__name__)

Item = TypeVar("Item")

CLOSE_TIMEOUT_S: Final = 10.0
POLL_S: Final = 0.1


class _End:
    """Put last into the queue."""


class Worker(Generic[Item]):
    """Hands items to a function in its own thread, in order."""

    def __init__(
        self,
        name: str,
        handle: Callable[[Item], None],
        finish: Callable[[], None],
        *,
        capacity: int,
        drop: bool,
        report: Callable[[str], None],
    ) -> None:
        """Start the thread.

        Args:
            name: For log and faults, e.g. "recording".
            handle: Takes one item; an exception from it ends the output.
            finish: Called once at the end, after a failure too.
            capacity: Items that may wait.
            drop: When the queue is full: lose the item (live sources) or wait (files).
            report: Told why the output ended, in one line.
        """
        self.failed: str | None = None
        self.dropped = 0
        self._name = name
        self._handle = handle
        self._finish = finish
        self._drop = drop
        self._report = report
        self._queue: queue.Queue[Item | _End] = queue.Queue(capacity)
        self._thread = threading.Thread(target=self._work, name=name, daemon=True)
        self._thread.start()

    def put(self, item: Item) -> None:
        """Queue an item; nothing happens once the output has failed."""
        if self.failed is not None:
            return
        try:
            self._queue.put(item, block=not self._drop)
        except queue.Full:
            self.dropped += 1
            if self.dropped == 1:
                log.warning("%s cannot keep up: frames are left out of it", self._name)

    def close(self) -> None:
        """Wait until everything queued is handled, and end the thread; twice does no harm."""
        deadline = time.monotonic() + CLOSE_TIMEOUT_S
        while self._thread.is_alive() and time.monotonic() < deadline:
            with suppress(queue.Full):  # of what waits for an output that hangs
                self._queue.put(_End(), timeout=POLL_S)
                self._thread.join(max(0.0, deadline - time.monotonic()))
        if self._thread.is_alive():
            self._fail(f"{self._name} did not finish within {CLOSE_TIMEOUT_S:g} s")
        elif self.dropped:
            log.warning("%s: %d frames were left out", self._name, self.dropped)

    def _work(self) -> None:
        handle = self._handle
        while not isinstance(item := self._queue.get(), _End):
            try:
                handle(item)
            except Exception as error:  # noqa: BLE001 - said; and whoever puts must not wait for ever
                self._end(error)
                handle = _ignore
                self._finish_after_failure()
        if self.failed is None:
            try:
                self._finish()
            except Exception as error:  # noqa: BLE001 - said
                self._end(error)

    def _finish_after_failure(self) -> None:
        """Save what can be saved; that this fails too is no news."""
        try:
            self._finish()
        except Exception as error:  # noqa: BLE001 - of no use any more
            log.debug("%s: while closing after a failure: %s", self._name, error)

    def _end(self, error: Exception) -> None:
        log.debug("%s", self._name, exc_info=error)
        reason = getattr(error, "strerror", None) or str(error) or type(error).__name__
        self._fail(f"{self._name} ended: {reason}")

    def _fail(self, reason: str) -> None:
        self.failed = reason
        log.error("%s", reason)
        self._report(reason)


def _ignore(item: object) -> None:
    """Take the place of a handler that has failed."""
