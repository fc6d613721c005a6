"""A signal that wakes one thread that waits for several things at once."""

from __future__ import annotations

import queue


class Wakeup:
    """Tells a waiting thread that something has changed.

    A thread that changes something calls `set` afterwards; the waiting thread checks everything,
    then calls `wait`. No change is missed, whatever the timing.

    `set` may be called in any thread. Unlike `threading.Event.set`, it may also be called in a
    signal handler that interrupts the waiting thread anywhere: `SimpleQueue.put` is reentrant, but
    Python's locks are not.
    """

    def __init__(self) -> None:
        """Create the signal, not yet set."""
        self._happened: queue.SimpleQueue[None] = queue.SimpleQueue()

    def set(self) -> None:
        """Make the current or the next `wait` return at once."""
        if self._happened.empty():
            self._happened.put(None)

    def wait(self, timeout: float) -> None:
        """Wait until `set` has been called since the last `wait`, at most `timeout` seconds."""
        try:
            self._happened.get(timeout=max(0.0, timeout))
        except queue.Empty:
            return
