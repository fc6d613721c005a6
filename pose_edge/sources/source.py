"""The interface of all sources."""

from __future__ import annotations

from abc import abstractmethod
from typing import Protocol

from pose_edge.frames import Frame, Image
from pose_edge.sources.demand import FrameDemand


class Source(Protocol):
    """A camera, a network stream, a video or pictures.

    Only the capture thread calls `open`, `read` and `close`, so a source needs no locks and is
    never closed while it is being read. A call that hangs blocks only that thread. The supervisor
    then abandons the thread and starts another one with another source object, which opens the
    device as soon as that is possible.

    Attributes:
        live: Whether frames come at the source's own pace and are lost if they are not read.
        still: Whether the frames are unrelated still pictures.
        frame_rate: Frames per second; None where unknown.
        frame_count: Number of frames; None where unknown or endless.
        retry_s: Longest wait between two attempts to open the source again, seconds.
        missing: Description, for users, of what could not be read from a file so far, e.g. "3 of
            300 frames are damaged"; None if nothing is missing.
        demand: Predicts when the next frame is wanted; set before `open`, None where unknown. A
            live source may skip the decoding of unwanted pictures; they count as skipped frames.
    """

    live: bool = True
    still: bool = False
    frame_rate: float | None = None
    frame_count: int | None = None
    retry_s: float = 1.0
    missing: str | None = None
    demand: FrameDemand | None = None

    @abstractmethod
    def open(self) -> None:
        """Open the device or file; allowed again after `close`.

        Raises:
            SourceError: The source cannot be opened.
        """

    @abstractmethod
    def read(self, timeout: float, reuse: Image | None = None) -> Frame | None:
        """Return the next frame.

        Args:
            timeout: Longest wait, seconds. Files ignore it. A stream that sends nothing may block
                for up to `camera.timeout` instead, as FFmpeg cannot resume an interrupted read.
            reuse: Memory for the frame, uint8 (height, width, 3), used if it fits.

        Returns:
            The frame, or None if no frame came in time or it had to be skipped.

        Raises:
            EndOfStream: There are no more frames.
            SourceLost: The device is gone or silent.
        """

    @abstractmethod
    def close(self) -> None:
        """Close the device or file; closing it twice is allowed."""

    @abstractmethod
    def describe(self) -> str:
        """Return a description of the source for users, without passwords."""
