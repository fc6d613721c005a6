"""Cameras that are read over HTTP: MJPEG, one JPEG for each request, or a stream for FFmpeg."""

from __future__ import annotations

import http.client
import logging
import time
from typing import TYPE_CHECKING, Final
from urllib.parse import urlsplit

from pose_edge.config.schema import CameraSettings
from pose_edge.errors import SourceError, SourceLost
from pose_edge.frames import Frame, Image
from pose_edge.sources.demand import FrameDemand
from pose_edge.sources.frame_maker import FrameMaker
from pose_edge.sources.http_connection import HttpResponse
from pose_edge.sources.http_get import get
from pose_edge.sources.jpeg_feeds import Jpeg, JpegFeed, PartsFeed, SnapshotFeed
from pose_edge.sources.multipart import MalformedStream
from pose_edge.sources.network_errors import NO_PICTURE_S, explain_os_error
from pose_edge.sources.orientation import SIDEWAYS, jpeg_orientation, turned_upright
from pose_edge.sources.pixels import DamagedPicture, decode_jpeg, jpeg_size, reduced
from pose_edge.sources.source import Source
from pose_edge.util.text import one_line
from pose_edge.util.urls import redact

if TYPE_CHECKING:
    from pose_edge.sources.stream import Stream

log = logging.getLogger(__name__)

JPEG_TYPES: Final = frozenset(("image/jpeg", "image/jpg", "image/pjpeg"))
JPEG_START: Final = b"\xff\xd8\xff"
PLAYLIST_START: Final = b"#EXTM3U"


class HttpCamera(Source):
    """A camera with an address that begins with http:// or https://.

    The server's response decides how the camera is read:

    * MJPEG (multipart) is parsed here. FFmpeg would decode every outdated picture, treat a part
      without a picture as the end of the stream, and trust any announced length.
    * For a single JPEG, the address is requested again, `camera.snapshot_fps` times a second.
    * Anything else is read by FFmpeg (see `Stream`) through the same connection. A playlist or
      file, for which FFmpeg needs several connections, is opened by its address.

    With MJPEG, `read` waits for data no longer than its timeout. Connecting, and requesting a
    single JPEG, may take up to `camera.timeout` plus the time that the system's resolver needs.
    """

    retry_s = 4.0

    def __init__(self, url: str, settings: CameraSettings) -> None:
        """Create the source; `url` includes user and password where the camera needs them."""
        self._url = url
        self._settings = settings
        self.demand: FrameDemand = FrameDemand()
        self._frames = FrameMaker(settings.rotation)
        self._stream: Stream | None = None
        self._feed: JpegFeed | None = None
        self._held: Jpeg | None = None
        self._last_sign = self._last_picture = 0.0
        self._damage = ""

    def open(self) -> None:
        """Connect; see `Source.open`."""
        self.close()
        until = time.monotonic() + self._settings.timeout
        answer = get(self._url, self._settings.timeout)
        try:
            self._choose(answer, until)
        except (OSError, http.client.HTTPException) as error:
            raise SourceError(f"stream {self.describe()}: {self._explain(error)}") from None
        finally:
            if self._feed is None and (self._stream is None or not self._stream.is_open):
                answer.close()
        self._last_sign = self._last_picture = time.monotonic()

    def read(self, timeout: float, reuse: Image | None = None) -> Frame | None:
        """Return the newest frame; see `Source.read`."""
        if self._feed is None:
            if self._stream is None:
                raise SourceLost(f"stream {self.describe()} is not open")
            return self._stream.read(timeout, reuse)
        if self._held is not None:
            timeout = min(timeout, self.demand.due_in())
        try:
            jpeg = self._feed.next(timeout)
        except SourceError as error:
            self._skip_failure(self._feed, error.message, error.remedy)
            return None
        except (OSError, EOFError, http.client.HTTPException, MalformedStream) as error:
            reason = f"stream {self.describe()}: {self._explain(error)}"
            self._skip_failure(self._feed, reason, None)
            return None
        if jpeg is not None:
            self._hold(jpeg)
        frame = self._decode_held(reuse) if self.demand.due_in() <= 0 else None
        limit_s = self._settings.timeout + self._feed.interval_s
        shown = frame is not None or self._held is not None
        self._check_life(limit_s, arrived=jpeg is not None, shown=shown)
        return frame

    def close(self) -> None:
        """Disconnect; see `Source.close`."""
        feed, self._feed, self._held = self._feed, None, None
        if feed is not None:
            feed.close()
        if self._stream is not None:
            self._stream.close()

    def describe(self) -> str:
        """Return the address without user and password."""
        return redact(self._url)

    def _choose(self, answer: HttpResponse, until: float) -> None:
        """Choose how to read a response by its type and first bytes, which must come by `until`."""
        kind = answer.content_type
        start = answer.receive(max(0.0, until - time.monotonic()))
        if start is None:
            raise TimeoutError
        answer.put_back(start)
        self.frame_rate = None
        if kind.startswith("multipart/") or (start.startswith(b"--") and b"mage/" in start):
            self._feed = PartsFeed(answer)
        elif kind in JPEG_TYPES or (start.startswith(JPEG_START) and answer.length is not None):
            rate = self._settings.snapshot_fps
            self._feed = SnapshotFeed(self._url, answer, 1 / rate, self._settings.timeout)
            self.frame_rate = rate
            log.info("%s gives single pictures: asking for %g a second", self.describe(), rate)
        elif kind.startswith(("image/", "text/html")):
            what = (
                "a web page" if kind == "text/html" else f"a picture of the kind {one_line(kind)}"
            )
            raise SourceError(
                f"stream {self.describe()}: this is {what}, not a video",
                remedy="the camera's manual says which address its video or JPEG has",
            )
        else:
            stream = self._stream = self._make_stream()
            if answer.length is not None or start.startswith(PLAYLIST_START) or "mpegurl" in kind:
                answer.close()
                stream.open()
            else:
                stream.open_answer(answer)
            self.frame_rate = stream.frame_rate

    def _make_stream(self) -> Stream:
        from pose_edge.sources.stream import Stream  # loads FFmpeg, which MJPEG does not need

        return Stream(self._url, self._settings, frames=self._frames)

    def _hold(self, jpeg: Jpeg) -> None:
        """Hold the newest picture until it is due, and drop the previous one."""
        left_out = jpeg.skipped + (self._held is not None)
        self.demand.left_out += left_out
        for _ in range(left_out):
            self._frames.skip()
        self._held = jpeg

    def _decode_held(self, reuse: Image | None) -> Frame | None:
        """Decode the held picture; return None if there is none or it is damaged."""
        jpeg, self._held = self._held, None
        if jpeg is None:
            return None
        return self.demand.decode(lambda: self._decode(jpeg, reuse))

    def _decode(self, jpeg: Jpeg, reuse: Image | None) -> Frame | None:
        """Decode a picture to a frame; count a damaged one and return None."""
        try:
            size, scale = jpeg_size(jpeg.data), self.demand.scale
            memory = self._frames.memory(reuse, *reduced(size, scale))
            decoded = decode_jpeg(jpeg.data, memory, scale)
        except DamagedPicture as error:
            self._damage = one_line(error)
            self._frames.skip_damaged(self._damage)
            return None
        image = turned_upright(decoded, orientation := jpeg_orientation(jpeg.data))
        if orientation in SIDEWAYS:
            size = size[::-1]
        return self._frames.make(image, "BGR", jpeg.arrived_ns, reuse, size if scale > 1 else None)

    def _skip_failure(self, feed: JpegFeed, reason: str, remedy: str | None) -> None:
        """Count a picture that failed, or raise SourceLost if the feed cannot continue."""
        if not feed.survives():
            raise SourceLost(reason, remedy=remedy) from None
        self._frames.skip_damaged(reason)

    def _check_life(self, limit_s: float, *, arrived: bool, shown: bool) -> None:
        """Raise SourceLost if no picture, or none that can be decoded, has come for too long."""
        now = time.monotonic()
        if shown:
            self._last_picture = now
        if arrived:
            self._last_sign = now
        elif now - self._last_sign > limit_s:
            raise SourceLost(f"stream {self.describe()}: no picture within {limit_s:g} s")
        if now - self._last_picture > NO_PICTURE_S:
            why = f"no picture could be decoded for {NO_PICTURE_S:g} s ({self._damage})"
            raise SourceLost(f"stream {self.describe()}: {why}")

    def _explain(self, error: Exception) -> str:
        if isinstance(error, EOFError):
            return "the connection was closed"
        if isinstance(error, MalformedStream):
            return str(error)
        if isinstance(error, OSError):
            host = urlsplit(self._url).hostname or ""
            return explain_os_error(error, host, None, self._settings.timeout)[0]
        return f"the server's answer is damaged ({type(error).__name__})"
