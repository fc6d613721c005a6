"""A bounded queue with a thread behind it: a slow or broken output must not stop the picture."""

from __future__ import annotations

import logging
import threading
import time
from collections.abc import Callable
from pathlib import Path
from typing import Final, Generic, Protocol, TypeVar

from pose_edge.errors import EndOfStream
from pose_edge.util.closable_queue import ClosableQueue

log = logging.getLogger(__name__)

Item = TypeVar("Item")
Item_contra = TypeVar("Item_contra", contravariant=True)

TICK_S: Final = 0.2
"""How often a writer may look after what is not an item."""
SIGN_S: Final = 1.0
"""How often a worker tells that it is well."""


class Writer(Protocol[Item_contra]):
    """What a worker does in its thread; an exception from any of this ends the worker.

    Attributes:
        path: The file that is being written; None before the first and for what is no file.
        waiting: Why nothing is written now, or None.
    """

    @property
    def path(self) -> Path | None:
        """The file that is being written."""

    @property
    def waiting(self) -> str | None:
        """Why nothing is written now."""

    def write(self, item: Item_contra) -> bool:
        """Take one item; say whether it was written."""

    def tick(self) -> None:
        """Do what is to be done now and then."""

    def close(self) -> None:
        """Finish; called once at the end, after a failure too."""


class _Inbox(ClosableQueue[Item]):
    """Items on their way to the thread."""

    def __init__(self, capacity: int, *, drop: bool) -> None:
        super().__init__(drop=drop)
        self._capacity = capacity

    def put(self, item: Item) -> bool:
        """Take an item: wait for room, or with `drop` say that there is none."""
        with self._changed:
            if not self._drop:
                self._changed.wait_for(lambda: self._closed or self._has_room())
            if self._closed or not self._has_room():
                return False
            self._waiting.append(item)
            self._changed.notify_all()
            return True

    def clear(self) -> int:
        """Close, throw away what waits, and say how much that was."""
        with self._changed:
            self._closed = True
            count = len(self._waiting)
            self._waiting.clear()
            self._changed.notify_all()
            return count

    @property
    def closed(self) -> bool:
        """Whether nothing more is taken."""
        return self._closed

    def _has_room(self) -> bool:
        return len(self._waiting) < self._capacity


class Worker(Generic[Item]):
    """Hands items to a writer in its own thread, in order.

    Attributes:
        failed: Why it ended early, or None.
        dropped: Items that were left out because the writer could not keep up.
        lost: Items that were left out because it failed or waited.
    """

    def __init__(
        self,
        name: str,
        make: Callable[[], Writer[Item]],
        *,
        capacity: int,
        drop: bool,
        told: Callable[[Worker[Item]], None],
    ) -> None:
        """Prepare; `start` begins.

        Args:
            name: For log and thread, e.g. "recording".
            make: Makes the writer, in the thread.
            capacity: Items that may wait.
            drop: When the queue is full: lose the item (live sources) or wait (files).
            told: Called by the thread with this worker when something has changed, else every
                `SIGN_S`; not while it hangs.
        """
        self.failed: str | None = None
        self.dropped = 0
        self.lost = 0
        self._name = name
        self._make = make
        self._told = told
        self._writer: Writer[Item] | None = None
        self._inbox: _Inbox[Item] = _Inbox(capacity, drop=drop)
        self._shown: tuple[str | None, Path | None] = (None, None)
        self._shown_s = -SIGN_S
        self._thread = threading.Thread(target=self._work, name=name, daemon=True)

    @property
    def path(self) -> Path | None:
        """The file that is being written; see `Writer`."""
        return self._writer.path if self._writer else None

    @property
    def waiting(self) -> str | None:
        """Why nothing is written now, or None."""
        return self._writer.waiting if self._writer else None

    @property
    def taking(self) -> bool:
        """Whether items are of any use to it."""
        return self.failed is None and self.waiting is None and not self._inbox.closed

    @property
    def alive(self) -> bool:
        """Whether its thread has not ended."""
        return self._thread.is_alive()

    def start(self) -> None:
        """Start the thread."""
        self._thread.start()

    def put(self, item: Item) -> bool:
        """Queue an item; it is lost once the output has failed.

        Returns:
            Whether the item was dealt with; not after `close`, when it is for another worker.
        """
        if self.failed is not None or self.waiting is not None:
            self.lost += 1
        elif not self._inbox.put(item):
            if self._inbox.closed:
                self.lost += self.failed is not None
                return self.failed is not None
            self.dropped += 1
            if self.dropped == 1:
                log.warning("%s cannot keep up: frames are left out of it", self._name)
        return True

    def close(self) -> None:
        """Let it handle what is queued, and end; returns at once."""
        self._inbox.close()

    def join(self, timeout: float) -> bool:
        """Wait for the end after `close`, seconds; say whether it came."""
        self._thread.join(timeout)
        if self.alive:
            return False
        if self.dropped:
            log.warning("%s: %d frames were left out", self._name, self.dropped)
        return True

    def abandon(self) -> None:
        """Throw away what is queued; should it ever wake up, it ends."""
        self.lost += self._inbox.clear()

    def _work(self) -> None:
        try:
            self._writer = writer = self._make()
            self._tell()
            try:
                while True:
                    item = self._inbox.take(TICK_S)
                    if item is not None:
                        self.lost += not writer.write(item)
                    writer.tick()
                    self._tell()
            except EndOfStream:
                writer.close()
        except Exception as error:  # noqa: BLE001 - said; and whoever puts must not wait for ever
            self._end(error)
            self._salvage()

    def _tell(self) -> None:
        """Tell how it goes, when that is news or due."""
        now = time.monotonic()
        state = (self.waiting, self.path)
        if state != self._shown or now - self._shown_s >= SIGN_S:
            self._shown, self._shown_s = state, now
            self._told(self)

    def _end(self, error: Exception) -> None:
        log.debug("%s", self._name, exc_info=error)
        self.failed = getattr(error, "strerror", None) or str(error) or type(error).__name__
        self.lost += 1 + self._inbox.clear()
        self._told(self)

    def _salvage(self) -> None:
        """Save what can be saved; that this fails too is no news."""
        try:
            if self._writer is not None:
                self._writer.close()
        except Exception as error:  # noqa: BLE001 - of no use any more
            log.debug("%s: while closing after a failure: %s", self._name, error)
