"""Network streams: RTSP, HTTP (also MJPEG), through FFmpeg.

PyAV reads them rather than OpenCV: its FFmpeg is newer, gives the reason why a stream cannot be
opened, gives each frame's own time, and keeps its time limits when a server hangs.
"""

from __future__ import annotations

import logging
import time
from collections.abc import Iterator
from typing import Any, Final

import av
import numpy as np
from av.container import InputContainer
from av.video.codeccontext import VideoCodecContext
from av.video.reformatter import VideoReformatter

from pose_edge.config.schema import CameraSettings
from pose_edge.errors import SourceError, SourceLost
from pose_edge.frames import Frame, Image
from pose_edge.sources.frame_maker import FrameMaker
from pose_edge.sources.source import Source
from pose_edge.util.cores import usable_cores
from pose_edge.util.urls import redact

log = logging.getLogger(__name__)

TIMED_FORMATS: Final = frozenset(("rtsp", "rtp", "mpegts", "flv"))
"""Formats whose packets carry a time and are sent as soon as they are made. (The parts of an MJPEG
stream have no time; HLS comes in pieces of several seconds.)"""

MAX_BEHIND_NS: Final = 500_000_000
"""A stream further behind than this is not decoded until it has caught up."""
WAITED_NS: Final = 5_000_000
"""A packet that took at least this long to come was not waiting in a buffer: the stream has caught
up."""
NO_PICTURE_S: Final = 60.0
"""Some cameras send a key frame every 20 s only. After this long without a picture, packets or not,
connecting again is more promising."""
MAX_DRIFT: Final = 200e-6
"""How fast two clocks may drift apart: 200 ppm, twice what a cheap crystal does."""

Decoded = tuple[av.VideoFrame, int]
"""A frame, and when it was sent, on the monotonic clock, nanoseconds."""


class StreamClock:
    """Converts a stream's own times into times on the monotonic clock.

    Each frame takes another time through the network. The fastest one gives the offset between the
    two clocks; how much later another frame arrives is its delay. The time that even the fastest
    frame took (exposure, encoder, network) cannot be known and is not counted.
    """

    def __init__(self) -> None:
        """Take the first frame as not delayed."""
        self._offset_ns: int | None = None
        self._last_ns = 0

    def moment_ns(self, position_s: float, arrival_ns: int) -> int:
        """Return when a frame was sent, at or before its arrival.

        Args:
            position_s: The frame's own time in the stream, seconds.
            arrival_ns: When it arrived, on the monotonic clock (as the result), nanoseconds.
        """
        position_ns = round(position_s * 1e9)
        offset_ns = arrival_ns - position_ns
        if self._offset_ns is not None:
            drifted_ns = self._offset_ns + round((arrival_ns - self._last_ns) * MAX_DRIFT)
            offset_ns = min(offset_ns, drifted_ns)
        self._offset_ns, self._last_ns = offset_ns, arrival_ns
        return position_ns + offset_ns

    def reset(self) -> None:
        """Take the next frame as not delayed: the stream's own times have jumped."""
        self._offset_ns = None


class Stream(Source):
    """A network stream, read without a pause so that no backlog builds up.

    FFmpeg limits each call to `camera.timeout`, also when a server hangs: `read` and `close` always
    return. (`open` may also wait for the name server, as long as the system's resolver does.)
    """

    retry_s = 4.0

    def __init__(self, url: str, settings: CameraSettings) -> None:
        """Prepare the stream at an address, with user and password where the camera needs them."""
        self._url = url
        self._settings = settings
        self._frames = FrameMaker(settings.rotation)
        self._container: InputContainer | None = None
        self._decoded: Iterator[Decoded | None] = iter(())
        self._clock = StreamClock()
        self._reformatter = VideoReformatter()
        self._last_picture = 0.0

    def open(self) -> None:
        """Connect; see `Source.open`."""
        self.close()
        started = time.monotonic()
        try:
            container = av.open(self._url, options=self._options(), timeout=self._settings.timeout)
        except (av.error.FFmpegError, OSError, ValueError) as error:
            raise self._error(SourceError, error, time.monotonic() - started) from None
        self._container = container
        if not container.streams.video:
            self.close()
            raise SourceError(f"stream {self.describe()} carries no video")
        rate = container.streams.video[0].average_rate
        self.frame_rate = float(rate) if rate is not None and 0 < rate <= 1000 else None
        self._decoded = self._decode(container)
        self._last_picture = time.monotonic()

    def read(self, timeout: float, reuse: Image | None = None) -> Frame | None:
        """Return the next frame; see `Source.read`.

        None also means that packets came, but were skipped or damaged.
        """
        if self._container is None:
            raise SourceLost(f"stream {self.describe()} is not open")
        started = time.monotonic()
        while (decoded := self._next_decoded()) is None:
            now = time.monotonic()
            if now - self._last_picture > NO_PICTURE_S:
                reason = f"no packet could be decoded for {NO_PICTURE_S:g} s"
                raise SourceLost(f"stream {self.describe()}: {reason}")
            if now - started >= timeout:
                return None
        self._last_picture = time.monotonic()
        frame, moment_ns = decoded
        image = self._convert(frame, reuse)
        return self._frames.make(image, "BGR", moment_ns, reuse)

    def close(self) -> None:
        """Disconnect; see `Source.close`."""
        container, self._container = self._container, None
        if container is not None:
            container.close()
        self._decoded = iter(())

    def describe(self) -> str:
        """Return the address without user and password."""
        return redact(self._url)

    def _options(self) -> dict[str, str]:
        if not self._url.lower().startswith("rtsp"):
            return {}
        # The server has described the stream: no frames need to be analysed first.
        return {
            "rtsp_transport": self._settings.transport,
            "analyzeduration": "0",
            "fpsprobesize": "0",
        }

    def _next_decoded(self) -> Decoded | None:
        """Take one packet and return the frame in it, if any; raise SourceLost at the end."""
        started = time.monotonic()
        try:
            return next(self._decoded)
        except StopIteration:
            raise SourceLost(f"stream {self.describe()} has ended") from None
        except (av.error.FFmpegError, OSError, ValueError) as error:
            raise self._error(SourceLost, error, time.monotonic() - started) from None

    def _decode(self, container: InputContainer) -> Iterator[Decoded | None]:
        """Yield the frame of each packet, or None for a packet without one.

        Packets that come faster than they can be decoded would pile up, in the network and in the
        camera. So late ones are skipped undecoded until the next one has to be waited for;
        decoding goes on with the next key frame.
        """
        stream = container.streams.video[0]
        decoder: VideoCodecContext = stream.codec_context
        # FFmpeg would take every core, but inference needs them too. Threads that share the parts
        # of one frame, as these do, add no delay.
        decoder.thread_type = "SLICE"
        decoder.thread_count = max(1, usable_cores() // 2)
        timed = container.format.name in TIMED_FORMATS
        self._clock.reset()
        late = wait_for_key = False
        moments: dict[int | None, int] = {}
        asked_ns = time.monotonic_ns()
        # All streams: with the video alone, no call would return while only sound comes.
        for packet in container.demux():
            now_ns = moment_ns = time.monotonic_ns()
            if late and now_ns - asked_ns > WAITED_NS:
                late = False
                self._clock.reset()
            if packet.stream.index != stream.index:
                yield None
                asked_ns = time.monotonic_ns()
                continue
            if timed and packet.pts is not None and packet.time_base is not None:
                moment_ns = self._clock.moment_ns(float(packet.pts * packet.time_base), now_ns)
                if now_ns - moment_ns > MAX_BEHIND_NS and not late:
                    log.debug("%s is behind: skipping frames", self.describe())
                    late = wait_for_key = True
            if late or (wait_for_key and not packet.is_keyframe):
                self._frames.skip()
                yield None
            else:
                wait_for_key = False
                moments = {packet.pts: moment_ns} if len(moments) > 100 else moments
                moments[packet.pts] = moment_ns
                frames = self._frames_in(packet)
                for frame in frames:
                    yield frame, moments.pop(frame.pts, moment_ns)
                if not frames:
                    yield None
            asked_ns = time.monotonic_ns()

    def _frames_in(self, packet: av.Packet[Any]) -> list[av.VideoFrame]:
        """Decode a packet; a damaged one (UDP loses some) holds no frame."""
        try:
            return packet.decode()
        except av.error.InvalidDataError:
            self._frames.skip()
            return []

    def _convert(self, frame: av.VideoFrame, reuse: Image | None) -> Image:
        """Copy a frame into memory of its own, as uint8 (height, width, 3) BGR."""
        packed = self._reformatter.reformat(frame, format="bgr24")
        plane = packed.planes[0]
        pixels = np.frombuffer(memoryview(plane), dtype=np.uint8)
        rows = pixels.reshape(packed.height, plane.line_size)
        image = self._frames.memory(reuse, packed.width, packed.height)
        np.copyto(image.reshape(packed.height, -1), rows[:, : packed.width * 3])
        return image

    def _error(self, kind: type[SourceError], error: Exception, seconds: float) -> SourceError:
        """Return an error without the address that FFmpeg puts into its messages.

        After a call of `seconds`, as long as the time limit, FFmpeg's error can be any.
        """
        limit_s = self._settings.timeout
        remedy = None
        if isinstance(error, (av.error.HTTPUnauthorizedError, av.error.HTTPForbiddenError)):
            reason = "user or password is wrong or missing (rtsp://USER:PASSWORD@...)"
        elif seconds >= limit_s * 0.95 or isinstance(error, av.error.TimeoutError):
            reason = f"no answer within {limit_s:g} s"
        elif isinstance(error, av.error.EOFError):
            reason = "the connection was closed"
        elif isinstance(error, av.error.ArgumentError) or not isinstance(
            error, av.error.FFmpegError
        ):
            reason = "the address is not valid"
        else:
            reason = error.strerror or type(error).__name__
            remedy = "is the address right, and the camera on the network?"
        return kind(f"stream {self.describe()}: {reason}", remedy=remedy)
