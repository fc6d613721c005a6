"""One frame of a source: the image, its colour order, and the times of its exposure."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal, Protocol

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
        order: Order of the colours in memory, as the source gives it.
        captured_ns: Time of exposure on the monotonic clock, nanoseconds; for a file, the time at
            which it was handed over.
        index: Number of the frame in its source, from 0, frames that were skipped included.
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


class Lease(Protocol):
    """The right to read one frame until it is released."""

    @property
    def frame(self) -> Frame:
        """The leased frame; RuntimeError once the lease is released."""

    def release(self) -> None:
        """Give the frame's memory back for reuse; releasing twice does no harm."""
