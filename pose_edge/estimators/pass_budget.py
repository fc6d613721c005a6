"""The number of inference passes that fit into one frame interval of a live source."""

from __future__ import annotations

from typing import Final

SHARE: Final = 0.9
"""Fraction of the frame interval that inference passes may take; the rest is for other work."""

LEAST_INTERVAL_S: Final = 1 / 30
"""Shortest frame interval that is assumed, seconds: at higher frame rates it is better to skip
frames than people."""

MEMORY: Final = 0.2
"""Weight of a new measurement in the exponential moving average."""

MAX_INTERVAL_S: Final = 1.0
"""Longest frame interval that is measured, seconds; a longer one is an interruption."""


def passes_within(interval_s: float, refine_s: float, search_s: float = 0.0) -> int:
    """Return how many refinement passes fit into a frame interval.

    Args:
        interval_s: Time from one frame to the next, seconds.
        refine_s: Duration of one refinement pass, seconds, more than 0.
        search_s: Duration of the searches in the same frame, seconds; 0 without a search.

    Returns:
        The number of passes: at least 1, or 0 in a frame with a search, so that the model runs at
        least once on every frame.
    """
    left_s = SHARE * max(interval_s, LEAST_INTERVAL_S) - search_s
    return max(0 if search_s else 1, int(left_s // refine_s))


class PassBudget:
    """Measures frame interval and pass durations, and limits the passes in each frame."""

    def __init__(self) -> None:
        """Create a budget without measurements."""
        self._frame: tuple[int, float] | None = None
        self._interval_s: float | None = None
        self._refine_s: float | None = None
        self.search_s = 0.0
        """Mean duration of a search, seconds; 0 before the first."""

    def start_frame(self, index: int, time_s: float) -> None:
        """Record a frame of the source, to measure the frame interval.

        Args:
            index: Number of the frame; skipped frames count.
            time_s: Time of the frame, seconds.
        """
        if self._frame is not None and index > self._frame[0]:
            interval_s = (time_s - self._frame[1]) / (index - self._frame[0])
            if 0.0 < interval_s <= MAX_INTERVAL_S:
                self._interval_s = _mean(self._interval_s, interval_s)
        self._frame = (index, time_s)

    def note_search(self, spent_s: float) -> None:
        """Record the duration of a search, seconds."""
        self.search_s = _mean(self.search_s or None, spent_s)

    def note_refinement(self, spent_s: float) -> None:
        """Record the duration of a refinement pass, seconds."""
        self._refine_s = _mean(self._refine_s, spent_s)

    def passes(self, searches: int) -> int:
        """Return how many refinement passes fit into this frame, see `passes_within`.

        Args:
            searches: Number of searches in the same frame.
        """
        if not self._refine_s:
            return 1
        interval_s = self._interval_s or LEAST_INTERVAL_S
        return passes_within(interval_s, self._refine_s, searches * self.search_s)


def _mean(before: float | None, new: float) -> float:
    return new if before is None else before + MEMORY * (new - before)
