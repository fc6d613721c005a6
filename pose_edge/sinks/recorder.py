"""A video of what is shown, playable whatever happens.

The file is written in fragments of a second while it grows, so one that was cut off by a full disk
or the mains plays up to there; closed in order it becomes a plain MP4 (FFmpeg's
``hybrid_fragmented``).
"""

from __future__ import annotations

from collections.abc import Callable
from fractions import Fraction
from pathlib import Path
from typing import Final

import av
import cv2
import numpy as np
from av.container import OutputContainer
from av.video.stream import VideoStream

from pose_edge.errors import UsageError
from pose_edge.frames import ColourOrder, Image
from pose_edge.settings import RecordSettings
from pose_edge.sinks.target import check_target
from pose_edge.sinks.video_file import VideoFile
from pose_edge.sinks.worker import Worker

TIME_BASE: Final = Fraction(1, 90_000)
QUEUE_LENGTH: Final = 8


class Recorder:
    """Encodes pictures to H.264 in MP4, with their own times."""

    def __init__(
        self,
        path: str,
        settings: RecordSettings,
        *,
        frame_rate: float | None,
        drop: bool,
        report: Callable[[str], None],
    ) -> None:
        """Name the file.

        Args:
            path: The file, overwritten when the first picture comes.
            settings: Quality and speed of the encoder.
            frame_rate: Usual pictures per second, where known: decides how often the file can be
                cut.
            drop: See `Worker`.
            report: Told why it ended early.
        """
        self._path = path
        self._settings = settings
        self._frame_rate = frame_rate or 30.0
        self._container: OutputContainer | None = None
        self._stream: VideoStream | None = None
        self._file: VideoFile | None = None
        self._size = (0, 0)
        self._start: float | None = None
        self._last_pts = -1
        self._drop = drop
        self._report = report
        self._worker: Worker[av.VideoFrame] | None = None

    @property
    def failed(self) -> str | None:
        """Why it gave up, or None."""
        return self._worker.failed if self._worker else None

    def open(self) -> None:
        """Make sure that the file can be written, and get ready.

        Raises:
            OutputError: It cannot.
            UsageError: The name is not that of an MP4 file.
        """
        if Path(self._path).suffix.lower() != ".mp4":
            raise UsageError(f"cannot record to {self._path}: the name must end in .mp4")
        check_target(self._path, "a recording")
        self._worker = Worker(
            f"recording {self._path}",
            self._encode,
            self._finish,
            capacity=QUEUE_LENGTH,
            drop=self._drop,
            report=self._report,
        )

    def add(self, image: Image, order: ColourOrder, time_s: float) -> None:
        """Queue a picture.

        Args:
            image: uint8 (height, width, 3), copied.
            order: Its order of colours.
            time_s: When it belongs, seconds; only differences matter.
        """
        assert self._worker is not None
        if self._worker.failed is not None:
            return
        frame = av.VideoFrame.from_ndarray(image, format="rgb24" if order == "RGB" else "bgr24")
        if self._start is None:
            self._start = time_s
        # Players want times that rise, whatever the wall clock does.
        self._last_pts = max(self._last_pts + 1, round((time_s - self._start) / TIME_BASE))
        frame.pts, frame.time_base = self._last_pts, TIME_BASE
        self._worker.put(frame)

    def close(self) -> None:
        """Encode what is left and finish the file."""
        if self._worker is not None:
            self._worker.close()

    def _encode(self, frame: av.VideoFrame) -> None:
        if self._stream is None or self._container is None:
            self._stream = self._start_file(frame)
        assert self._container is not None
        if (frame.width, frame.height) != self._size:
            frame = letterbox(frame, *self._size)  # the camera came back with another size
        for packet in self._stream.encode(frame):
            self._container.mux(packet)
        self._raise_file_error()

    def _raise_file_error(self) -> None:
        if self._file is not None and self._file.error is not None:
            raise self._file.error

    def _start_file(self, frame: av.VideoFrame) -> VideoStream:
        self._file = VideoFile(self._path)
        self._container = av.open(
            self._file, "w", format="mp4", options={"movflags": "hybrid_fragmented"}
        )
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
        }
        return stream

    def _finish(self) -> None:
        container, stream, file = self._container, self._stream, self._file
        self._container = self._stream = None
        if container is None or stream is None or file is None:
            return
        try:
            for packet in stream.encode():
                container.mux(packet)
            container.close()
            self._raise_file_error()
        finally:
            file.close()


def letterbox(frame: av.VideoFrame, width: int, height: int) -> av.VideoFrame:
    """Fit a picture into another size, black where it does not reach: people keep their shape.

    Args:
        frame: rgb24 or bgr24.
        width: Wanted pixels.
        height: Wanted pixels.

    Returns:
        A frame of that size and of the same time.
    """
    factor = min(width / frame.width, height / frame.height)
    inner = (max(1, round(frame.width * factor)), max(1, round(frame.height * factor)))
    left, top = (width - inner[0]) // 2, (height - inner[1]) // 2
    canvas = np.zeros((height, width, 3), dtype=np.uint8)
    part = canvas[top : top + inner[1], left : left + inner[0]]
    part[:] = cv2.resize(frame.to_ndarray(), inner, interpolation=cv2.INTER_AREA)
    fitted = av.VideoFrame.from_ndarray(canvas, format=frame.format.name)
    fitted.pts, fitted.time_base = frame.pts, frame.time_base
    return fitted
