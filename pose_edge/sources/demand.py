"""Prediction of when the next frame is wanted, so that unused camera pictures are not decoded.

The inference thread takes the newest frame whenever it has finished one. A faster camera delivers
pictures in between, and decoding them would be wasted work.
"""

from __future__ import annotations

import time
from collections import deque
from collections.abc import Callable
from typing import Final

from pose_edge.frames import Frame

RECENT_FRAMES: Final = 16
"""Number of recent frames over which the reader's shortest time per frame is taken. That time
predicts when the reader wants the next one: a picture that is ready too early is only slightly
older, but one that is late makes the model wait."""
LEARNING: Final = 0.25
"""Weight of the newest decoding time in the moving average."""
MARGIN: Final = 1.3
"""Factor on the average decoding time. Decoding starts that long, plus `SLACK_S`, before the frame
is wanted: a reader that does not find it ready takes an older one, if there is one."""
SLACK_S: Final = 0.001
"""Additional time before the frame is wanted, seconds."""
LATE: Final = 1.25
"""Factor on the reader's expected time per frame, after which a late reader gets a newer frame."""


LEAST_SHRINK: Final = 1.5
"""Least number of decoded pixels, along a side, per pixel of the model's input when a picture is
decoded at reduced size; with fewer, poses become less accurate."""
SCALES: Final = (4, 2)
"""Divisors of a JPEG's width and height at which it can be decoded at almost no extra cost."""


class FrameDemand:
    """Predicts when the reader of a source will want a frame, and at what resolution.

    The reader calls `wait_begins` and `taken`; the source asks `due_in` and decodes with `decode`.
    While no frames are taken, or while the reader waits for one, every picture is due at once.

    Attributes:
        every_picture: Whether every picture is due at once, because a display also shows pictures
            that the reader does not take.
        visible: Whether the frames that are taken are also displayed, and so must be decoded at
            full size. Otherwise only the model uses them.
        shrink: `Estimate.shrink` of the last frame.
        left_out: Number of pictures that arrived but were not decoded, because a newer one arrived
            before they were due.
    """

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        """Create the demand of a reader that waits; `clock` returns the current time, seconds."""
        self.every_picture = False
        self.visible = True
        self.shrink = 1.0
        self.left_out = 0
        self._clock = clock
        self._taken_s: float | None = None
        self._reader_s = deque[float](maxlen=RECENT_FRAMES)
        self._shortest_s = 0.0
        self._decoding_s = 0.0
        self._supplied = False

    def wait_begins(self) -> None:
        """Record that the reader is waiting for a frame."""
        taken_s, self._taken_s = self._taken_s, None
        if taken_s is not None:
            self._reader_s.append(self._clock() - taken_s)
            self._shortest_s = min(self._reader_s)

    def taken(self) -> None:
        """Record that the reader has taken a frame and starts to process it."""
        self._supplied = False
        self._taken_s = self._clock()

    def due_in(self) -> float:
        """Return in how many seconds the newest picture should be decoded; 0 means now.

        One picture is decoded just in time for the reader's next request. Newer ones would not be
        ready by then; they are due only if the reader itself is late.
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
        """Divisor of a JPEG's width and height at which to decode it: 1, 2 or 4."""
        if self.visible or self.every_picture:
            return 1
        return next((part for part in SCALES if self.shrink >= LEAST_SHRINK * part), 1)

    def decode(self, make: Callable[[], Frame | None]) -> Frame | None:
        """Decode a picture that is due, and measure how long that takes.

        Args:
            make: Decodes the picture; returns its frame, or None if it is damaged, so that another
                picture is due in its place.

        Returns:
            The result of `make`.
        """
        start_s = self._clock()
        frame = make()
        self._decoding_s += LEARNING * (self._clock() - start_s - self._decoding_s)
        self._supplied = self._supplied or frame is not None
        return frame
