"""How many inference passes there is time for in one frame of a live source."""

from __future__ import annotations

from typing import Final

SHARE: Final = 0.9
"""Part of the time from frame to frame that passes may take; the rest is for what comes around
them."""

LEAST_INTERVAL_S: Final = 1 / 30
"""Of a faster source some frames are rather skipped than people."""

MEMORY: Final = 0.2
"""Weight of a new measurement in the mean of the earlier ones."""

MAX_INTERVAL_S: Final = 1.0
"""A longer time between two frames is an interruption, not the rate of the source."""


def passes_within(interval_s: float, refine_s: float, search_s: float = 0.0) -> int:
    """Return how many closer looks fit into the time from one frame to the next.

    Args:
        interval_s: That time, seconds.
        refine_s: What one of them takes, seconds, more than 0.
        search_s: What a search in the same frame takes, seconds; 0 without one.

    Returns:
        At least 1, or 0 beside a search: one pass a frame is always made.
    """
    left_s = SHARE * max(interval_s, LEAST_INTERVAL_S) - search_s
    return max(0 if search_s else 1, int(left_s // refine_s))


class PassBudget:
    """Measures the source and the models, and shares out the time of each frame."""

    def __init__(self) -> None:
        """Start without measurements."""
        self._frame: tuple[int, float] | None = None
        self._interval_s: float | None = None
        self._refine_s: float | None = None
        self.search_s = 0.0
        """What a search takes, seconds; 0 before the first."""

    def start_frame(self, index: int, time_s: float) -> None:
        """Note a frame of the source.

        Args:
            index: Its number; frames that were skipped count.
            time_s: Its time, seconds.
        """
        if self._frame is not None and index > self._frame[0]:
            interval_s = (time_s - self._frame[1]) / (index - self._frame[0])
            if 0.0 < interval_s <= MAX_INTERVAL_S:
                self._interval_s = _mean(self._interval_s, interval_s)
        self._frame = (index, time_s)

    def note_search(self, spent_s: float) -> None:
        """Note what a search took."""
        self.search_s = _mean(self.search_s or None, spent_s)

    def note_refinement(self, spent_s: float) -> None:
        """Note what a closer look took."""
        self._refine_s = _mean(self._refine_s, spent_s)

    def passes(self, searches: int) -> int:
        """Return how many closer looks there is time for in this frame, see `passes_within`.

        Args:
            searches: The number of searches in it.
        """
        if not self._refine_s:
            return 1
        interval_s = self._interval_s or LEAST_INTERVAL_S
        return passes_within(interval_s, self._refine_s, searches * self.search_s)


def _mean(before: float | None, new: float) -> float:
    return new if before is None else before + MEMORY * (new - before)
