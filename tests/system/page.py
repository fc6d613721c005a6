"""Client of the service's web page, as a browser on another machine would use it."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Awaitable, Callable
from contextlib import suppress
from typing import Any, Final, TypeVar

import aiohttp
import cv2
import numpy as np
from system.machine import Machine
from system.program import Line

from pose_edge.frames import Image

PORT: Final = 8080
"""TCP port of the page in the machine."""
ANSWER_S: Final = 60.0
"""Longest wait for the next data from the emulated machine, in seconds."""
SILENT: Final = (aiohttp.ClientConnectionError, ConnectionError, TimeoutError)
"""Exceptions that a request raises while no server is listening."""

T = TypeVar("T")


class Page:
    """The web page of one machine.

    Attributes:
        token: Bearer token that is sent with each request, or None.
    """

    def __init__(self, machine: Machine, token: str | None = None) -> None:
        """Create a client for a machine whose network is open; see `Machine.open_network`."""
        self._base = f"http://127.0.0.1:{machine.forwarded_port}"
        self.token = token

    @property
    def origin(self) -> str:
        """The page's origin as a browser sends it, e.g. "http://127.0.0.1:40123"."""
        return self._base

    def use(self, work: Callable[[aiohttp.ClientSession], Awaitable[T]]) -> T:
        """Run `work` with a new HTTP client, which keeps cookies, and return its result."""
        headers = {"Authorization": f"Bearer {self.token}"} if self.token else {}

        async def run() -> T:
            async with aiohttp.ClientSession(
                self._base,
                headers=headers,
                cookie_jar=aiohttp.CookieJar(unsafe=True),  # accept cookies of IP addresses, too
                timeout=aiohttp.ClientTimeout(total=None, sock_read=ANSWER_S),
            ) as client:
                return await work(client)

        return asyncio.run(run())

    def get(self, path: str) -> tuple[int, bytes]:
        """Return status and body of a GET request; redirects are not followed."""

        async def work(client: aiohttp.ClientSession) -> tuple[int, bytes]:
            async with client.get(path, allow_redirects=False) as response:
                return response.status, await response.read()

        return self.use(work)

    def json(self, path: str) -> dict[str, Any]:
        """Return the JSON document at a path, e.g. "/api/state"."""
        status, body = self.get(path)
        assert status == 200, (status, body)
        told: dict[str, Any] = json.loads(body)
        return told

    def health(self) -> int | None:
        """Return the HTTP status of /healthz, or None while no server is listening."""
        try:
            return self.get("/healthz")[0]
        except SILENT:
            return None

    def pictures(self, count: int) -> list[Image]:
        """Return the next `count` pictures of the MJPEG stream, BGR."""

        async def work(client: aiohttp.ClientSession) -> list[Image]:
            async with client.get("/stream.mjpg") as response:
                assert response.status == 200, await response.read()
                assert response.content_type == "multipart/x-mixed-replace"
                return [await _read_picture(response.content) for _ in range(count)]

        return self.use(work)

    def with_lines(self, work: Callable[[list[Line]], T]) -> T:
        """Run `work` while pose lines arrive on one WebSocket, and return its result.

        Args:
            work: Called with a list to which each arriving line is appended.
        """

        async def run(client: aiohttp.ClientSession) -> T:
            lines: list[Line] = []
            async with client.ws_connect("/poses") as socket:
                reader = asyncio.create_task(_collect(socket, lines))
                try:
                    return await asyncio.to_thread(work, lines)
                finally:
                    reader.cancel()
                    with suppress(asyncio.CancelledError):
                        await reader

        return self.use(run)


async def _read_picture(reader: aiohttp.StreamReader) -> Image:
    """Read the next JPEG of an MJPEG stream, and return it decoded (BGR)."""
    length = 0
    while (line := await reader.readline()) != b"\r\n":
        assert line, "the stream has ended"
        name, _, value = line.lower().partition(b":")
        if name == b"content-length":
            length = int(value)
    jpeg = await reader.readexactly(length)
    assert jpeg.startswith(b"\xff\xd8")
    assert await reader.readline() == b"\r\n"
    picture = cv2.imdecode(np.frombuffer(jpeg, np.uint8), cv2.IMREAD_COLOR)
    assert picture is not None, "no JPEG"
    return np.asarray(picture, dtype=np.uint8)


async def _collect(socket: aiohttp.ClientWebSocketResponse, lines: list[Line]) -> None:
    async for message in socket:
        assert message.type is aiohttp.WSMsgType.TEXT
        lines.append(json.loads(message.data))
