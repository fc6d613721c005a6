"""Record what is displayed as H.264 in MP4, playable whatever happens.

While a file grows, it is written in fragments of at most a second, so a file that was cut off by a
full disk or a power cut plays up to there. Closing it properly makes it a plain MP4 (FFmpeg's
``hybrid_fragmented``).
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from fractions import Fraction
from typing import TYPE_CHECKING, Final, TypeAlias

import cv2
import numpy as np

from pose_edge.config.outputs import RecordSettings, StorageSettings
from pose_edge.frames import ColourOrder, Image
from pose_edge.sinks.file_sink import FileSink
from pose_edge.sinks.name_pattern import RECORDING_SUFFIX
from pose_edge.sinks.segment_file import SegmentFile
from pose_edge.sinks.segment_writer import SYNC_S
from pose_edge.supervision.supervisor import Supervisor

if TYPE_CHECKING:
    import av
    from av.container import OutputContainer
    from av.video.stream import VideoStream

    from pose_edge.sinks.sound import Sound

QUEUE_LENGTH: Final = 8
"""Most pictures that may wait to be encoded."""
USUAL_FPS: Final = 30.0
"""Frame rate that is assumed for a source that does not report one."""
TIME_BASE: Final = Fraction(1, 90_000)
"""Unit of the pictures' times, seconds."""
FRAGMENT_S: Final = SYNC_S
"""Longest fragment of a live file, seconds."""
MAX_PAUSE: Final = 2**31 - 1
"""Longest time between two pictures of a file, in units of `TIME_BASE`: 6.6 hours. MP4 cannot hold
more; after a longer pause a new file begins."""
MAX_DISORDER_S: Final = 1.0
"""Largest backward step of times that counts as disorder, seconds. After a larger one,
e.g. when a clip is played again, the times are shifted so that they continue."""
MAX_FRAMES: Final = 500_000
"""Most pictures in a live file. FFmpeg keeps the index of a file in memory, 73 bytes per frame:
36 MB after 4.6 hours at 30 frames per second."""

Recorder: TypeAlias = "FileSink[[Image, ColourOrder, float], Picture, RecordSettings]"


def recorder(
    settings: RecordSettings,
    storage: StorageSettings | None,
    *,
    frame_rate: float | None,
    report: Callable[[str | None], None],
    supervisor: Supervisor | None = None,
    replace: bool = False,
    sound_of: str | None = None,
) -> Recorder:
    """Return a sink that records pictures to MP4 files.

    Its `send` takes the arguments of `copied_picture`. See `FileSink` for the arguments;
    `frame_rate` is the usual number of pictures per second, if known, and sets the interval of key
    frames to one second. `sound_of` is the video file of the pictures, if its sound is to be
    copied.
    """
    return FileSink(
        "recording",
        copied_picture,
        lambda file, options: Mp4(file, options, frame_rate or USUAL_FPS, sound_of),
        settings,
        storage,
        capacity=QUEUE_LENGTH,
        report=report,
        supervisor=supervisor,
        replace=replace,
        suffix=RECORDING_SUFFIX,
    )


@dataclass(frozen=True, slots=True)
class Picture:
    """A picture to record.

    Attributes:
        image: uint8 (height, width, 3), C-contiguous, which nothing else changes.
        order: Order of the colour channels.
        pts: Time of the picture, in `TIME_BASE`.
    """

    image: Image
    order: ColourOrder
    pts: int


def copied_picture(image: Image, order: ColourOrder, time_s: float) -> Picture:
    """Return a copy of a picture for the encoder.

    Args:
        image: uint8 (height, width, 3).
        order: Order of the colour channels.
        time_s: Time of the picture, seconds; only differences matter.
    """
    return Picture(np.array(image, order="C"), order, round(time_s / TIME_BASE))


class Mp4:
    """Encodes pictures to H.264 with their own times; the first is at 0. An `Encoder`.

    Attributes:
        file: The output file. If it is live, the encoder holds no picture back.
    """

    def __init__(
        self,
        file: SegmentFile,
        settings: RecordSettings,
        frame_rate: float,
        sound_of: str | None = None,
    ) -> None:
        """Initialise the encoder of an empty file; see `recorder` for the frame rate and sound."""
        self.file = file
        self._sound_of = sound_of
        self._sound: Sound | None = None
        self._settings = settings
        self._frame_rate = frame_rate
        self._container: OutputContainer | None = None
        self._stream: VideoStream | None = None
        self._size = (0, 0)
        self._origin = 0
        self._last_pts = -1
        self._frames = 0

    def takes(self, item: Picture) -> bool:
        """Return whether the file's index and range of times can hold a picture; see `Encoder`."""
        if self._frames == 0:
            return True
        full = self.file.live and self._frames >= MAX_FRAMES
        return not full and item.pts - self._origin - self._last_pts <= MAX_PAUSE

    def write(self, item: Picture) -> None:
        """Encode a picture; see `Encoder.write`."""
        # FFmpeg is loaded here, in the sink's thread: loading takes seconds on a slow machine, and
        # without a recording a run does not need it.
        import av

        pixel_format = "rgb24" if item.order == "RGB" else "bgr24"
        frame = av.VideoFrame.from_numpy_buffer(item.image, pixel_format)
        if self._stream is None:
            self._stream = self._begin(frame)
            self._origin = item.pts
            self._begin_sound()
        if (frame.width, frame.height) != self._size:
            frame = letterbox(frame, *self._size)  # the camera came back with another size
        self._last_pts = self._rising(item.pts)
        frame.pts, frame.time_base = self._last_pts, TIME_BASE
        self._encode(frame)
        if self._frames == 0:
            self.file.head = self.file.size
        self._frames += 1
        if self._sound is not None:
            self._sound.write_until(float(self._last_pts * TIME_BASE))
        self.file.settle()

    def finish(self) -> None:
        """Flush the encoder, and write the index of the file; see `Encoder.finish`."""
        self._close_container()
        self.file.settle()

    def _encode(self, frame: av.VideoFrame | None) -> None:
        """Encode and write a frame, or what the encoder holds back.

        The packets refer to the encoder. As local variables of `write`, whose frame lives on in the
        traceback of a failure, they would keep the encoder with its threads.
        """
        assert self._container is not None
        assert self._stream is not None
        for packet in self._stream.encode(frame):
            self._container.mux(packet)

    def _close_container(self) -> None:
        """Close the file for FFmpeg, and free the encoder with its threads."""
        if self._container is None:
            return
        try:
            self._encode(None)
            if self._sound is not None:
                self._sound.finish(float(self._last_pts * TIME_BASE) + 1 / self._frame_rate)
            self._container.close()
        finally:
            self._container = self._stream = None

    def _begin_sound(self) -> None:
        if self._sound_of is None:
            return
        from pose_edge.sinks.sound import open_sound

        self._sound = open_sound(self._sound_of)
        if self._sound is not None:
            assert self._container is not None
            self._sound.begin(self._container, float(self._origin * TIME_BASE))

    def _rising(self, pts: int) -> int:
        """Return the time of a picture in the file, in `TIME_BASE`: players need rising times."""
        if pts - self._origin < self._last_pts - round(MAX_DISORDER_S / TIME_BASE):
            usual = round(1 / self._frame_rate / TIME_BASE)
            self._origin = pts - self._last_pts - usual
        return max(self._last_pts + 1, pts - self._origin)

    def _begin(self, frame: av.VideoFrame) -> VideoStream:
        import av

        options = {"movflags": "hybrid_fragmented"}
        if self.file.live:
            options["frag_duration"] = str(round(FRAGMENT_S * 1e6))
        self._container = av.open(self.file, "w", format="mp4", options=options)
        rate = Fraction(self._frame_rate).limit_denominator(1001)
        stream: VideoStream = self._container.add_stream("libx264", rate=rate)
        stream.width, stream.height = self._size = (frame.width, frame.height)
        # 4:2:0 needs even sizes. A rarer pixel format is better than another size.
        even = frame.width % 2 == 0 and frame.height % 2 == 0
        stream.pix_fmt = "yuv420p" if even else "yuv444p"
        stream.codec_context.time_base = TIME_BASE
        stream.codec_context.gop_size = max(1, round(self._frame_rate))  # a fragment per second
        stream.codec_context.options = {
            "preset": self._settings.preset,
            "crf": str(self._settings.quality),
            "bf": "0",  # no B-frames, which wait for later frames: a cut loses the least
            **({"tune": "zerolatency"} if self.file.live else {}),
        }
        return stream


def letterbox(frame: av.VideoFrame, width: int, height: int) -> av.VideoFrame:
    """Scale an rgb24 or bgr24 picture to fit a size in pixels, and pad it with black bars."""
    import av

    factor = min(width / frame.width, height / frame.height)
    inner = (max(1, round(frame.width * factor)), max(1, round(frame.height * factor)))
    left, top = (width - inner[0]) // 2, (height - inner[1]) // 2
    canvas = np.zeros((height, width, 3), dtype=np.uint8)
    part = canvas[top : top + inner[1], left : left + inner[0]]
    part[:] = cv2.resize(frame.to_ndarray(), inner, interpolation=cv2.INTER_AREA)
    return av.VideoFrame.from_ndarray(canvas, format=frame.format.name)
