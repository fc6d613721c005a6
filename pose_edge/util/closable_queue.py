"""A bounded queue between two threads that can be closed, with a reason."""

from __future__ import annotations

import threading
from collections import deque
from typing import Generic, TypeVar

from pose_edge.errors import EndOfStream

Item = TypeVar("Item")


class ClosableQueue(Generic[Item]):
    """The reader's side of a queue; a subclass adds the writer's side.

    A subclass may have two policies: with `drop` the writer never waits for room, and an item is
    lost instead. Without it every item is delivered, in order.

    All state is guarded by one condition, `_changed`, which is notified of every change.
    """

    def __init__(self, *, drop: bool = False) -> None:
        """Start open and empty."""
        self._changed = threading.Condition()
        self._waiting: deque[Item] = deque()
        self._drop = drop
        self._closed = False
        self._woken = False
        self._error: BaseException | None = None

    def set_drop(self, *, drop: bool) -> None:
        """Switch to the other policy."""
        with self._changed:
            self._drop = drop
            self._changed.notify_all()

    def close(self, error: BaseException | None = None) -> None:
        """Deliver what is waiting, then raise `EndOfStream` or `error` in the reader.

        Only the first call counts.
        """
        with self._changed:
            if not self._closed:
                self._closed, self._error = True, error
            self._changed.notify_all()

    def wake(self) -> None:
        """Let whoever waits at either side look about; a `take` that waits returns None."""
        with self._changed:
            self._woken = True
            self._changed.notify_all()

    def take(self, timeout: float) -> Item | None:
        """Return the item that has waited longest.

        Returns:
            The item, or None when none came within `timeout` seconds or before `wake`.

        Raises:
            EndOfStream: The queue was closed, and every item was taken.
            Exception: The error that `close` was given, in the same case.
        """
        with self._changed:
            self._changed.wait_for(self._worth_a_look, timeout)
            self._woken = False
            if self._waiting:
                self._changed.notify_all()
                return self._waiting.popleft()
            if self._error is not None:
                raise self._error
            if self._closed:
                raise EndOfStream
            return None

    def _worth_a_look(self) -> bool:
        return bool(self._waiting) or self._closed or self._woken
