"""One video file that is being written, playable whatever happens.

It is written in fragments of a second at most while it grows, so one that was cut off by a full
disk or the mains plays up to there; closed in order it becomes a plain MP4 (FFmpeg's
``hybrid_fragmented``).
"""

from __future__ import annotations

from fractions import Fraction
from typing import Final, NamedTuple

import av
import cv2
import numpy as np
from av.container import OutputContainer
from av.video.stream import VideoStream

from pose_edge.config.schema import RecordSettings
from pose_edge.sinks.segment_writer import SYNC_S
from pose_edge.sinks.video_file import VideoFile

TIME_BASE: Final = Fraction(1, 90_000)
FRAGMENT_S: Final = SYNC_S
MAX_FRAMES: Final = 500_000
"""FFmpeg keeps the table of a whole file in memory, 73 bytes a frame: 36 MB, after 4.6 hours at
30 frames per second."""


class Timed(NamedTuple):
    """A picture and its moment.

    Attributes:
        frame: rgb24 or bgr24, without a time.
        time_s: When it belongs, seconds; only differences matter.
    """

    frame: av.VideoFrame
    time_s: float


class Mp4:
    """Encodes pictures to H.264, with their own times; the first is at 0.

    See `OpenFile` for the attributes.
    """

    def __init__(
        self, descriptor: int, settings: RecordSettings, frame_rate: float, *, live: bool
    ) -> None:
        """Take an empty file.

        Args:
            descriptor: See `VideoFile`.
            settings: Quality and speed of the encoder.
            frame_rate: Usual pictures per second: decides how often the file can be cut.
            live: No picture waits in the encoder for later ones, and the mains may fail.
        """
        self._settings = settings
        self._frame_rate = frame_rate
        self._live = live
        self._file = VideoFile(descriptor, durable=live)
        self._container: OutputContainer | None = None
        self._stream: VideoStream | None = None
        self._size = (0, 0)
        self._start: float | None = None
        self._last_pts = -1
        self._frames = self._head = 0

    @property
    def size(self) -> int:
        """Bytes that it holds."""
        return self._file.size

    @property
    def unsynced(self) -> bool:
        """Whether something was written since the last `sync` began."""
        return self._file.unsynced

    @property
    def safe(self) -> int:
        """Bytes that a `sync` has brought to the disk, without the file's head."""
        return max(0, self._file.safe - self._head)

    @property
    def full(self) -> bool:
        """Whether it should take no more."""
        return self._live and self._frames >= MAX_FRAMES

    def write(self, item: Timed) -> None:
        """Encode a picture.

        Raises:
            OSError: It cannot be written.
        """
        frame = item.frame
        if self._stream is None or self._container is None:
            self._stream = self._begin(frame)
        assert self._container is not None
        if (frame.width, frame.height) != self._size:
            frame = letterbox(frame, *self._size)  # the camera came back with another size
        if self._start is None:
            self._start = item.time_s
        # Players want times that rise, whatever the wall clock does.
        self._last_pts = max(self._last_pts + 1, round((item.time_s - self._start) / TIME_BASE))
        frame.pts, frame.time_base = self._last_pts, TIME_BASE
        for packet in self._stream.encode(frame):
            self._container.mux(packet)
        if self._frames == 0:
            self._head = self._file.size
        self._frames += 1
        self._file.settle()
        self._raise_error()

    def sync(self) -> None:
        """Bring to the disk what was written."""
        self._file.sync()

    def finish(self, *, durable: bool) -> None:
        """End it in order and close it; see `OpenFile`."""
        container, stream = self._container, self._stream
        self._container = self._stream = None
        try:
            if container is not None and stream is not None:
                for packet in stream.encode():
                    container.mux(packet)
                container.close()
            self._raise_error()
            if durable:
                self._file.sync()
        finally:
            self._file.close()

    def _raise_error(self) -> None:
        if self._file.error is not None:
            raise self._file.error

    def _begin(self, frame: av.VideoFrame) -> VideoStream:
        options = {"movflags": "hybrid_fragmented"}
        if self._live:
            options["frag_duration"] = str(round(FRAGMENT_S * 1e6))
        self._container = av.open(self._file, "w", format="mp4", options=options)
        rate = Fraction(self._frame_rate).limit_denominator(1001)
        stream: VideoStream = self._container.add_stream("libx264", rate=rate)
        stream.width, stream.height = self._size = (frame.width, frame.height)
        # 4:2:0 needs even edges; rather a rarer format than another size.
        even = frame.width % 2 == 0 and frame.height % 2 == 0
        stream.pix_fmt = "yuv420p" if even else "yuv444p"
        stream.codec_context.time_base = TIME_BASE
        stream.codec_context.gop_size = max(1, round(self._frame_rate))  # a fragment a second
        stream.codec_context.options = {
            "preset": self._settings.preset,
            "crf": str(self._settings.quality),
            "bf": "0",  # no frame waits for a later one: a cut loses the least
            **({"tune": "zerolatency"} if self._live else {}),
        }
        return stream


def letterbox(frame: av.VideoFrame, width: int, height: int) -> av.VideoFrame:
    """Fit a picture into another size, black where it does not reach: people keep their shape.

    Args:
        frame: rgb24 or bgr24.
        width: Wanted pixels.
        height: Wanted pixels.

    Returns:
        A frame of that size.
    """
    factor = min(width / frame.width, height / frame.height)
    inner = (max(1, round(frame.width * factor)), max(1, round(frame.height * factor)))
    left, top = (width - inner[0]) // 2, (height - inner[1]) // 2
    canvas = np.zeros((height, width, 3), dtype=np.uint8)
    part = canvas[top : top + inner[1], left : left + inner[0]]
    part[:] = cv2.resize(frame.to_ndarray(), inner, interpolation=cv2.INTER_AREA)
    return av.VideoFrame.from_ndarray(canvas, format=frame.format.name)
