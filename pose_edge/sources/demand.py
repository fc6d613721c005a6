"""When the next picture of a camera is wanted, so that none is decoded that nobody will see.

The inference thread takes the newest frame whenever it has finished one. A camera that is faster
brings pictures in the meantime that would be decoded for nothing.
"""

from __future__ import annotations

import time
from collections import deque
from collections.abc import Callable
from typing import Final

from pose_edge.frames import Frame

KEPT: Final = 16
"""Of so many last frames the one that took the reader the shortest says when the next is wanted.
A picture that is ready too early is a little older; one that is late lets the model wait."""
LEARNING: Final = 0.25
"""Weight of the newest duration of decoding in their mean."""
MARGIN: Final = 1.3
SLACK_S: Final = 0.001
"""A picture is due this many times the mean duration of decoding, and this long, before it is
wanted: a reader that finds it not ready takes an older one, if there is one."""
LATE: Final = 1.25
"""When the reader takes this many times as long as is expected, it gets a newer picture."""


LEAST_SHRINK: Final = 1.5
"""Pixels of a picture, along a side, that a pixel of the model's input spans at least when the
picture is decoded at a part of its size: with fewer, poses become less accurate."""
SCALES: Final = (4, 2)
"""A JPEG is decoded at a quarter or half of its width and height nearly for nothing."""


class FrameDemand:
    """Predicts when the reader of a source will want a frame, and in how many pixels.

    The reader calls `wait_begins` and `taken`; the source asks `due_in`, and decodes by `decode`.
    As long as nobody takes frames, or the reader waits for one, every picture is due at once.

    Attributes:
        every_picture: Whether every picture is due at once, because somebody besides the reader
            sees them.
        visible: Whether somebody sees the pictures of the frames that are taken; they are decoded
            at their full size. Otherwise the model alone does.
        shrink: See `Estimate.shrink`, of the last frame.
        left_out: Number of pictures that came and were not decoded, because a newer one came before
            they were due.
    """

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        """Begin with a reader that waits; `clock` gives seconds."""
        self.every_picture = False
        self.visible = True
        self.shrink = 1.0
        self.left_out = 0
        self._clock = clock
        self._taken_s: float | None = None
        self._reader_s = deque[float](maxlen=KEPT)
        self._shortest_s = 0.0
        self._decoding_s = 0.0
        self._supplied = False

    def wait_begins(self) -> None:
        """Note that the reader wants a frame now."""
        taken_s, self._taken_s = self._taken_s, None
        if taken_s is not None:
            self._reader_s.append(self._clock() - taken_s)
            self._shortest_s = min(self._reader_s)

    def taken(self) -> None:
        """Note that the reader has taken a frame, and will be at work on it for a while."""
        self._supplied = False
        self._taken_s = self._clock()

    def due_in(self) -> float:
        """Return in how many seconds the newest picture is to be decoded; 0 for now.

        One picture is due in time to be ready when the reader is expected back. Newer ones would
        come too late for that; they are due only if the reader is late itself.
        """
        taken_s = self._taken_s
        if taken_s is None or self.every_picture:
            return 0.0
        if self._supplied:
            due_s = LATE * self._shortest_s
        else:
            due_s = self._shortest_s - MARGIN * self._decoding_s - SLACK_S
        return max(0.0, taken_s + due_s - self._clock())

    @property
    def scale(self) -> int:
        """1, or the part, 2 or 4, of a JPEG's width and height at which it is to be decoded."""
        if self.visible or self.every_picture:
            return 1
        return next((part for part in SCALES if self.shrink >= LEAST_SHRINK * part), 1)

    def decode(self, make: Callable[[], Frame | None]) -> Frame | None:
        """Decode a picture that is due, and note how long that takes.

        Args:
            make: Returns the frame; None for a damaged picture, in place of which another is due.
        """
        start_s = self._clock()
        frame = make()
        self._decoding_s += LEARNING * (self._clock() - start_s - self._decoding_s)
        self._supplied = self._supplied or frame is not None
        return frame
