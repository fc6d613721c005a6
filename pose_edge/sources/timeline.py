"""Consistent times for a file's frames, derived from the times in the file.

Those may be missing, repeated, out of order, or jump: streams that were cut or joined start again
at 0, a damaged packet has an arbitrary time, and some files have no times at all.
"""

from __future__ import annotations

import math
from typing import Final

MAX_PAUSE_S: Final = 86_400.0
"""Longest pause between two frames that is kept, seconds: a file may hold one picture per minute,
or a night without movement. A longer pause counts as an error in the file."""
MAX_TIME_S: Final = 1e10
"""Largest valid time, seconds (some centuries); larger values could not hold fractions of a
second accurately."""
USUAL_STEP: Final = 1.5
"""Largest normal step between two frames, in frame intervals; times that are rounded to
milliseconds vary by less."""
REORDERED: Final = 8
"""Largest step back, in frame intervals, that means frames out of order; a larger one is the start
of another recording."""


class Timeline:
    """Computes times that are finite, begin at 0 or later, and increase from frame to frame.

    A frame keeps its time from the file wherever possible: one wrong time does not change any
    others.

    Attributes:
        jumps: How often the file's times have jumped, so that all later times were shifted.
    """

    def __init__(self, interval_s: float) -> None:
        """Create the timeline; `interval_s` is the usual time between two frames, seconds."""
        self._interval = interval_s
        self._shift = 0.0
        self._last: float | None = None
        self._last_given = -math.inf
        self._restarted = False
        self.jumps = 0

    def restart(self) -> None:
        """Let the next frame follow the last one, whatever its time, as the file starts again."""
        self._restarted = self._last is not None

    def doubts(self, given: float | None) -> bool:
        """Return whether `place` needs the time of the following frame to place the next one.

        It does not if `given`, the next frame's time in the file, is about as expected.
        """
        if self._last is None or self._restarted:
            return False
        step = -1.0 if given is None else given + self._shift - self._last
        return not 0 < step <= USUAL_STEP * self._interval

    def place(self, given: float | None, following: float | None = None) -> float:
        """Return the time of the next frame, seconds.

        Args:
            given: Its time in the file, seconds from the file's beginning; None if it has none.
            following: The same for the frame after it, where known.
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
        """Return the next frame's time, which is later than `last`."""
        usual = last + self._interval
        after = None if following is None else following + self._shift
        if after is not None and not last < after <= last + MAX_PAUSE_S:
            after = None
        if given is None:
            return usual if after is None or usual < after else (last + after) / 2
        time = given + self._shift
        if last < time <= last + MAX_PAUSE_S and (after is None or time <= after):
            return time
        if after is not None:  # only the time of this frame is wrong
            return min(usual, (last + after) / 2)
        if last - REORDERED * self._interval <= time <= last:
            # While the file's own times increase, advance more slowly until they catch up.
            return last + self._interval / (2 if given > self._last_given else 1)
        self._shift += usual - time
        self.jumps += 1
        return usual


def _usable(seconds: float | None) -> float | None:
    return seconds if seconds is not None and abs(seconds) <= MAX_TIME_S else None
