"""Finished results on their way to whoever shows them."""

from __future__ import annotations

from pose_edge.poses import Result
from pose_edge.util.closable_queue import ClosableQueue


class ResultQueue(ClosableQueue[Result]):
    """Finished results on their way to whoever shows them."""

    def __init__(self, *, drop: bool, capacity: int = 1) -> None:
        """With `drop` a newer result replaces one that was not taken, else `put` waits."""
        super().__init__()
        self._drop = drop
        self._capacity = capacity

    def set_drop(self, *, drop: bool) -> None:
        """Follow the other policy from now on: another kind of source takes over."""
        with self._changed:
            self._drop = drop

    def put(self, result: Result) -> None:
        """Hand over a result."""
        with self._changed:
            if self._drop and len(self._waiting) >= self._capacity:
                self._waiting.popleft().release()
            # Once closed there is room for the last one: what was processed is not lost.
            self._changed.wait_for(lambda: len(self._waiting) < self._capacity or self._closed)
            self._waiting.append(result)
            self._changed.notify_all()

    def take(self, timeout: float) -> Result | None:
        """Get the next result, or None when none came in time.

        Raises:
            EndOfStream: There will be no more.
            Exception: What `close` was given.
        """
        return self._next(timeout)
