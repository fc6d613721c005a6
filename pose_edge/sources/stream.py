"""Network streams read by FFmpeg: RTSP, RTMP, MPEG-TS. For HTTP, see also `http_camera`.

PyAV is used instead of OpenCV: its FFmpeg is newer, reports why a stream cannot be opened, gives
each frame's own time, and keeps its time limits when a server hangs.
"""

from __future__ import annotations

import errno
import logging
import socket
import time
from collections.abc import Iterator
from http.client import HTTPException
from typing import Any, Final
from urllib.parse import urlsplit

import av
from av.container import InputContainer

from pose_edge.config.schema import CameraSettings
from pose_edge.errors import SourceError, SourceLost
from pose_edge.frames import Frame, Image
from pose_edge.sources.ffmpeg import open_container, pixel_aspect, set_up_decoder
from pose_edge.sources.ffmpeg_memory import bound_memory
from pose_edge.sources.frame_converter import FrameConverter
from pose_edge.sources.frame_maker import FrameMaker
from pose_edge.sources.http_connection import HttpResponse
from pose_edge.sources.network_errors import (
    NETWORK,
    NO_PICTURE_S,
    Reason,
    explain_os_error,
    explain_status,
    explain_unresolved,
)
from pose_edge.sources.pixels import MAX_PIXELS
from pose_edge.sources.source import Source
from pose_edge.sources.stream_clock import StreamClock
from pose_edge.util.urls import redact

log = logging.getLogger(__name__)

TIMED_FORMATS: Final = frozenset(("rtsp", "rtp", "mpegts", "flv"))
"""Formats whose packets carry a time and are sent as soon as they are made. (The parts of an MJPEG
stream have no time; HLS comes in segments of several seconds.)"""

MAX_BEHIND_NS: Final = 500_000_000
"""Delay of a stream, nanoseconds, above which its frames are dropped until it has caught up."""
CATCH_UP_NS: Final = 2_000_000_000
"""Time, nanoseconds, for which the dropped frames of a backlog are still decoded, so that the
picture can continue at once. A longer backlog is too much for the decoder: it is skipped up to the
next key frame."""
WAITED_NS: Final = 5_000_000
"""Wait for a packet, nanoseconds, above which the packet was not in a buffer: the stream has caught
up."""
NAMED_SCHEMES: Final = frozenset(("rtsp", "rtsps", "rtmp", "tcp"))
"""Schemes whose addresses name the host to connect to."""
HTTP_STATUS: Final[dict[type[Exception], int]] = {
    av.error.HTTPBadRequestError: 400,
    av.error.HTTPUnauthorizedError: 401,
    av.error.HTTPForbiddenError: 403,
    av.error.HTTPNotFoundError: 404,
    av.error.HTTPServerError: 500,
}
"""Status code of HTTP or RTSP, by FFmpeg's error."""

Decoded = tuple[av.VideoFrame, int]
"""A frame, and the time it was sent, on the monotonic clock, nanoseconds."""


class Stream(Source):
    """A network stream, read continuously so that no backlog builds up.

    FFmpeg limits each call to `camera.timeout`, even when a server hangs, so `read` and `close`
    always return. (`open` may also wait as long as the system's resolver does.)
    """

    retry_s = 4.0

    def __init__(
        self, url: str, settings: CameraSettings, *, frames: FrameMaker | None = None
    ) -> None:
        """Create the source.

        Args:
            url: Address of the stream, with user and password where the camera needs them.
            settings: Time limit, transport and rotation.
            frames: Frame maker to share with another source of the same camera; None for a new one.
        """
        self._url = url
        self._settings = settings
        self._frames = frames or FrameMaker(settings.rotation)
        self._answer: HttpResponse | None = None
        self._container: InputContainer | None = None
        self._decoded: Iterator[Decoded | None] = iter(())
        self._clock = StreamClock()
        self._converter = FrameConverter()
        self._size = 0, 0
        self._last_picture = 0.0

    def open(self) -> None:
        """Connect; see `Source.open`."""
        self.close()
        self._resolve()
        self._open(self._url)

    def open_answer(self, answer: HttpResponse) -> None:
        """Open the content of an HTTP response, which is closed with the stream.

        Raises:
            SourceError: The content is not a video.
        """
        self.close()
        self._answer = answer
        self._open(answer)

    @property
    def is_open(self) -> bool:
        """Whether the stream can be read."""
        return self._container is not None

    def _open(self, file: str | HttpResponse) -> None:
        bound_memory()
        started = time.monotonic()
        try:
            container = open_container(
                file, options=self._options(), timeout=self._settings.timeout
            )
        except (av.error.FFmpegError, OSError, ValueError, HTTPException) as error:
            self.close()
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

        None may also mean that packets came, but were skipped or damaged.
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
        try:
            image = self._convert(frame, reuse)
        except (av.error.FFmpegError, ValueError, MemoryError) as error:
            self._frames.skip_damaged(f"{type(error).__name__} in its conversion")
            return None
        return self._frames.make(image, "BGR", moment_ns, reuse)

    def close(self) -> None:
        """Disconnect; see `Source.close`."""
        container, self._container = self._container, None
        if container is not None:
            container.close()
        answer, self._answer = self._answer, None
        if answer is not None:
            answer.close()
        self._decoded = iter(())

    def describe(self) -> str:
        """Return the address without user and password."""
        return redact(self._url)

    def _options(self) -> dict[str, str]:
        if not self._url.lower().startswith("rtsp"):
            return {}
        # The server has described the stream, so FFmpeg need not analyse frames first.
        return {
            "rtsp_transport": self._settings.transport,
            "analyzeduration": "0",
            "fpsprobesize": "0",
        }

    def _next_decoded(self) -> Decoded | None:
        """Return the next frame, or None for a packet without one; raise SourceLost at the end."""
        started = time.monotonic()
        try:
            return next(self._decoded)
        except StopIteration:
            raise SourceLost(f"stream {self.describe()} has ended") from None
        except (av.error.FFmpegError, OSError, ValueError, HTTPException) as error:
            raise self._error(SourceLost, error, time.monotonic() - started) from None

    def _decode(self, container: InputContainer) -> Iterator[Decoded | None]:
        """Yield the frame of each packet, or None for a packet without one.

        Packets that come faster than they are read pile up in the network and in the camera, and
        are late. Their frames are dropped until the next packet has to be waited for.
        """
        stream = container.streams.video[0]
        # Threads that work on parts of the same frame add no delay.
        set_up_decoder(stream.codec_context, "SLICE", MAX_PIXELS)
        timed = container.format.name in TIMED_FORMATS
        self._clock.reset()
        late_since: int | None = None
        wait_for_key = False
        moments: dict[int | None, int] = {}
        asked_ns = time.monotonic_ns()
        # All streams are read: with video alone, the call would block while only sound comes.
        for packet in container.demux():
            now_ns = moment_ns = time.monotonic_ns()
            if late_since is not None and now_ns - asked_ns > WAITED_NS:
                late_since = None
                self._clock.reset()
            if packet.stream.index != stream.index:
                yield None
                asked_ns = time.monotonic_ns()
                continue
            if timed and packet.pts is not None and packet.time_base is not None:
                moment_ns = self._clock.moment_ns(float(packet.pts * packet.time_base), now_ns)
                if now_ns - moment_ns > MAX_BEHIND_NS and late_since is None:
                    log.debug("%s is behind: dropping frames", self.describe())
                    late_since = now_ns
            wait_for_key |= late_since is not None and now_ns - late_since > CATCH_UP_NS
            if wait_for_key and (late_since is not None or not packet.is_keyframe):
                self._frames.skip()
                yield None
            else:
                wait_for_key = False
                moments = {packet.pts: moment_ns} if len(moments) > 100 else moments
                moments[packet.pts] = moment_ns
                frames = self._frames_in(packet)
                for frame in frames:
                    moment_ns = moments.pop(frame.pts, moment_ns)
                    if late_since is None:
                        yield frame, moment_ns
                    else:
                        self._frames.skip()
                if not frames or late_since is not None:
                    yield None
            asked_ns = time.monotonic_ns()

    def _frames_in(self, packet: av.Packet[Any]) -> list[av.VideoFrame]:
        """Decode a packet; return no frames for a damaged one (UDP loses some)."""
        try:
            return packet.decode()
        except (av.error.InvalidDataError, av.error.ArgumentError) as error:
            self._frames.skip_damaged(error.strerror or type(error).__name__)
            return []

    def _convert(self, frame: av.VideoFrame, reuse: Image | None) -> Image:
        """Convert a frame to upright BGR with square pixels, in memory of its own."""
        assert self._container is not None
        aspect = pixel_aspect(self._container.streams.video[0])
        memory = self._frames.memory(reuse, *self._size)
        image = self._converter.convert(frame, aspect, memory)
        self._size = image.shape[1], image.shape[0]
        return image

    def _resolve(self) -> None:
        """Raise SourceError if the host's name cannot be resolved; FFmpeg's error is unspecific."""
        try:
            parts = urlsplit(self._url)
            host = parts.hostname
            if host and parts.scheme in NAMED_SCHEMES:
                socket.getaddrinfo(host, None)
        except ValueError:
            raise self._fault(SourceError, "the address is not valid", None) from None
        except OSError:
            raise self._fault(SourceError, *explain_unresolved(host or "")) from None

    def _error(self, kind: type[SourceError], error: Exception, seconds: float) -> SourceError:
        """Translate an FFmpeg error, without the address that FFmpeg writes into its messages.

        Args:
            kind: Class of the result.
            error: Error of an FFmpeg call.
            seconds: Duration of that call. Near the time limit, the error is unspecific and counts
                as a timeout.
        """
        limit_s = self._settings.timeout
        parts = urlsplit(self._url)
        status = next((n for fault, n in HTTP_STATUS.items() if isinstance(error, fault)), None)
        reason: Reason
        if status is not None:
            reason = explain_status(status, parts.path)
        elif isinstance(error, av.error.HTTPClientError):
            reason = "the server refuses with a 4xx error of its own", None
        elif getattr(error, "errno", None) == errno.EPROTONOSUPPORT:  # RTSP status 461
            other = "tcp" if self._settings.transport == "udp" else "udp"
            reason = (
                f"the camera does not send by {self._settings.transport}",
                f"`--set camera.transport={other}`",
            )
        elif seconds >= limit_s * 0.95 or isinstance(error, TimeoutError):
            reason = f"no answer within {limit_s:g} s", NETWORK
        elif isinstance(error, (av.error.EOFError, HTTPException)):
            reason = "the connection was closed", None
        elif isinstance(error, av.error.InvalidDataError):
            reason = "what it sends is not a video that can be read", None
        elif isinstance(error, OSError) and not isinstance(error, av.error.ArgumentError):
            reason = explain_os_error(error, parts.hostname or "", parts.port, limit_s)
        else:
            reason = "the address is not valid", None
        return self._fault(kind, *reason)

    def _fault(self, kind: type[SourceError], reason: str, remedy: str | None) -> SourceError:
        remedy = remedy if kind is SourceError else None  # once opened, the settings are right
        return kind(f"stream {self.describe()}: {reason}", remedy=remedy)
