"""Tests of the live picture and the pose lines with fast and slow clients."""

from __future__ import annotations

import asyncio
import json
import socket
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import aiohttp
import cv2
import numpy as np
import pytest
from helpers import wait_until
from web_rig import Rig, get, serving, with_client

from pose_edge.web import listener, streams
from pose_edge.web.pose_feed import CLIENT_LINES


@contextmanager
def going_on(step: Callable[[int], object], interval_s: float = 0.005) -> Iterator[None]:
    """Call `step` with 0, 1, 2, ... in a thread, at an interval, until the block ends."""
    ended = threading.Event()

    def go() -> None:
        number = 0
        while not ended.wait(interval_s):
            step(number)
            number += 1

    thread = threading.Thread(target=go)
    thread.start()
    try:
        yield
    finally:
        ended.set()
        thread.join()


async def read_picture(reader: aiohttp.StreamReader) -> bytes:
    """Read the next JPEG of an MJPEG stream."""
    length = 0
    while (line := await reader.readline()) != b"\r\n":
        assert line, "the stream has ended"
        if line.lower().startswith(b"content-length:"):
            length = int(line.split(b":")[1])
    jpeg = await reader.readexactly(length)
    assert await reader.readline() == b"\r\n"
    return jpeg


def brightness(jpeg: bytes) -> int:
    picture = cv2.imdecode(np.frombuffer(jpeg, np.uint8), cv2.IMREAD_COLOR)
    assert picture is not None
    return round(float(picture.mean()))


def test_nothing_is_drawn_while_nobody_watches() -> None:
    with serving() as rig:
        assert not rig.show()
        assert rig.server.picture.number == 0


def test_all_watchers_get_the_same_jpegs_each_made_once() -> None:
    with serving(web={"fps": 60.0}) as rig, going_on(lambda number: rig.show(number % 200)):

        async def watch(client: aiohttp.ClientSession) -> list[bytes]:
            async with client.get(rig.url("/stream.mjpg")) as response:
                assert response.content_type == "multipart/x-mixed-replace"
                return [await read_picture(response.content) for _ in range(20)]

        async def both(client: aiohttp.ClientSession) -> tuple[list[bytes], list[bytes]]:
            one, two = await asyncio.gather(watch(client), watch(client))
            return one, two

        one, two = with_client(both)
        assert set(one) & set(two)
        values = [brightness(jpeg) for jpeg in one]
        assert len(set(values)) > 10, "it moves"
        wait_until(lambda: rig.server.picture.watchers == 0)
        number = rig.server.picture.number
        assert not rig.server.picture.due()
        assert rig.server.picture.number == number


def test_a_watcher_gets_a_picture_that_stands_still_and_none_from_before() -> None:
    with serving() as rig:

        async def first(client: aiohttp.ClientSession) -> int:
            async with client.get(rig.url("/stream.mjpg")) as response:
                return brightness(await read_picture(response.content))

        with going_on(lambda _number: rig.show(40)):
            assert with_client(first) == 40
        wait_until(lambda: rig.server.picture.watchers == 0)
        with going_on(lambda _number: rig.show(200)):
            assert with_client(first) == 200


def test_a_slow_watcher_skips_pictures_and_delays_nobody() -> None:
    noise = np.random.default_rng(1).integers(0, 255, (720, 1280, 3), dtype=np.uint8)
    with serving(web={"fps": 60.0, "quality": 90}) as rig:

        def show(number: int) -> None:
            if rig.server.picture.due():
                noise[:8] = number % 256
                rig.server.picture.put(noise, "BGR")

        with going_on(show), slow_client(rig) as slow:

            async def watch(client: aiohttp.ClientSession) -> None:
                async with client.get(rig.url("/stream.mjpg")) as response:
                    for _ in range(15):
                        await read_picture(response.content)

            with_client(watch)
            assert rig.server.picture.number >= 15
            assert rig.server.picture.watchers >= 1, "the slow one is still there"
            held = len(drain(slow))
        # The kernel buffers far less data for the slow client than it has missed.
        assert held < 15 * 500_000


@contextmanager
def small_socket(rig: Rig) -> Iterator[socket.socket]:
    """Connect a client for which the kernel keeps little unread data."""
    with socket.socket() as slow:
        slow.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
        slow.connect(("127.0.0.1", rig.port))
        yield slow


@contextmanager
def slow_client(rig: Rig) -> Iterator[socket.socket]:
    """Connect a client that requests the live picture but does not read it."""
    with small_socket(rig) as slow:
        slow.sendall(b"GET /stream.mjpg HTTP/1.1\r\nHost: 127.0.0.1\r\n\r\n")
        wait_until(lambda: rig.server.picture.watchers == 1)
        yield slow


def drain(connection: socket.socket) -> bytes:
    """Return the bytes that have arrived, without waiting for more."""
    connection.setblocking(False)
    try:
        return connection.recv(1 << 24)
    except BlockingIOError:
        return b""


def test_every_client_gets_every_line_in_order() -> None:
    with serving() as rig:

        async def listen(client: aiohttp.ClientSession) -> list[int]:
            async with client.ws_connect(rig.url("/poses")) as poses:
                return [json.loads((await poses.receive()).data)["seq"] for _ in range(40)]

        async def both(client: aiohttp.ClientSession) -> tuple[list[int], list[int]]:
            one, two = await asyncio.gather(listen(client), listen(client))
            return one, two

        with going_on(rig.send, 0.01):
            for seqs in with_client(both):
                assert seqs == sorted(set(seqs))
        wait_until(lambda: rig.server.poses.clients == 0)


def test_a_line_is_one_text_of_the_websocket() -> None:
    with serving() as rig:

        async def listen(client: aiohttp.ClientSession) -> aiohttp.WSMessage:
            async with client.ws_connect(rig.url("/poses")) as poses:
                return await poses.receive()

        with going_on(rig.send):
            message = with_client(listen)
        assert message.type is aiohttp.WSMsgType.TEXT
        assert json.loads(message.data)["schema"] == 1
        assert "\n" not in message.data


def test_a_client_that_is_slow_loses_lines_and_the_others_do_not() -> None:
    with serving() as rig:
        feed = rig.server.poses
        slow, quick = feed.join(), feed.join()
        got: list[bytes] = []

        def hand_out() -> None:
            for number in range(100):
                rig.send(number)
                feed._hand_out()
                got.append(quick._lines.popleft())

        hand_out()
        assert [json.loads(line)["seq"] for line in got] == list(range(100))
        assert len(slow._lines) == CLIENT_LINES
        assert json.loads(slow._lines[-1])["seq"] == 99
        assert (slow.dropped, quick.dropped) == (100 - CLIENT_LINES, 0)
        assert feed.dropped == 100 - CLIENT_LINES
        feed.leave(slow)
        feed.leave(quick)


@pytest.mark.parametrize("path", ["/stream.mjpg", "/poses", "/page.js", "/files/rec.mp4"])
def test_a_client_that_never_reads_is_disconnected(
    path: str, monkeypatch: pytest.MonkeyPatch, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setattr(listener, "STUCK_S", 0.5)
    monkeypatch.setattr(streams, "STUCK_S", 0.5)
    record = tmp_path / "rec.mp4"
    record.write_bytes(bytes(20_000_000))
    upgrade = (
        "Upgrade: websocket\r\nConnection: Upgrade\r\nSec-WebSocket-Version: 13\r\n"
        f"Sec-WebSocket-Key: {'A' * 22}==\r\n"
    )
    head = f"GET {path} HTTP/1.1\r\nHost: 127.0.0.1\r\n{upgrade if path == '/poses' else ''}\r\n"
    with serving(record={"path": str(record)}, web={"fps": 60.0}) as rig, small_socket(rig) as slow:
        noise = np.random.default_rng(1).integers(0, 255, (360, 640, 3), dtype=np.uint8)

        def step(number: int) -> None:
            if rig.server.picture.due():
                rig.server.picture.put(noise, "BGR")
            for _ in range(50):
                rig.send(number)

        slow.sendall(head.encode() * (30 if path == "/page.js" else 1))
        wait_until(lambda: open_connections(rig) == 1)
        with going_on(step):
            wait_until(lambda: open_connections(rig) == 0)
        wait_until(lambda: rig.server.picture.watchers == rig.server.poses.clients == 0)
        assert get(rig, "/healthz")[0] == 200
    assert not [said for said in caplog.records if said.levelname == "ERROR"]


def open_connections(rig: Rig) -> int:
    """Return the number of connections that the server keeps open."""
    serving = rig.server._serving
    assert serving is not None
    (one,) = serving._listeners
    assert one._runner is not None
    assert one._runner.server is not None
    return len(one._runner.server.connections)
