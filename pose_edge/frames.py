"""Frames of a source, and the lease that keeps a frame's memory from being reused."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Final, Literal, get_args

import numpy as np
from numpy.typing import NDArray

Image = NDArray[np.uint8]
"""A picture: uint8 (height, width, 3)."""

ColourOrder = Literal["RGB", "BGR"]

LONG_GAP_S: Final = 5.0
"""Time between two consecutive frames, in seconds, after which nobody knows who has stayed: the
camera was away. A slow machine takes a few seconds for a frame."""


@dataclass(frozen=True, slots=True)
class Frame:
    """One picture of a source.

    Attributes:
        image: uint8 (height, width, 3).
        order: Order of the colour channels in memory, as the source delivers them.
        captured_ns: Time of exposure on the monotonic clock, nanoseconds; for a file, the time at
            which the frame was read.
        index: Number of the frame in its source, from 0; skipped frames count.
        time: Time of exposure in Unix seconds; for a file, the frame's position in seconds.
        file: Name of the picture's file, for pictures and folders only.
        live: Whether the frame comes from a camera or stream, which does not wait for the reader.
        arrived_ns: Time at which decoding or copying of the frame began, on the monotonic clock,
            nanoseconds; None if the source does not report it.
        decoded_ns: Time at which decoding or copying ended; likewise.
        full_size: Width and height in pixels of the original picture if `image` was decoded at a
            smaller size because the picture is not displayed; else None.
        round: How often the file had started again before this frame, if it is played in a loop.
    """

    image: Image
    order: ColourOrder
    captured_ns: int
    index: int
    time: float
    file: str | None = None
    live: bool = False
    arrived_ns: int | None = None
    decoded_ns: int | None = None
    full_size: tuple[int, int] | None = None
    round: int = 0

    @property
    def width(self) -> int:
        """Width of the picture at full size, pixels."""
        return self.full_size[0] if self.full_size else int(self.image.shape[1])

    @property
    def height(self) -> int:
        """Height of the picture at full size, pixels."""
        return self.full_size[1] if self.full_size else int(self.image.shape[0])


class Lease:
    """The right to read one frame. After `release` the frame's memory may be reused."""

    __slots__ = ("_frame", "_release")

    def __init__(self, frame: Frame, release: Callable[[], None] = lambda: None) -> None:
        """Create the lease.

        Args:
            frame: The frame.
            release: Callback, called once when the lease is released.
        """
        self._frame: Frame | None = frame
        self._release = release

    @property
    def frame(self) -> Frame:
        """The leased frame; raises RuntimeError after `release`."""
        if self._frame is None:
            raise RuntimeError("the frame's lease was released")
        return self._frame

    def release(self) -> None:
        """Give the frame's memory back for reuse; a second call does nothing."""
        frame, self._frame = self._frame, None
        if frame is not None:
            self._release()


def fitting_memory(reuse: Image | None, shape: tuple[int, int, int]) -> Image:
    """Return `reuse` if it is a C-contiguous array of that shape, else a new array."""
    if reuse is not None and reuse.shape == shape and reuse.flags["C_CONTIGUOUS"]:
        return reuse
    return np.empty(shape, dtype=np.uint8)


def checked_image(image: Any) -> Image:  # noqa: ANN401 - a caller may give anything
    """Check a picture and return it C-contiguous; it is copied only if necessary.

    Args:
        image: uint8 (height, width, 3).

    Raises:
        TypeError: `image` is not a numpy array of uint8.
        ValueError: `image` has another shape.
    """
    if not isinstance(image, np.ndarray):
        kind = type(image).__name__
        raise TypeError(f"image must be a numpy array, not {kind}; numpy.asarray may convert it")
    if image.dtype != np.uint8:
        raise TypeError(f"image must be of uint8, 0...255, not of {image.dtype}")
    if image.ndim != 3 or image.shape[2] != 3 or 0 in image.shape:
        raise ValueError(f"image must have the shape (height, width, 3), not {image.shape}")
    return np.ascontiguousarray(image)


def check_order(order: ColourOrder) -> None:
    """Raise ValueError unless `order` is a known order of colour channels."""
    if order not in get_args(ColourOrder):
        raise ValueError(f"order must be 'BGR' or 'RGB', not {order!r}")
