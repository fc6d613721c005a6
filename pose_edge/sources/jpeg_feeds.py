"""JPEG pictures of an HTTP camera: parts of one endless response, or one picture per request."""

from __future__ import annotations

import logging
import time
from abc import abstractmethod
from dataclasses import dataclass
from typing import Final, Protocol

from pose_edge.sources.http_connection import HttpResponse
from pose_edge.sources.http_get import get
from pose_edge.sources.multipart import MAX_PART, MalformedStream, PartSplitter

log = logging.getLogger(__name__)

MAX_FAILURES: Final = 3
"""Number of consecutive failed requests for a single picture after which the camera is lost."""
EMPTY_PART: Final = 4
"""Largest size of a part that holds only line breaks and no picture, bytes."""


@dataclass(frozen=True, slots=True)
class Jpeg:
    """A JPEG as a camera sent it.

    Attributes:
        data: The encoded picture, perhaps damaged.
        arrived_ns: Time at which it began to arrive, on the monotonic clock, nanoseconds.
        skipped: Number of older pictures that were dropped in favour of it.
    """

    data: bytes
    arrived_ns: int
    skipped: int = 0


class JpegFeed(Protocol):
    """A sequence of JPEG pictures from a camera.

    Attributes:
        interval_s: Time between two requests, seconds; 0 where the camera sets the rate.
    """

    interval_s: float = 0.0

    @abstractmethod
    def next(self, timeout: float) -> Jpeg | None:
        """Return the newest picture, or None if none arrives within `timeout` seconds.

        Raises:
            OSError, http.client.HTTPException, MalformedStream, SourceError: The camera fails.
            EOFError: The connection was closed.
        """

    def survives(self) -> bool:
        """Return whether more pictures may come although `next` has raised an error."""
        return False

    @abstractmethod
    def close(self) -> None:
        """Close the connection."""


class PartsFeed(JpegFeed):
    """The parts of one endless response."""

    def __init__(self, answer: HttpResponse) -> None:
        """Create the feed of a multipart response."""
        self._answer = answer
        self._splitter = PartSplitter(answer.boundary)
        self._began_ns: int | None = None

    def next(self, timeout: float) -> Jpeg | None:
        """Return the newest part; see `JpegFeed.next`.

        Older parts that have also arrived are skipped, so that no backlog builds up.
        """
        until = time.monotonic() + timeout
        newest, passed_over = None, 0
        while True:
            wait_s = 0.0 if newest else max(0.0, until - time.monotonic())
            data = self._answer.receive(wait_s)
            if not data:
                if data == b"" and newest is None:
                    raise EOFError
                return newest
            for part in self._splitter.feed(data):
                if len(part) > EMPTY_PART:
                    passed_over += newest is not None
                    newest = Jpeg(part, self._began_ns or self._answer.arrived_ns, passed_over)
                self._began_ns = None
            if self._splitter.in_part and self._began_ns is None:
                self._began_ns = self._answer.arrived_ns
            if time.monotonic() >= until:
                return newest

    def close(self) -> None:
        """Close the connection."""
        self._answer.close()


class SnapshotFeed(JpegFeed):
    """One picture per request, at a rate that this program sets."""

    def __init__(self, url: str, first: HttpResponse, interval_s: float, limit_s: float) -> None:
        """Create the feed.

        Args:
            url: Address of the picture.
            first: Response with the first picture, which has already begun to arrive.
            interval_s: Time between two requests, seconds.
            limit_s: Longest time that one request may take, seconds.
        """
        self._url = url
        self._answer: HttpResponse | None = first
        self.interval_s = interval_s
        self._limit_s = limit_s
        self._due = time.monotonic() + interval_s
        self._failures = 0
        self._good_s = time.monotonic()

    def next(self, timeout: float) -> Jpeg | None:
        """Request the next picture when it is due; see `JpegFeed.next`.

        The request itself may take longer than `timeout`, up to the feed's own limit.
        """
        answer, self._answer = self._answer, None
        until = time.monotonic() + self._limit_s
        if answer is None:
            wait_s = self._due - time.monotonic()
            time.sleep(max(0.0, min(wait_s, timeout)))
            if wait_s > timeout:
                return None
            self._due = max(self._due + self.interval_s, time.monotonic())
            until = time.monotonic() + self._limit_s
            answer = get(self._url, self._limit_s)
        try:
            arrived_ns = answer.arrived_ns
            jpeg = Jpeg(_content(answer, until), arrived_ns)
        finally:
            answer.close()
        self._failures, self._good_s = 0, time.monotonic()
        return jpeg

    def survives(self) -> bool:
        """Count a failed request; a few are tolerated. See `JpegFeed.survives`."""
        self._failures += 1
        return self._failures < MAX_FAILURES and time.monotonic() - self._good_s < self._limit_s

    def close(self) -> None:
        """Close the connection."""
        if self._answer is not None:
            self._answer.close()


def _content(answer: HttpResponse, until: float) -> bytes:
    """Return the whole content of a response; raise TimeoutError if it is not complete in time."""
    content = bytearray()
    while data := answer.receive(max(0.0, until - time.monotonic())):
        content += data
        if len(content) > MAX_PART:
            raise MalformedStream(f"a picture has no end after {MAX_PART} bytes")
        if time.monotonic() > until:
            raise TimeoutError
    if data is None:
        raise TimeoutError
    return bytes(content)
