"""The gate that a file's frames go through, so that playing can be paused."""

from __future__ import annotations

import threading
from collections.abc import Callable


class Gate:
    """Open, or closed but for a number of frames that may still pass; safe to use from any thread.

    Live sources do not go through it: they cannot be stopped, only not be looked at.
    """

    def __init__(self) -> None:
        """Start open."""
        self._changed = threading.Condition()
        self._permits: int | None = None

    @property
    def closed(self) -> bool:
        """Whether frames are held back."""
        return self._permits is not None

    def close(self) -> None:
        """Let one more frame pass, and hold the others back."""
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
        """Have the `unless` of `wait` looked at again."""
        with self._changed:
            self._changed.notify_all()

    def wait(self, timeout: float | None, unless: Callable[[], bool] = lambda: False) -> bool:
        """Wait until a frame may pass.

        Args:
            timeout: Longest wait, seconds; None for any time.
            unless: Returns whether to wait no longer; it is asked again after each `wake`.

        Returns:
            Whether a frame may pass.
        """
        with self._changed:
            self._changed.wait_for(lambda: self._permits != 0 or unless(), timeout)
            passes = self._permits != 0
            if passes and self._permits is not None:
                self._permits -= 1
            return passes
