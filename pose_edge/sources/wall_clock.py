"""Unix time of moments on the monotonic clock."""

from __future__ import annotations

import time


class WallClock:
    """Turns monotonic nanoseconds into Unix seconds."""

    def __init__(self) -> None:
        """Note how far the two clocks are apart now."""
        self._offset_ns = time.time_ns() - time.monotonic_ns()

    def unix_seconds(self, monotonic_ns: int) -> float:
        """Return the Unix time of a moment on the monotonic clock.

        A step of the wall clock (a Pi has none of its own and sets it from the network) is
        followed once it is larger than 50 ms, so that small corrections do not make times jitter.
        """
        offset_ns = time.time_ns() - time.monotonic_ns()
        if abs(offset_ns - self._offset_ns) > 50_000_000:
            self._offset_ns = offset_ns
        return (monotonic_ns + self._offset_ns) / 1e9
