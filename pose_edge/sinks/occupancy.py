"""Debounce the detection of people: `Occupancy` says whether anybody is present."""

from __future__ import annotations

from typing import Final

NO_PICTURE_S: Final = 5.0
"""Seconds without a frame after which there is no picture, and nobody counts as seen since."""


class Occupancy:
    """Debounces the people seen in single frames. Does no I/O, and reads no clock.

    All times are in seconds on the same clock.

    Attributes:
        present: Whether a person is present; None until one of the delays has passed.
        picture: Whether frames arrive; None until the first frame, or `NO_PICTURE_S` without one.
    """

    def __init__(self, now_s: float, present_after: float, absent_after: float) -> None:
        """Start with presence and picture unknown.

        Args:
            now_s: The current time.
            present_after: Seconds with a person in every frame before `present` becomes true.
            absent_after: Seconds without a person in any frame before it becomes false.
        """
        self.present: bool | None = None
        self._present_after = present_after
        self._absent_after = absent_after
        self.forget(now_s)

    def forget(self, now_s: float) -> None:
        """Forget the frames seen so far, after a time in which none were evaluated.

        `present` keeps its value until one of the delays has passed anew.
        """
        self.picture: bool | None = None
        self._seen: bool | None = None
        self._since_s = self._frame_s = now_s

    def see(self, now_s: float, somebody: bool) -> None:
        """Record a frame; `somebody` is whether a person is in it."""
        if somebody is not self._seen:
            self._seen, self._since_s = somebody, now_s
        self._frame_s, self.picture = now_s, True
        self.advance(now_s)

    def advance(self, now_s: float) -> None:
        """Update `present` and `picture` for the current time."""
        if now_s - self._frame_s >= NO_PICTURE_S:
            self.picture = False
            if self._seen is not False:
                self._seen, self._since_s = False, self._frame_s
        if self._seen is None or self._seen is self.present:
            return
        if now_s - self._since_s >= (self._present_after if self._seen else self._absent_after):
            self.present = self._seen
