"""Log once a minute how many frames an output has dropped."""

from __future__ import annotations

import logging
import time
from collections.abc import Callable
from typing import Final

from pose_edge.util.text import counted

log = logging.getLogger(__name__)

INTERVAL_S: Final = 60.0
"""Seconds between two messages about the same output."""


class DropLog:
    """Logs dropped frames of an output: the first one at once, then a count once a minute."""

    def __init__(
        self,
        name: str,
        clock: Callable[[], float] = time.monotonic,
        *,
        reason: str = "it cannot keep up",
    ) -> None:
        """Start with no dropped frames.

        Args:
            name: Name of the output.
            clock: Returns the time of a monotonic clock, seconds.
            reason: Why frames are dropped, as a clause.
        """
        self._name = name
        self._reason = reason
        self._clock = clock
        self._count = 0
        self._said_s: float | None = None

    def add(self, count: int) -> None:
        """Record that `count` frames were dropped."""
        self._count += count
        now = self._clock()
        if self._said_s is None:
            log.warning("%s: %s, and frames are left out", self._name, self._reason)
        elif now - self._said_s < INTERVAL_S:
            return
        else:
            left_out, seconds = counted(self._count, "frame"), now - self._said_s
            log.warning("%s: %s left out in the last %.0f s", self._name, left_out, seconds)
        self._said_s, self._count = now, 0
