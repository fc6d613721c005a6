"""A simulated camera that plays a video in real time and drops frames that are read too late."""

from __future__ import annotations

import time
from dataclasses import replace

from pose_edge.errors import EndOfStream
from pose_edge.frames import Frame, Image
from pose_edge.sources.source import Source
from pose_edge.sources.video import Video


class ClipCamera(Source):
    """Plays a video in a loop at a given frame rate, as a live source.

    A frame is exposed at a tick of the camera's clock and decoded after it, like the picture of a
    USB camera. If the reader is late and further ticks have passed, their frames are dropped.
    """

    def __init__(self, path: str, rate: float, frames: int) -> None:
        """Create the camera without opening the video.

        Args:
            path: The video.
            rate: Frames per second.
            frames: Number of ticks after which the stream ends.
        """
        self._video = Video(path, loop=True)
        self._frames = frames
        self._next = 0
        self._first_s: float | None = None
        self.frame_rate = rate

    def open(self) -> None:
        """Open the video; see `Source.open`."""
        self._video.open()
        self._next, self._first_s = 0, None

    def read(self, timeout: float, reuse: Image | None = None) -> Frame | None:
        """Return the frame of the next tick; see `Source.read`."""
        assert self.frame_rate is not None
        now_s = time.monotonic()
        if self._first_s is None:
            self._first_s = now_s
        tick = max(self._next, int((now_s - self._first_s) * self.frame_rate))
        due_s = self._first_s + tick / self.frame_rate
        if due_s > now_s:
            time.sleep(min(due_s - now_s, timeout))
            if time.monotonic() < due_s:
                return None
        if tick >= self._frames:
            raise EndOfStream
        frame = self._video.read(timeout, reuse)
        if frame is None:
            return None
        self._next = tick + 1
        return replace(
            frame,
            captured_ns=round(due_s * 1e9),
            index=tick,
            time=time.time() - (time.monotonic() - due_s),
            live=True,
        )

    def close(self) -> None:
        """Close the video; see `Source.close`."""
        self._video.close()

    def describe(self) -> str:
        """Return the file's name and the rate."""
        return f"{self._video.describe()} as a camera of {self.frame_rate:g} fps"
