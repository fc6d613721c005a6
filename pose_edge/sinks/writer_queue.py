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
"""Seconds between two calls of `Writer.tick` in the pauses between items ..."""
BUSY_S: Final = 2.0
"""... which are longer than this where nothing is written at all ..."""
IDLE_TICK_S: Final = 1.0
"""... and then there is less to do."""
STALL_S: Final = 2.0
"""A writer that is busy with one item for longer does not just work slowly: its output stands."""


class WriterQueue(ClosableQueue[Item]):
    """The items for one writer, and the thread that runs it.

    Attributes:
        thread: The thread; the owner starts it.
        paused: Why no items are taken for the time being, or None; see `Writer.waiting`.
        failed: Whether the writer has ended with an error.
        displaced: Items that newer ones have taken the place of.
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
        """Prepare the thread, which calls `run`.

        Args:
            name: Name of the thread.
            run: Called in the thread.
            capacity: Items that may wait.
            drop: Whether an item is left out beyond the capacity; else `put` waits.
            newest: Whether it is the oldest one that is left out then, instead of the new one.
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
        """Whether items are taken, as long as there is room."""
        return not self._closed and self.paused is None

    @property
    def stalled(self) -> bool:
        """Whether the writer has been busy with one item for long."""
        return time.monotonic() - self._taken_s > STALL_S

    def put(self, item: Item) -> bool:
        """Queue an item; return whether it was taken."""
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
        """Yield the items in order, and None when it is time for a tick, until the end."""
        last_s = time.monotonic()
        with suppress(EndOfStream):
            while True:
                item = self.take(TICK_S if self._taken_s - last_s < BUSY_S else IDLE_TICK_S)
                self._taken_s = time.monotonic()
                if item is not None:
                    last_s = self._taken_s
                yield item

    def pause(self, reason: str | None) -> None:
        """Take no items for this reason, or, with None, take them again."""
        if reason != self.paused:
            with self._changed:
                self.paused = reason
                self._changed.notify_all()

    def discard(self) -> int:
        """Close the queue, drop the items in it, and return how many they were."""
        with self._changed:
            count = len(self._waiting)
            self._waiting.clear()
            self.close()
            return count

    def _has_room(self) -> bool:
        return len(self._waiting) < self._capacity
