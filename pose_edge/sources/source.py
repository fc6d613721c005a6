"""What every source does."""

from __future__ import annotations

from abc import abstractmethod
from typing import Protocol

from pose_edge.frames import Frame, Image
from pose_edge.sources.demand import FrameDemand


class Source(Protocol):
    """A camera, a network stream, a video or pictures.

    Only the capture thread calls `open`, `read` and `close`: a source needs no locks and is never
    closed while it is being read. A call that hangs stops that thread only. The supervisor then
    gives the thread up and starts another one, with another source object, which opens the device
    as soon as that is possible.

    Attributes:
        live: Whether frames come at the source's own pace and are lost when they are not read.
        still: Whether the frames are pictures that have nothing to do with each other.
        frame_rate: Frames per second, None where unknown.
        frame_count: Number of frames, None where unknown or endless.
        retry_s: Longest wait between two attempts to open the source again, seconds.
        missing: What of a file could not be read so far, in words for people, e.g. "3 of 300
            frames are damaged"; None when nothing is missing.
        demand: When the next frame is wanted, set before `open`; None where nobody knows. A live
            source may leave pictures undecoded that are not wanted, and counts them as skipped.
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
        """Open the device or file, also again after `close`.

        Raises:
            SourceError: The source cannot be opened.
        """

    @abstractmethod
    def read(self, timeout: float, reuse: Image | None = None) -> Frame | None:
        """Return the next frame.

        Args:
            timeout: Seconds to wait. Files ignore it. A stream that sends nothing may take up to
                `camera.timeout` instead, as FFmpeg cannot resume an interrupted read.
            reuse: Memory for the frame, uint8 (height, width, 3), used if it fits.

        Returns:
            The frame, or None when no frame came in time or it had to be skipped.

        Raises:
            EndOfStream: There are no more frames.
            SourceLost: The device is gone or silent.
        """

    @abstractmethod
    def close(self) -> None:
        """Close the device or file; closing twice does no harm."""

    @abstractmethod
    def describe(self) -> str:
        """Return what the source is, for people, without passwords."""
