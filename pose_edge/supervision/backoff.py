"""How long to wait before trying again."""

from __future__ import annotations


class Backoff:
    """Waits that double from attempt to attempt, up to a limit."""

    def __init__(self, first_s: float = 1.0, limit_s: float = 30.0) -> None:
        """Start with `first_s` seconds, end with `limit_s`."""
        self._first_s = first_s
        self._limit_s = limit_s
        self._next_s = first_s

    def next(self) -> float:
        """Return the seconds to wait before the next attempt."""
        wait_s = self._next_s
        self._next_s = min(2 * wait_s, self._limit_s)
        return wait_s

    def reset(self) -> None:
        """Note that an attempt succeeded."""
        self._next_s = self._first_s
