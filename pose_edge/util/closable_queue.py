"""What passes items from one thread to the next and can be closed, with a reason."""

from __future__ import annotations

import threading
from collections import deque
from typing import Generic, TypeVar

from pose_edge.errors import EndOfStream

Item = TypeVar("Item")


class ClosableQueue(Generic[Item]):
    """Items that wait for the next thread; the subclass says how they get in.

    Everything is guarded by one condition, `_changed`, which is notified at every change.
    """

    def __init__(self) -> None:
        """Start open, with nothing waiting."""
        self._changed = threading.Condition()
        self._waiting: deque[Item] = deque()
        self._closed = False
        self._error: BaseException | None = None

    def close(self, error: BaseException | None = None) -> None:
        """Say that there will be no more: what waits is still delivered, then the end is raised.

        Args:
            error: Why, when it is not simply the end; the first call's counts.
        """
        with self._changed:
            if not self._closed:
                self._closed, self._error = True, error
            self._changed.notify_all()

    def _next(self, timeout: float) -> Item | None:
        """Get the item that waits longest, or None when none came within `timeout` seconds.

        Raises:
            EndOfStream: It was closed, and nothing waits any more.
            Exception: What `close` was given as the reason, in the same case.
        """
        with self._changed:
            self._changed.wait_for(lambda: bool(self._waiting) or self._closed, timeout)
            if self._waiting:
                self._changed.notify_all()
                return self._waiting.popleft()
            if self._error is not None:
                raise self._error
            if self._closed:
                raise EndOfStream
            return None
