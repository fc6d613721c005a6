"""What cameras and network streams have in common when OpenCV reads them."""

from __future__ import annotations

import time
from abc import ABC, abstractmethod
from typing import Final

import cv2
import numpy as np

from pose_edge.errors import SourceLost
from pose_edge.frames import Frame, Image, WallClock
from pose_edge.settings import CameraSettings
from pose_edge.sources.opencv import read_into

ROTATIONS: Final = {
    90: cv2.ROTATE_90_CLOCKWISE,
    180: cv2.ROTATE_180,
    270: cv2.ROTATE_90_COUNTERCLOCKWISE,
}


class LiveCapture(ABC):
    """A source whose frames come at their own pace. The subclass makes the capture."""

    live = True
    still = False
    frame_count: int | None = None

    def __init__(self, settings: CameraSettings) -> None:
        """Keep what is asked of the source."""
        self._settings = settings
        self._capture: cv2.VideoCapture | None = None
        self._raw: Image | None = None
        self._clock = WallClock()
        self._index = 0
        self.frame_rate: float | None = None

    def open(self) -> None:
        """Open it; see `Source.open`."""
        self.close()
        self._capture = self._make_capture()
        rate = self._capture.get(cv2.CAP_PROP_FPS)
        self.frame_rate = rate if 0 < rate <= 1000 else None

    def read(self, timeout: float, reuse: Image | None = None) -> Frame | None:
        """Get the next frame; see `Source.read`.

        The wait is limited by the limit that the capture was opened with.
        """
        del timeout
        if self._capture is None:
            raise SourceLost(f"{self.describe()} is not open")
        rotation = ROTATIONS.get(self._settings.rotation)
        try:
            ok, image = read_into(self._capture, reuse if rotation is None else self._raw)
        except cv2.error as error:
            raise SourceLost(f"{self.describe()}: reading failed: {error.err}") from error
        now_ns = time.monotonic_ns()
        if not ok:
            raise SourceLost(f"{self.describe()} gives no more frames")
        captured_ns = self._exposure_ns(now_ns)
        if rotation is not None:
            self._raw = image
            image = np.asarray(cv2.rotate(image, rotation, dst=reuse), dtype=np.uint8)
        frame = Frame(image, "BGR", captured_ns, self._index, self._clock.unix_seconds(captured_ns))
        self._index += 1
        return frame

    def close(self) -> None:
        """Close it."""
        if self._capture is not None:
            self._capture.release()
            self._capture = None

    @abstractmethod
    def describe(self) -> str:
        """Say what it is."""

    @abstractmethod
    def _make_capture(self) -> cv2.VideoCapture:
        """Open the device or connection, or raise SourceError."""

    def _exposure_ns(self, now_ns: int) -> int:
        """Return when the frame just read was taken, on the monotonic clock."""
        return now_ns
