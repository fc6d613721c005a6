"""A bounded queue between two threads that can be closed, with or without an error."""

from __future__ import annotations

import threading
from collections import deque
from typing import Generic, TypeVar

from pose_edge.errors import EndOfStream

Item = TypeVar("Item")


class ClosableQueue(Generic[Item]):
    """The reader's side of a queue; a subclass adds the writer's side.

    A subclass may support two policies. With `drop`, the writer never waits for room: an item is
    dropped instead. Without it, every item is delivered, in order.

    All state is guarded by one condition, `_changed`, which is notified of every change.
    """

    def __init__(self, *, drop: bool = False) -> None:
        """Create the queue, open and empty."""
        self._changed = threading.Condition()
        self._waiting: deque[Item] = deque()
        self._drop = drop
        self._closed = False
        self._woken = False
        self._error: BaseException | None = None

    @property
    def drop(self) -> bool:
        """Whether the newest item replaces the one that waits."""
        return self._drop

    def set_drop(self, *, drop: bool) -> None:
        """Set the policy: whether items are dropped when the queue is full."""
        with self._changed:
            self._drop = drop
            self._changed.notify_all()

    def close(self, error: BaseException | None = None) -> None:
        """Close the queue: after the waiting items, `take` raises `error` or `EndOfStream`.

        Only the first call has an effect.
        """
        with self._changed:
            if not self._closed:
                self._closed, self._error = True, error
            self._changed.notify_all()

    def wake(self) -> None:
        """Wake both sides, so that they check what they wait for; a waiting `take` returns None."""
        with self._changed:
            self._woken = True
            self._changed.notify_all()

    def take(self, timeout: float) -> Item | None:
        """Return the oldest item.

        Returns:
            The item, or None if none came within `timeout` seconds or before `wake`.

        Raises:
            EndOfStream: The queue was closed, and every item was taken.
            Exception: The error given to `close`, in the same case.
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
