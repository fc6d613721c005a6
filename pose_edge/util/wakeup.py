"""Wakes one thread that waits for several things at once."""

from __future__ import annotations

import queue


class Wakeup:
    """Something has happened that the waiting thread should look at.

    Whoever changes something calls `set` afterwards; the thread looks at everything, then calls
    `wait`. No change is missed, however the two meet.

    `set` may be called in any thread and, unlike that of `threading.Event`, in a signal handler
    that interrupts the waiting thread anywhere: the queue is made for that, a lock of Python's is
    not.
    """

    def __init__(self) -> None:
        """Start with nothing to look at."""
        self._happened: queue.SimpleQueue[None] = queue.SimpleQueue()

    def set(self) -> None:
        """Let the next `wait`, or the one that goes on, return at once."""
        if self._happened.empty():
            self._happened.put(None)

    def wait(self, timeout: float) -> None:
        """Wait until `set` was called since the last `wait`, at most some seconds."""
        try:
            self._happened.get(timeout=max(0.0, timeout))
        except queue.Empty:
            return
