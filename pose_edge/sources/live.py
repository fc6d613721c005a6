"""What live sources have in common: numbers, times and rotation of their frames."""

from __future__ import annotations

from typing import Final

import cv2
import numpy as np

from pose_edge.frames import ColourOrder, Frame, Image
from pose_edge.sources.wall_clock import WallClock

ROTATIONS: Final = {
    90: cv2.ROTATE_90_CLOCKWISE,
    180: cv2.ROTATE_180,
    270: cv2.ROTATE_90_COUNTERCLOCKWISE,
}


class LiveSource:
    """A source whose frames come at their own pace; see `pose_edge.sources.Source`."""

    live = True
    still = False
    frame_count: int | None = None
    retry_s = 1.0


class FrameMaker:
    """Makes frames of the pictures of one live source, across all its openings."""

    def __init__(self, rotation: int) -> None:
        """Turn pictures by 0, 90, 180 or 270 degrees clockwise."""
        self._rotation = ROTATIONS.get(rotation)
        self._upright: Image | None = None
        self._clock = WallClock()
        self._index = 0

    def memory(self, reuse: Image | None) -> Image | None:
        """Return the memory to put the next picture into, before it is turned.

        Args:
            reuse: What `Source.read` was given.
        """
        return reuse if self._rotation is None else self._upright

    def skip(self) -> None:
        """Count a frame that was given up for a newer one, or was damaged."""
        self._index += 1

    def make(
        self, image: Image, order: ColourOrder, captured_ns: int, reuse: Image | None
    ) -> Frame:
        """Make the next frame.

        Args:
            image: uint8 (height, width, 3), as the camera gave it.
            order: Its order of colours.
            captured_ns: Time of its exposure on the monotonic clock.
            reuse: What `Source.read` was given.
        """
        if self._rotation is not None:
            self._upright = image
            image = np.asarray(cv2.rotate(image, self._rotation, dst=reuse), dtype=np.uint8)
        time_s = self._clock.unix_seconds(captured_ns)
        frame = Frame(image, order, captured_ns, self._index, time_s)
        self._index += 1
        return frame
