"""Creation of the frames of live sources, with their numbers, times and rotation."""

from __future__ import annotations

import logging
import time
from collections.abc import Callable
from typing import Final

import cv2
import numpy as np

from pose_edge.frames import ColourOrder, Frame, Image, fitting_memory
from pose_edge.util.text import counted

log = logging.getLogger(__name__)

ROTATIONS: Final = {
    90: cv2.ROTATE_90_CLOCKWISE,
    180: cv2.ROTATE_180,
    270: cv2.ROTATE_90_COUNTERCLOCKWISE,
}
CLOCK_STEP_NS: Final = 50_000_000
"""Change of the wall clock's offset, nanoseconds, above which the clock must have been set, perhaps
from the network (a Pi has no battery for its clock). Smaller corrections are ignored, as they would
only make the frames' times jitter."""


def clock_offset() -> int:
    """Return the wall clock minus the monotonic clock, nanoseconds."""
    return time.time_ns() - time.monotonic_ns()


class FrameMaker:
    """Creates the frames of one live source, numbered across all its openings.

    Attributes:
        damaged: Number of damaged pictures so far.
    """

    def __init__(self, rotation: int, *, offset_ns: Callable[[], int] = clock_offset) -> None:
        """Create the frame maker; its first frame has number 0.

        Args:
            rotation: Clockwise rotation of the pictures: 0, 90, 180 or 270 degrees.
            offset_ns: Returns the offset of the clocks, as `clock_offset` does.
        """
        self._rotation = ROTATIONS.get(rotation)
        self._sideways = rotation in (90, 270)
        self._upright: Image | None = None
        self._read_offset = offset_ns
        self._offset_ns = offset_ns()
        self._index = 0
        self._arrived_ns: int | None = None
        self.damaged = 0

    def begin(self) -> None:
        """Record that decoding or copying of the next picture begins; `memory` calls this too."""
        self._arrived_ns = time.monotonic_ns()

    def memory(self, reuse: Image | None, width: int, height: int) -> Image:
        """Return memory for the next picture before its rotation, uint8 (height, width, 3).

        It is `reuse` (as given to `Source.read`) if its shape fits and no rotation is needed.
        """
        self.begin()
        memory = reuse if self._rotation is None else self._upright
        return fitting_memory(memory, (height, width, 3))

    def skip(self) -> None:
        """Count a frame that was dropped in favour of a newer one."""
        self._index += 1

    def skip_damaged(self, reason: str) -> None:
        """Count a damaged picture and log the reason.

        Cameras often start with a few damaged pictures, so only large counts are warnings.
        """
        self._index += 1
        self.damaged += 1
        many = self.damaged >= 10 and str(self.damaged).strip("0") == "1"  # 10, 100, 1000 ...
        level = logging.WARNING if many else logging.DEBUG
        log.log(level, "%s skipped, the last: %s", counted(self.damaged, "damaged picture"), reason)

    def make(
        self,
        image: Image,
        order: ColourOrder,
        captured_ns: int,
        reuse: Image | None,
        full_size: tuple[int, int] | None = None,
    ) -> Frame:
        """Create the next frame.

        Args:
            image: Picture before rotation, uint8 (height, width, 3).
            order: Order of its colour channels.
            captured_ns: Time of its exposure on the monotonic clock, nanoseconds.
            reuse: Memory for the rotated picture, as given to `Source.read`.
            full_size: `Frame.full_size` before rotation: width and height, pixels.
        """
        if self._rotation is not None:
            self._upright = image
            image = np.asarray(cv2.rotate(image, self._rotation, dst=reuse), dtype=np.uint8)
        if full_size is not None and self._sideways:
            full_size = full_size[::-1]
        offset_ns = self._read_offset()
        if abs(offset_ns - self._offset_ns) > CLOCK_STEP_NS:
            self._offset_ns = offset_ns
        time_s = (captured_ns + self._offset_ns) / 1e9
        frame = Frame(
            image,
            order,
            captured_ns,
            self._index,
            time_s,
            live=True,
            arrived_ns=self._arrived_ns,
            decoded_ns=time.monotonic_ns(),
            full_size=full_size,
        )
        self._index += 1
        return frame
