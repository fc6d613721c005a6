"""Playing a video at its own speed."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from typing import Final

MAX_BEHIND_S: Final = 0.5
"""A video that falls further behind its own speed goes on from there instead of catching up."""


class Pacer:
    """Waits for the moment at which each frame of a video is due."""

    def __init__(self, stop: threading.Event, clock: Callable[[], float] = time.monotonic) -> None:
        """Prepare for the first frame.

        Args:
            stop: Ends every wait once it is set.
            clock: Seconds that only increase.
        """
        self._stop = stop
        self._clock = clock
        self._start: float | None = None

    def wait(self, position_s: float) -> None:
        """Wait until a frame is due.

        Args:
            position_s: The frame's time in the video, seconds.
        """
        now = self._clock()
        if self._start is None or now - self._start - position_s > MAX_BEHIND_S:
            self._start = now - position_s
        self._stop.wait(max(0.0, self._start + position_s - now))
