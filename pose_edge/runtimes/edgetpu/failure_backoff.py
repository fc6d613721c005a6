"""Says how long to wait before an Edge TPU that has failed is tried again."""

from __future__ import annotations

import time
from collections import deque
from collections.abc import Callable
from typing import Final

from pose_edge.supervision.backoff import Backoff

FAILURES: Final = 3
WINDOW_S: Final = 60.0
"""After `FAILURES` failures within this time, the next attempt has to wait."""

FIRST_S: Final = 1.0
"""The shortest wait."""


class FailureBackoff:
    """Counts failures: rare ones cost no wait, frequent ones cost longer and longer waits."""

    def __init__(self, limit_s: float, clock: Callable[[], float] = time.monotonic) -> None:
        """Start without failures.

        Args:
            limit_s: The longest wait, seconds.
            clock: Seconds that only increase.
        """
        self._clock = clock
        self._failures: deque[float] = deque(maxlen=FAILURES)
        self._backoff = Backoff(min(FIRST_S, limit_s), limit_s)
        self._wait_s = 0.0

    def failed(self) -> float:
        """Count a failure.

        Returns:
            Seconds to wait before the next attempt: 0 for the first two within a minute, then 1,
            2, 4 and so on, up to the limit, until a minute has passed without a failure.
        """
        now = self._clock()
        if self._failures and now - self._failures[-1] - self._wait_s > WINDOW_S:
            self._failures.clear()
            self._backoff.reset()
            self._wait_s = 0.0
        self._failures.append(now)
        frequent = len(self._failures) == FAILURES and now - self._failures[0] <= WINDOW_S
        if frequent or self._wait_s > 0:
            self._wait_s = self._backoff.next()
        return self._wait_s
