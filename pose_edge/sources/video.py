"""Video files: every frame, in order, with its own time."""

from __future__ import annotations

import logging
import time
from collections.abc import Iterator
from pathlib import Path

import av

from pose_edge.errors import EndOfStream, SourceError
from pose_edge.frames import Frame, Image
from pose_edge.sources.frame_converter import FrameConverter
from pose_edge.sources.source import Source
from pose_edge.sources.timeline import Timeline
from pose_edge.sources.video_file import VideoFile

log = logging.getLogger(__name__)


class Video(Source):
    """A video file, as FFmpeg's player shows it: upright, with square pixels.

    The size of the frames may change within a file.

    Attributes:
        duration_s: Length that the file states, seconds; None where unknown. Sound may be longer
            than the picture.
    """

    live = False

    def __init__(self, path: str, *, loop: bool = False) -> None:
        """Create the source of a file; with `loop`, playback starts again at the end."""
        self.duration_s: float | None = None
        self._path = path
        self._loop = loop
        self._file: VideoFile | None = None
        self._frames: Iterator[av.VideoFrame | None] = iter(())
        self._ahead: av.VideoFrame | None = None
        self._converter = FrameConverter()
        self._timeline = Timeline(1.0)
        self._start_s: float | None = None
        self._index = self._first_of_round = self._round = 0
        self._reported: str | None = None

    def open(self) -> None:
        """Open the file; see `Source.open`."""
        self._index = self._round = 0
        self.missing = self._reported = None
        file = self._open_file()
        self.frame_rate = file.frame_rate
        self.frame_count = None if self._loop else file.frame_count
        self.duration_s = file.duration_s
        self._timeline = Timeline(1 / file.frame_rate)

    def _open_file(self) -> VideoFile:
        self.close()
        self._file = file = VideoFile(self._path)
        self._frames, self._ahead = file.frames(), None
        self._start_s = None
        self._first_of_round = self._index
        return file

    def read(self, timeout: float, reuse: Image | None = None) -> Frame | None:
        """Return the next frame; see `Source.read`.

        None means that a part of the file has only sound, or that the file starts again.
        """
        del timeout
        file = self._file
        if file is None:
            raise RuntimeError("the video is not open")
        try:
            decoded = self._ahead or next(self._frames)
        except StopIteration:
            self._end_round(file)
            return None
        finally:
            self.missing = file.missing or self._reported
        self._ahead = None
        if decoded is None:
            return None
        try:
            image = self._converter.convert(decoded, file.pixel_aspect, reuse)
        except av.error.FFmpegError as error:
            kind = f"frames of the format {decoded.format.name} cannot be shown"
            raise SourceError(f"{self._path}: {kind} ({error.strerror})") from error
        position_s, next_s = self._position_s(file, decoded), None
        # After the conversion: decoding another frame first would evict this one from the caches.
        if self._timeline.doubts(position_s):
            self._ahead = next(self._frames, None)
            next_s = None if self._ahead is None else self._position_s(file, self._ahead)
        jumps = self._timeline.jumps
        time_s = self._timeline.place(position_s, next_s)
        if self._timeline.jumps > jumps:
            log.info(
                "%s: its clock jumps at %.2f s; the frames go on without a gap",
                self.describe(),
                time_s,
            )
        read_ns = time.monotonic_ns()
        frame = Frame(image, "BGR", read_ns, self._index, time_s, round=self._round)
        self._index += 1
        return frame

    def close(self) -> None:
        """Close the file; see `Source.close`."""
        if self._file is not None:
            self._file.close()
            self._file = None

    def describe(self) -> str:
        """Return the file's name."""
        return Path(self._path).name

    def _end_round(self, file: VideoFile) -> None:
        """Start the file again if it is played in a loop.

        Raises:
            EndOfStream: The file is not played in a loop, or its last round had no frame.
            SourceError: The file has no frame that can be read.
        """
        if self._index == 0:
            reason = f" ({file.missing})" if file.missing else ""
            raise SourceError(f"{self._path} is a video without a frame that can be read{reason}")
        if file.missing and file.missing != self._reported:
            self._reported = file.missing
            if self._loop:  # otherwise the reader of the source reports it at the end
                log.warning("%s: %s", self.describe(), file.missing)
        if not self._loop or self._index == self._first_of_round:
            raise EndOfStream
        self._open_file()
        self._round += 1
        self._timeline.restart()

    def _position_s(self, file: VideoFile, frame: av.VideoFrame) -> float | None:
        """Return a frame's time in the file, seconds from the file's beginning, or None.

        The beginning is the time of the first frame that was decoded or, if frames before it are
        lost, the start time that the file gives.
        """
        time_s = file.time_s(frame)
        if self._start_s is None:
            self._start_s = file.start_s if file.missing and file.start_s is not None else time_s
        return None if time_s is None or self._start_s is None else time_s - self._start_s
