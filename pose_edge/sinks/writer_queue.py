"""The bounded queue between a sink and one of its writers."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterator
from contextlib import suppress
from typing import Final, TypeVar

from pose_edge.errors import EndOfStream
from pose_edge.util.closable_queue import ClosableQueue

Item = TypeVar("Item")

TICK_S: Final = 0.2
"""Seconds between two calls of `Writer.tick` while no item comes."""
BUSY_S: Final = 2.0
"""Seconds without an item after which the queue counts as idle."""
IDLE_TICK_S: Final = 1.0
"""Seconds between two calls of `Writer.tick` while the queue is idle."""
STALL_S: Final = 2.0
"""Seconds with one item after which a writer counts as stalled, not just as slow."""


class WriterQueue(ClosableQueue[Item]):
    """Holds the items for one writer, and the thread that runs the writer.

    Attributes:
        thread: The thread; the owner starts it.
        paused: Why no items are accepted at present, or None; see `Writer.waiting`.
        failed: Whether the writer has ended with an error.
        displaced: Items that were dropped for newer ones, since the owner last reset the count.
    """

    def __init__(
        self,
        name: str,
        run: Callable[[WriterQueue[Item]], None],
        capacity: int,
        *,
        drop: bool,
        newest: bool = False,
    ) -> None:
        """Create the queue and the thread, which the owner starts.

        Args:
            name: Name of the thread.
            run: Called in the thread, with this queue.
            capacity: Most items that may wait.
            drop: Whether an item is dropped when the queue is full; otherwise `put` waits.
            newest: Whether the oldest item is dropped then, instead of the new one.
        """
        super().__init__(drop=drop)
        self._capacity = capacity
        self._newest = newest
        self.displaced = 0
        self.paused: str | None = None
        self.failed = False
        self._taken_s = time.monotonic()
        self.thread = threading.Thread(target=run, args=(self,), name=name, daemon=True)

    @property
    def accepting(self) -> bool:
        """Whether items are accepted while there is room."""
        return not self._closed and self.paused is None

    @property
    def stalled(self) -> bool:
        """Whether the writer has been busy with one item for more than `STALL_S`."""
        return time.monotonic() - self._taken_s > STALL_S

    def put(self, item: Item) -> bool:
        """Queue an item, or wait or drop one if the queue is full; return whether it was queued."""
        with self._changed:
            if not self._drop:
                self._changed.wait_for(lambda: not self.accepting or self._has_room())
            if not self.accepting:
                return False
            if not self._has_room():
                if not self._newest:
                    return False
                self._waiting.popleft()
                self.displaced += 1
            self._waiting.append(item)
            self._changed.notify_all()
            return True

    def items(self) -> Iterator[Item | None]:
        """Yield the items in order, and None when a tick is due, until the queue is closed."""
        last_s = time.monotonic()
        with suppress(EndOfStream):
            while True:
                item = self.take(TICK_S if self._taken_s - last_s < BUSY_S else IDLE_TICK_S)
                self._taken_s = time.monotonic()
                if item is not None:
                    last_s = self._taken_s
                yield item

    def pause(self, reason: str | None) -> None:
        """Refuse items for a reason, or accept them again if it is None."""
        if reason != self.paused:
            with self._changed:
                self.paused = reason
                self._changed.notify_all()

    def discard(self) -> int:
        """Close the queue, drop its items, and return their number."""
        with self._changed:
            count = len(self._waiting)
            self._waiting.clear()
            self.close()
            return count

    def _has_room(self) -> bool:
        return len(self._waiting) < self._capacity
