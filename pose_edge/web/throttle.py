"""A rate limiter."""

from __future__ import annotations

import time
from collections.abc import Callable


class Throttle:
    """A token bucket, which limits the rate of events but allows bursts after a pause."""

    def __init__(
        self, per_second: float, burst: int, clock: Callable[[], float] = time.monotonic
    ) -> None:
        """Create a full bucket.

        Args:
            per_second: Tokens added each second: the long-term rate of events.
            burst: Capacity of the bucket: events allowed at once after a pause.
            clock: Returns monotonic seconds.
        """
        self._per_second = per_second
        self._burst = burst
        self._clock = clock
        self._left = float(burst)
        self._filled_s = clock()

    def take(self, most_s: float = 0.0) -> float | None:
        """Take a token for an event; return the seconds to wait before it, or None if too long.

        Args:
            most_s: Longest wait, seconds; an event that would wait longer takes no token.
        """
        now = self._clock()
        filled = self._left + (now - self._filled_s) * self._per_second
        self._left, self._filled_s = min(float(self._burst), filled), now
        wait_s = max(0.0, (1 - self._left) / self._per_second)
        if wait_s > most_s:
            return None
        self._left -= 1
        return wait_s
