"""Whether a person is present, as a switch would show it: late and steady rather than at once."""

from __future__ import annotations

from typing import Final

NO_PICTURE_S: Final = 5.0
"""Without a frame for so many seconds there is no picture, and nobody has been seen since."""


class Occupancy:
    """Turns who is seen in single frames into a presence that does not flicker. No I/O, no clock.

    All times are those of one clock, in seconds.

    Attributes:
        present: Whether a person is present; None until one of the delays has passed.
        picture: Whether frames come; None until the first, or until none has come for long.
    """

    def __init__(self, now_s: float, present_after: float, absent_after: float) -> None:
        """Start without knowing anything.

        Args:
            now_s: Now.
            present_after: Seconds with a person in every frame before `present` becomes true.
            absent_after: Seconds without a person in any frame before it becomes false.
        """
        self.present: bool | None = None
        self._present_after = present_after
        self._absent_after = absent_after
        self.forget(now_s)

    def forget(self, now_s: float) -> None:
        """Forget the frames, but not what they led to: nobody has looked at them for a while.

        `present` stays until one of the delays has passed anew.
        """
        self.picture: bool | None = None
        self._seen: bool | None = None
        self._since_s = self._frame_s = now_s

    def see(self, now_s: float, somebody: bool) -> None:
        """Note a frame; `somebody` tells whether a person is in it."""
        if somebody is not self._seen:
            self._seen, self._since_s = somebody, now_s
        self._frame_s, self.picture = now_s, True
        self.advance(now_s)

    def advance(self, now_s: float) -> None:
        """Let time pass."""
        if now_s - self._frame_s >= NO_PICTURE_S:
            self.picture = False
            if self._seen is not False:
                self._seen, self._since_s = False, self._frame_s
        if self._seen is None or self._seen is self.present:
            return
        if now_s - self._since_s >= (self._present_after if self._seen else self._absent_after):
            self.present = self._seen
