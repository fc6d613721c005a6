"""Video files: every frame, in order, with its own time."""

from __future__ import annotations

import time
from pathlib import Path

import cv2
import numpy as np

from pose_edge.errors import EndOfStream, SourceError
from pose_edge.frames import Frame, Image
from pose_edge.sources.source import Source
from pose_edge.util.cores import usable_cores


class Video(Source):
    """A video file, read by FFmpeg through OpenCV."""

    live = False

    def __init__(self, path: str, *, loop: bool = False) -> None:
        """Prepare a file; with `loop`, start it again when it ends."""
        self._path = path
        self._loop = loop
        self._capture: cv2.VideoCapture | None = None
        self._index = 0
        self._in_round = 0
        self._round_start = 0.0
        self._position = 0.0

    def open(self) -> None:
        """Open the file; see `Source.open`."""
        self._index = self._in_round = 0
        self._round_start = self._position = 0.0
        self._open_capture()

    def _open_capture(self) -> None:
        self.close()
        # By default the decoder starts a thread for every core, but inference needs them too.
        threads = max(1, usable_cores() // 2)
        capture = cv2.VideoCapture(self._path, cv2.CAP_FFMPEG, [cv2.CAP_PROP_N_THREADS, threads])
        if not capture.isOpened():
            capture.release()
            raise SourceError(f"{self._path} is not a video that can be read")
        capture.set(cv2.CAP_PROP_ORIENTATION_AUTO, 1)  # phones store videos rotated
        self._capture = capture
        rate = capture.get(cv2.CAP_PROP_FPS)
        count = int(capture.get(cv2.CAP_PROP_FRAME_COUNT))
        self.frame_rate = rate if 0 < rate < 1000 else None
        self.frame_count = count if count > 0 and not self._loop else None

    def read(self, timeout: float, reuse: Image | None = None) -> Frame | None:
        """Return the next frame; see `Source.read`."""
        del timeout
        if self._capture is None:
            raise RuntimeError("the video is not open")
        # OpenCV puts the frame into the memory if it fits, else into new memory.
        ok, image = self._capture.read(reuse)
        if not ok:
            if self._index == 0:
                raise SourceError(f"{self._path} is a video without a frame that can be read")
            if not self._loop or self._in_round == 0:
                raise EndOfStream
            self._round_start = self._position + self._interval()
            self._in_round = 0
            self._open_capture()
            return None
        picture = np.asarray(image, dtype=np.uint8)
        frame = Frame(picture, "BGR", time.monotonic_ns(), self._index, self._next_position())
        self._index += 1
        self._in_round += 1
        return frame

    def close(self) -> None:
        """Close the file; see `Source.close`."""
        if self._capture is not None:
            self._capture.release()
            self._capture = None

    def describe(self) -> str:
        """Return the file's name."""
        return Path(self._path).name

    def _next_position(self) -> float:
        """Return the time of the frame just read, in seconds; it never runs backwards."""
        assert self._capture is not None
        position = self._round_start + self._capture.get(cv2.CAP_PROP_POS_MSEC) / 1000
        if self._in_round > 0 and position <= self._position:  # a file without usable time stamps
            position = self._position + self._interval()
        self._position = position
        return position

    def _interval(self) -> float:
        return 1 / (self.frame_rate or 30.0)
