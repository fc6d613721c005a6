"""The times of a file's frames, made from the times that are written in it.

Those may be missing, repeated, in a wrong order, or jump: streams that were cut or joined begin
again at 0, a damaged packet has any time, and some files have no times at all.
"""

from __future__ import annotations

import math
from typing import Final

MAX_PAUSE_S: Final = 86_400.0
"""Pauses are kept: a file may hold a picture a minute, or a night without movement. A longer one is
taken for a fault of the file."""
MAX_TIME_S: Final = 1e10
"""What is beyond, some centuries, is not a time; fractions of a second would get lost in it."""
USUAL_STEP: Final = 1.5
"""In usual times between two frames: times that are rounded to milliseconds vary by less."""
REORDERED: Final = 8
"""A time that is back by no more than so many frames belongs to frames in a wrong order; one that
is back further begins another recording."""


class Timeline:
    """Makes times that are finite, begin at 0 or later, and rise from frame to frame.

    A frame keeps the time that the file gives it, wherever that is possible: one wrong time leaves
    all the others as they are.

    Attributes:
        jumps: How often the file's times have jumped so that the rest of it was moved.
    """

    def __init__(self, interval_s: float) -> None:
        """Prepare for the first frame; `interval_s` is the usual time between two, seconds."""
        self._interval = interval_s
        self._shift = 0.0
        self._last: float | None = None
        self._last_given = -math.inf
        self._restarted = False
        self.jumps = 0

    def restart(self) -> None:
        """Let the next frame follow the last one, whatever its time: a file is played again."""
        self._restarted = self._last is not None

    def doubts(self, given: float | None) -> bool:
        """Tell whether the time of the frame after the next one would help to place the next one.

        It does not where the next one comes about when it should.
        """
        if self._last is None or self._restarted:
            return False
        step = -1.0 if given is None else given + self._shift - self._last
        return not 0 < step <= USUAL_STEP * self._interval

    def place(self, given: float | None, following: float | None = None) -> float:
        """Return the time of the next frame, seconds.

        Args:
            given: The time that the file gives it, from the file's beginning; None without one.
            following: The same of the frame after it, where known.
        """
        given, following = _usable(given), _usable(following)
        if self._last is None and given is not None and 0 <= given <= MAX_PAUSE_S:
            time = given
        elif self._last is None or self._restarted:
            time = 0.0 if self._last is None else self._last + self._interval
            self._shift = time - (given or 0.0)
        else:
            time = self._next(self._last, given, following)
        self._last, self._restarted = time, False
        self._last_given = self._last_given if given is None else given
        return time

    def _next(self, last: float, given: float | None, following: float | None) -> float:
        """Return a time after `last`."""
        usual = last + self._interval
        after = None if following is None else following + self._shift
        if after is not None and not last < after <= last + MAX_PAUSE_S:
            after = None
        if given is None:
            return usual if after is None or usual < after else (last + after) / 2
        time = given + self._shift
        if last < time <= last + MAX_PAUSE_S and (after is None or time <= after):
            return time
        if after is not None:  # only this one is wrong
            return min(usual, (last + after) / 2)
        if last - REORDERED * self._interval <= time <= last:
            # As long as the file's own time goes on, go slower until it has caught up.
            return last + self._interval / (2 if given > self._last_given else 1)
        self._shift += usual - time
        self.jumps += 1
        return usual


def _usable(seconds: float | None) -> float | None:
    return seconds if seconds is not None and abs(seconds) <= MAX_TIME_S else None
