"""Count the threads that hang and were given up.

A thread cannot be killed. One that hangs in a driver or a disk is left alone, and another thread
takes over its work. Each one costs memory and perhaps a device, so a process can afford only a few.
"""

from __future__ import annotations

import threading
from typing import Final

HUNG_LIMIT: Final = 3
"""Number of threads that may hang at the same time; with one more, only a restart helps."""


class HungThreads:
    """Counts the threads of one kind that were given up and are still alive."""

    def __init__(self, limit: int = HUNG_LIMIT) -> None:
        """Create an empty counter; at most `limit` threads may hang at the same time."""
        self._limit = limit
        self._threads: list[threading.Thread] = []

    def add(self, thread: threading.Thread) -> None:
        """Count a thread that was given up, until it ends."""
        self._forget_ended()
        self._threads.append(thread)

    @property
    def count(self) -> int:
        """Number of threads that were given up and are still alive."""
        self._forget_ended()
        return len(self._threads)

    @property
    def too_many(self) -> bool:
        """Whether more threads hang than the limit allows."""
        return self.count > self._limit

    def _forget_ended(self) -> None:
        """Drop the threads that have ended, with all that they hold in memory."""
        self._threads = [thread for thread in self._threads if thread.is_alive()]
