"""A bound on how often something happens."""

from __future__ import annotations

import time
from collections.abc import Callable


class Throttle:
    """Lets so many events pass each second, and some more at once after a pause."""

    def __init__(
        self, per_second: float, burst: int, clock: Callable[[], float] = time.monotonic
    ) -> None:
        """Start after a pause.

        Args:
            per_second: Events each second in the long run.
            burst: Events at once.
            clock: Returns seconds.
        """
        self._per_second = per_second
        self._burst = burst
        self._clock = clock
        self._left = float(burst)
        self._filled_s = clock()

    def take(self, most_s: float = 0.0) -> float | None:
        """Return after how many seconds an event may happen; None if that is too late.

        Args:
            most_s: The longest wait; an event that would wait longer is not counted.
        """
        now = self._clock()
        filled = self._left + (now - self._filled_s) * self._per_second
        self._left, self._filled_s = min(float(self._burst), filled), now
        wait_s = max(0.0, (1 - self._left) / self._per_second)
        if wait_s > most_s:
            return None
        self._left -= 1
        return wait_s
