"""The gate that the frames of a file pass, so that the file can be paused."""

from __future__ import annotations

import threading
from collections.abc import Callable


class Gate:
    """Lets all frames pass while open, and a counted number of them while closed; thread-safe.

    Live sources do not use it: they cannot be stopped, only their pictures can be frozen.
    """

    def __init__(self) -> None:
        """Create an open gate."""
        self._changed = threading.Condition()
        self._permits: int | None = None

    @property
    def closed(self) -> bool:
        """Whether frames are held back."""
        return self._permits is not None

    def close(self) -> None:
        """Let one more frame pass, and hold back those after it."""
        with self._changed:
            self._permits = 1
            self._changed.notify_all()

    def open(self) -> None:
        """Let all frames pass."""
        with self._changed:
            self._permits = None
            self._changed.notify_all()

    def step(self) -> None:
        """Let one more frame pass a closed gate."""
        with self._changed:
            if self._permits is not None:
                self._permits += 1
                self._changed.notify_all()

    def wake(self) -> None:
        """Let a running `wait` call its `unless` again."""
        with self._changed:
            self._changed.notify_all()

    def wait(self, timeout: float | None, unless: Callable[[], bool] = lambda: False) -> bool:
        """Wait until a frame may pass.

        Args:
            timeout: Longest wait, seconds; None for no limit.
            unless: Returns whether to stop waiting; called again after each `wake`.

        Returns:
            Whether a frame may pass.
        """
        with self._changed:
            self._changed.wait_for(lambda: self._permits != 0 or unless(), timeout)
            passes = self._permits != 0
            if passes and self._permits is not None:
                self._permits -= 1
            return passes
