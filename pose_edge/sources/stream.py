"""Network streams: RTSP, HTTP (also MJPEG), through FFmpeg.

They are read through PyAV rather than OpenCV: the FFmpeg in it is newer, says why a stream cannot
be had, gives each frame's own time, and keeps to the time limit when a server hangs.
"""

from __future__ import annotations

import logging
import time
from collections.abc import Iterator
from contextlib import suppress
from typing import Final

import av
import numpy as np
from av.container import InputContainer
from av.video.codeccontext import VideoCodecContext
from av.video.reformatter import VideoReformatter
from av.video.stream import VideoStream

from pose_edge.config.schema import CameraSettings
from pose_edge.errors import SourceError, SourceLost
from pose_edge.frames import Frame, Image
from pose_edge.sources.live import FrameMaker, LiveSource
from pose_edge.sources.pixels import fitting
from pose_edge.sources.stream_clock import StreamClock
from pose_edge.util.cores import usable_cores
from pose_edge.util.urls import redact

log = logging.getLogger(__name__)

PUNCTUAL: Final = frozenset(("rtsp", "rtp", "mpegts", "flv"))
"""Formats whose frames carry a time and are sent when they are taken. (The parts of an MJPEG stream
have no time of their own; HLS comes in pieces of seconds.)"""

MAX_BEHIND_NS: Final = 500_000_000
"""A stream that is further behind than this is not decoded any more until it has caught up."""
WAITED_NS: Final = 5_000_000
"""Who waits for a packet as long as this has taken all that had come."""


class Stream(LiveSource):
    """One network stream. It is read without a pause, so that no backlog builds up."""

    retry_s = 4.0

    def __init__(self, url: str, settings: CameraSettings) -> None:
        """Name the address."""
        self._url = url
        self._settings = settings
        self._frames = FrameMaker(settings.rotation)
        self._container: InputContainer | None = None
        self._decoded: Iterator[tuple[av.VideoFrame, int]] = iter(())
        self._clock = StreamClock()
        self._reformatter = VideoReformatter()
        self.frame_rate: float | None = None

    def open(self) -> None:
        """Connect; see `Source.open`."""
        self.close()
        started = time.monotonic()
        try:
            container = av.open(self._url, options=self._options(), timeout=self._settings.timeout)
        except (av.error.FFmpegError, OSError, ValueError) as error:
            reason = self._explain(error, time.monotonic() - started)
            raise SourceError(f"stream {self.describe()}: {reason}") from None
        self._container = container
        if not container.streams.video:
            self.close()
            raise SourceError(f"stream {self.describe()} carries no video")
        rate = container.streams.video[0].average_rate
        self.frame_rate = float(rate) if rate is not None and 0 < rate <= 1000 else None
        self._decoded = self._decode(container)

    def read(self, timeout: float, reuse: Image | None = None) -> Frame | None:
        """Get the next frame; see `Source.read`.

        The wait is limited by the settings' time limit: a read that was broken off earlier would
        lose the rest of a packet.
        """
        del timeout
        if self._container is None:
            raise SourceLost(f"stream {self.describe()} is not open")
        started = time.monotonic()
        try:
            decoded = next(self._decoded, None)
        except (av.error.FFmpegError, OSError, ValueError) as error:
            reason = self._explain(error, time.monotonic() - started)
            raise SourceLost(f"stream {self.describe()}: {reason}") from None
        if decoded is None:
            raise SourceLost(f"stream {self.describe()} has ended")
        frame, moment_ns = decoded
        image = self._convert(frame, self._frames.memory(reuse))
        return self._frames.make(image, "BGR", moment_ns, reuse)

    def close(self) -> None:
        """Disconnect."""
        self._decoded = iter(())
        if self._container is not None:
            container, self._container = self._container, None
            with suppress(av.error.FFmpegError):  # a server that is gone gets no farewell
                container.close()

    def describe(self) -> str:
        """Say which address, without user and password."""
        return redact(self._url)

    def _options(self) -> dict[str, str]:
        if not self._url.lower().startswith("rtsp"):
            return {}
        # The server has described the stream: frames need not be watched for that first.
        return {
            "rtsp_transport": self._settings.transport,
            "analyzeduration": "0",
            "fpsprobesize": "0",
        }

    def _decode(self, container: InputContainer) -> Iterator[tuple[av.VideoFrame, int]]:
        """Yield frames, each with the moment at which it was sent, on the monotonic clock.

        Where packets come faster than they can be decoded, they would pile up, in the network and
        in the camera. So those that are late are thrown away unread until one has to be waited
        for, and decoding goes on with the next picture that needs no other.
        """
        stream = container.streams.video[0]
        decoder: VideoCodecContext = stream.codec_context
        # FFmpeg would take every core, all of which inference needs too. Threads that share the
        # parts of one frame, as these do, add no delay.
        decoder.thread_type = "SLICE"
        decoder.thread_count = max(1, usable_cores() // 2)
        punctual = container.format.name in PUNCTUAL
        self._clock.reset()
        late = wait_for_key = False
        moments: dict[int | None, int] = {}
        asked_ns = time.monotonic_ns()
        for packet in container.demux(stream):
            now_ns = moment_ns = time.monotonic_ns()
            waited = now_ns - asked_ns > WAITED_NS
            if punctual and packet.pts is not None and packet.time_base is not None:
                if late and waited:
                    late = False
                    self._clock.reset()
                moment_ns = self._clock.moment_ns(float(packet.pts * packet.time_base), now_ns)
                if now_ns - moment_ns > MAX_BEHIND_NS and not late:
                    log.debug("%s is behind: passing frames over", self.describe())
                    late = wait_for_key = True
            if late or (wait_for_key and not packet.is_keyframe):
                self._frames.skip()
            else:
                wait_for_key = False
                moments = {packet.pts: moment_ns} if len(moments) > 100 else moments
                moments[packet.pts] = moment_ns
                for frame in self._frames_in(packet):
                    yield frame, moments.pop(frame.pts, moment_ns)
            asked_ns = time.monotonic_ns()

    def _frames_in(self, packet: av.Packet[VideoStream]) -> list[av.VideoFrame]:
        """Decode a packet; one that is damaged (UDP loses some) holds no frame."""
        try:
            return packet.decode()
        except av.error.InvalidDataError:
            self._frames.skip()
            return []

    def _convert(self, frame: av.VideoFrame, memory: Image | None) -> Image:
        """Copy a frame into the memory if it fits, as uint8 (height, width, 3) BGR."""
        packed = self._reformatter.reformat(frame, format="bgr24")
        plane = packed.planes[0]
        pixels = np.frombuffer(memoryview(plane), dtype=np.uint8)
        rows = pixels.reshape(packed.height, plane.line_size)
        image = fitting(memory, packed.width, packed.height)
        np.copyto(image.reshape(packed.height, -1), rows[:, : packed.width * 3])
        return image

    def _explain(self, error: Exception, seconds: float) -> str:
        """Say what went wrong, without the address that FFmpeg puts into its messages.

        Args:
            error: FFmpeg's; when the time is up it can be any.
            seconds: How long the call took.
        """
        limit_s = self._settings.timeout
        if isinstance(error, (av.error.HTTPUnauthorizedError, av.error.HTTPForbiddenError)):
            return "user or password is wrong or missing (rtsp://USER:PASSWORD@...)"
        if seconds >= limit_s * 0.95 or isinstance(error, av.error.TimeoutError):
            return f"no answer within {limit_s:g} s"
        if isinstance(error, av.error.EOFError):
            return "the connection was closed"
        if isinstance(error, av.error.ArgumentError) or not isinstance(error, av.error.FFmpegError):
            return "the address makes no sense"
        return f"{error.strerror}; is the address right, and the camera on the network?"
