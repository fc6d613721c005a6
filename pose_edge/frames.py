"""One frame of a source, and the lease under which it is read."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Literal

import numpy as np
from numpy.typing import NDArray

Image = NDArray[np.uint8]
"""uint8 (height, width, 3)."""

ColourOrder = Literal["RGB", "BGR"]


@dataclass(frozen=True, slots=True)
class Frame:
    """One picture of a source.

    Attributes:
        image: uint8 (height, width, 3).
        order: Order of the colours in memory, as the source delivers it.
        captured_ns: Time of exposure on the monotonic clock, nanoseconds; for a file, the time at
            which the frame was read.
        index: Number of the frame in its source, from 0, counting skipped frames too.
        time: Time of exposure in Unix seconds; for a file, its position in seconds.
        file: Name of the picture's file, for pictures and folders only.
    """

    image: Image
    order: ColourOrder
    captured_ns: int
    index: int
    time: float
    file: str | None = None

    @property
    def width(self) -> int:
        """Width in pixels."""
        return int(self.image.shape[1])

    @property
    def height(self) -> int:
        """Height in pixels."""
        return int(self.image.shape[0])


class Lease:
    """The right to read one frame until it is released, after which its memory is reused."""

    __slots__ = ("_frame", "_release")

    def __init__(self, frame: Frame, release: Callable[[], None] = lambda: None) -> None:
        """Lease a frame.

        Args:
            frame: The frame.
            release: Called once, when the lease is released.
        """
        self._frame: Frame | None = frame
        self._release = release

    @property
    def frame(self) -> Frame:
        """The leased frame; RuntimeError once the lease is released."""
        if self._frame is None:
            raise RuntimeError("the frame's lease was released")
        return self._frame

    def release(self) -> None:
        """Give the frame's memory back for reuse; releasing twice does no harm."""
        frame, self._frame = self._frame, None
        if frame is not None:
            self._release()
