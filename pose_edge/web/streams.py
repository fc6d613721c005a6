"""Streaming responses, sent until the client leaves: the live picture, and pose lines."""

from __future__ import annotations

import asyncio
import socket
from collections.abc import Awaitable, Callable, Coroutine, Iterator
from contextlib import contextmanager, suppress
from functools import partial
from typing import Any, Final

from aiohttp import WSCloseCode, WSMessage, WSMsgType, web

from pose_edge.web.guard import refusal
from pose_edge.web.pose_feed import PoseClient
from pose_edge.web.server_parts import ServerContext
from pose_edge.web.throttle import Throttle

BOUNDARY: Final = "frame"
PLACE_S: Final = 1.0
"""Longest wait of a new client for a free place, seconds: when a page is reloaded, its old
connection is about to close."""
STUCK_S: Final = 30.0
"""Time after which a client that accepts no more data is disconnected, seconds."""
DRAIN_S: Final = 0.02
"""Interval at which conditions are polled, seconds."""
UNSENT_BYTES: Final = 32_768
"""Limit of unsent data in the kernel's buffer for a client, bytes; more would only add latency."""
HEARTBEAT_S: Final = 20.0
"""Interval between the pings that the server sends, seconds."""
MESSAGE_BYTES: Final = 1024
"""Maximum size of a client's message, bytes; a larger one closes the connection."""
PINGS_PER_S: Final = 2.0
PINGS_AT_ONCE: Final = 10
"""Rate limit of a client's messages, and its burst size."""


def stream_route(parts: ServerContext, most: Callable[[], int]) -> web.RouteDef:
    """Return the route of the live picture, with at most `most()` watchers."""
    return web.get(
        "/stream.mjpg", partial(_send_pictures, parts=parts, most=most), allow_head=False
    )


def poses_route(parts: ServerContext, most: Callable[[], int]) -> web.RouteDef:
    """Return the route of the pose lines, with at most `most()` clients."""
    return web.get("/poses", partial(_send_poses, parts=parts, most=most), allow_head=False)


async def _send_pictures(
    request: web.Request, *, parts: ServerContext, most: Callable[[], int]
) -> web.StreamResponse:
    picture = parts.picture
    if not await _is_free(lambda: picture.watchers < most()):
        return _full(most())
    kind = f"multipart/x-mixed-replace; boundary={BOUNDARY}"
    response = web.StreamResponse(headers={"Content-Type": kind, "X-Accel-Buffering": "no"})
    response.force_close()
    watcher = picture.join()
    try:
        with _registered_stream(parts):
            await response.prepare(request)
            _limit_send_buffer(request)
            await response.write(f"--{BOUNDARY}\r\n".encode())
            number = picture.number  # skip the latest JPEG, which may be old
            while True:
                number, jpeg = await picture.newer(number)
                head = f"Content-Type: image/jpeg\r\nContent-Length: {len(jpeg)}\r\n\r\n".encode()
                # Send the boundary after it at once: browsers wait for it to show the picture.
                part = b"".join((head, jpeg, f"\r\n--{BOUNDARY}\r\n".encode()))
                await _sent(request, response.write(part))
    except ConnectionError:
        return response
    finally:
        picture.leave(watcher)


async def _send_poses(
    request: web.Request, *, parts: ServerContext, most: Callable[[], int]
) -> web.StreamResponse:
    feed = parts.poses
    if not await _is_free(lambda: feed.clients < most()):
        return _full(most())
    response = web.WebSocketResponse(
        timeout=1.0,
        heartbeat=HEARTBEAT_S,
        autoping=False,
        max_msg_size=MESSAGE_BYTES,
        compress=False,
    )
    client = feed.join()
    try:
        with _registered_stream(parts):
            await response.prepare(request)
            _limit_send_buffer(request)
            code = await _first_of(
                _read_until_message(response), _write_lines(request, response, client)
            )
            await response.close(code=code)
    except ConnectionError:
        return response
    finally:
        feed.leave(client)
    return response


async def _write_lines(
    request: web.Request, response: web.WebSocketResponse, client: PoseClient
) -> int:
    with suppress(ConnectionError):
        while True:
            line = await client.next()
            await _sent(request, response.send_frame(line, WSMsgType.TEXT))
    return WSCloseCode.GOING_AWAY


async def _read_until_message(response: web.WebSocketResponse) -> int:
    """Wait until a client leaves, or sends anything but pings and pongs, or too many of them."""
    throttle = Throttle(PINGS_PER_S, PINGS_AT_ONCE)
    while throttle.take() is not None:
        message: WSMessage = await response.receive()
        if message.type is WSMsgType.PING:
            await response.pong(message.data)
        elif message.type is not WSMsgType.PONG:
            return WSCloseCode.POLICY_VIOLATION
    return WSCloseCode.POLICY_VIOLATION


async def _first_of(*works: Coroutine[Any, Any, int]) -> int:
    """Return the result of the coroutine that ends first, and cancel the others."""
    tasks = [asyncio.ensure_future(work) for work in works]
    try:
        done, _ = await asyncio.wait(tasks, return_when=asyncio.FIRST_COMPLETED)
        return done.pop().result()
    finally:
        for task in tasks:
            task.cancel()


async def _is_free(free: Callable[[], bool]) -> bool:
    """Wait until there is room for a client, up to `PLACE_S`; return whether there is."""
    with suppress(TimeoutError):
        async with asyncio.timeout(PLACE_S):
            while not free():
                await asyncio.sleep(DRAIN_S)
    return free()


async def _sent(request: web.Request, writing: Awaitable[None]) -> None:
    """Write to a client, and wait until the kernel has accepted all of it, sent or not.

    Raises:
        ConnectionError: The client has left, or has accepted too little data for `STUCK_S`
            seconds and was disconnected.
    """
    try:
        async with asyncio.timeout(STUCK_S):
            await writing
            while (transport := request.transport) is not None and not transport.is_closing():
                if not transport.get_write_buffer_size():
                    return
                await asyncio.sleep(DRAIN_S)
    except TimeoutError:
        if request.transport is not None:
            request.transport.abort()  # to close it would mean to send the rest first
    raise ConnectionResetError


@contextmanager
def _registered_stream(parts: ServerContext) -> Iterator[None]:
    """Register the current task as a stream, which the server cancels when it closes."""
    task = asyncio.current_task()
    parts.streams.add(task)
    try:
        yield
    finally:
        parts.streams.discard(task)


def _limit_send_buffer(request: web.Request) -> None:
    connection = request.get_extra_info("socket")
    if connection is not None:
        connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NOTSENT_LOWAT, UNSENT_BYTES)


def _full(most: int) -> web.Response:
    text = f"{most} people are watching already, and more would be too many: try again later"
    return refusal(503, text, {"Retry-After": "10"})
