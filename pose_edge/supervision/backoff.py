"""Exponential backoff between attempts that fail."""

from __future__ import annotations


class Backoff:
    """Computes waits that double from attempt to attempt, up to a limit."""

    def __init__(self, first_s: float = 1.0, limit_s: float = 30.0) -> None:
        """Start with a wait of `first_s` seconds, and never exceed `limit_s`."""
        self._first_s = first_s
        self._limit_s = limit_s
        self._next_s = first_s

    def next(self) -> float:
        """Return the wait before the next attempt, seconds."""
        wait_s = self._next_s
        self._next_s = min(2 * wait_s, self._limit_s)
        return wait_s

    def reset(self) -> None:
        """Start again with the shortest wait, after an attempt that succeeded."""
        self._next_s = self._first_s
