"""Attacks that strangers may try on the web server, one per test."""

from __future__ import annotations

import asyncio
import json
import select
import socket
import time
from pathlib import Path

import aiohttp
import pytest
from helpers import wait_until
from web_rig import JSON, TOKEN, Rig, get, made_up_state, request, serving, with_client

from pose_edge.web import guard, listener
from pose_edge.web.login import FREE_ATTEMPTS


def raw(rig: Rig, text: bytes, timeout: float = 30.0) -> bytes:
    """Send bytes, and return everything received until the server closes the connection."""
    with socket.create_connection(("127.0.0.1", rig.port), timeout) as connection:
        found = b""
        try:
            connection.sendall(text)
            while more := connection.recv(65536):
                found += more
        except ConnectionError:  # closed by the server while sending
            pass
        return found


def status_of(answer: bytes) -> int:
    return int(answer.split(b" ", 2)[1])


def test_a_foreign_origin_can_change_nothing() -> None:
    with serving() as rig:
        body = {"key": "camera.mirror", "value": True}
        for origin in ("http://evil.example", "null", "http://127.0.0.1:1"):
            status, _body, _headers = request(
                rig, "POST", "/api/settings", json=body, headers={"Origin": origin}
            )
            assert status == 403
        own = {"Origin": rig.url("").rstrip("/")}
        assert request(rig, "POST", "/api/settings", json=body, headers=own)[0] == 200
        assert rig.changes == [("camera.mirror", True)]


def test_a_foreign_page_can_read_no_poses_unless_it_is_named() -> None:
    with serving(websocket={"origins": "https://show.example"}) as rig:

        async def connect(client: aiohttp.ClientSession) -> None:
            for origin in ("http://evil.example", "https://show.example.evil.example"):
                with pytest.raises(aiohttp.WSServerHandshakeError, match="403"):
                    await client.ws_connect(rig.url("/poses"), headers={"Origin": origin})
            async with client.ws_connect(
                rig.url("/poses"), headers={"Origin": "https://show.example"}
            ) as socket_:
                assert not socket_.closed
            async with client.ws_connect(rig.url("/poses")) as socket_:  # a program
                assert not socket_.closed

        with_client(connect)


def test_a_foreign_host_header_gets_nothing() -> None:
    with serving() as rig:
        for path in ("/", "/api/state", "/stream.mjpg", "/poses", "/page.js"):
            assert get(rig, path, Host="evil.example")[0] == 421, path
        assert status_of(raw(rig, b"GET / HTTP/1.0\r\n\r\n")) == 421
        assert get(rig, "/", Host=f"localhost:{rig.port}")[0] == 200
    with serving(web={"hosts": "pose.example, other.example"}) as rig:
        assert get(rig, "/", Host="pose.example")[0] == 200
        headers = {"Host": f"127.0.0.1:{rig.port}", "Origin": "https://pose.example"}
        status = request(rig, "POST", "/api/recording", json={"on": False}, headers=headers)[0]
        assert status == 200


def test_a_foreign_page_can_embed_nothing() -> None:
    with serving() as rig:
        embedded = {"Sec-Fetch-Site": "cross-site", "Sec-Fetch-Mode": "no-cors"}
        assert get(rig, "/stream.mjpg", **embedded)[0] == 403
        assert get(rig, "/api/state", **embedded)[0] == 403
        headers = get(rig, "/")[2]
        assert headers["X-Frame-Options"] == "DENY"
        assert headers["Cross-Origin-Resource-Policy"] == "same-origin"


@pytest.mark.parametrize(
    "name",
    [
        "../secret.mp4",
        "..%2fsecret.mp4",
        "%2e%2e%2fsecret.mp4",
        "%2e%2e/secret.mp4",
        "..%5csecret.mp4",
        "%252e%252e%252fsecret.mp4",
        "rec.mp4%00.txt",
        "%2fetc%2fpasswd",
        "/etc/passwd",
        "rec.mp4/../../secret.mp4",
        "%ff%fe",
        "rec.mp4%2f..%2f..%2fsecret.mp4",
    ],
)
def test_no_path_leads_out_of_the_folder(tmp_path: Path, name: str) -> None:
    (tmp_path / "secret.mp4").write_bytes(b"secret")
    folder = tmp_path / "out"
    folder.mkdir()
    (folder / "rec.mp4").write_bytes(b"mine")
    with serving(record={"path": str(folder / "rec.mp4")}) as rig:
        host = "Host: 127.0.0.1\r\nConnection: close\r\n\r\n"
        answer = raw(rig, f"GET /files/{name} HTTP/1.1\r\n{host}".encode())
        assert status_of(answer) in (400, 404)
        assert b"secret" not in answer.partition(b"\r\n\r\n")[2]
        delete = request(rig, "POST", "/api/files/delete", json={"name": name})
        assert delete[0] == 409
        assert (tmp_path / "secret.mp4").exists()


def test_two_hundred_clients_do_not_keep_the_server_from_those_after_them() -> None:
    with serving() as rig:

        async def crowd() -> int:
            connections = [await asyncio.open_connection("127.0.0.1", rig.port) for _ in range(200)]
            refused = 0
            for reader, writer in connections:
                writer.write(b"GET /healthz HTTP/1.1\r\nHost: 127.0.0.1\r\n\r\n")
                try:
                    refused += b" 503 " in await reader.readline()
                except ConnectionError:
                    refused += 1
            for _reader, writer in connections:
                writer.close()
            return refused

        refused = asyncio.run(crowd())
        assert 0 < refused < 200
        wait_until(lambda: get(rig, "/healthz")[0] == 200)


def test_requests_beyond_a_rate_wait_and_are_then_refused(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(guard, "REQUESTS_PER_S", 0.5)
    monkeypatch.setattr(guard, "REQUESTS_AT_ONCE", 3)
    monkeypatch.setattr(guard, "LONGEST_WAIT_S", 0.0)
    with serving() as rig:
        codes = [get(rig, "/page.css")[0] for _ in range(6)]
        assert codes[:3] == [200] * 3
        assert 503 in codes[3:]


def test_a_request_that_is_never_complete_is_ended(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(listener, "IDLE_S", 0.5)
    with serving() as rig:
        for begin in (b"", b"GET / HTTP/1.1\r\nHost: 127.0.0.1\r\nX-A: ", b"\r\n"):
            assert raw(rig, begin) == b"", "closed without an answer"
        with socket.create_connection(("127.0.0.1", rig.port), 30.0) as connection:
            ended = False
            while not ended:  # send one byte of a header at a time
                try:
                    connection.sendall(b"x")
                    ended = bool(select_readable(connection)) and connection.recv(100) == b""
                except ConnectionError:
                    ended = True


def select_readable(connection: socket.socket) -> list[socket.socket]:
    return select.select([connection], [], [], 0.1)[0]


def test_a_body_that_never_ends_is_given_up(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("pose_edge.web.guard.BODY_S", 0.3)
    with serving() as rig:
        head = "POST /api/keep HTTP/1.1\r\nHost: 127.0.0.1\r\nContent-Type: application/json\r\n"
        answer = raw(rig, f"{head}Content-Length: 50\r\n\r\n{{".encode())
        assert status_of(answer) == 408
        login = "POST /login HTTP/1.1\r\nHost: 127.0.0.1\r\nContent-Length: 50\r\n"
        form = "Content-Type: application/x-www-form-urlencoded\r\n\r\ntoken="
        assert status_of(raw(rig, f"{login}{form}".encode())) == 408


def test_ten_megabytes_are_not_even_read(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(guard, "BODY_S", 1.0)
    with serving() as rig:
        head = b"GET / HTTP/1.1\r\nHost: 127.0.0.1\r\nX-A: " + b"a" * 10_000_000
        assert raw(rig, head)[:12] in (b"HTTP/1.1 400", b"HTTP/1.0 400", b"")
        many = b"GET / HTTP/1.1\r\nHost: 127.0.0.1\r\n" + b"X-A: a\r\n" * 1_000_000
        assert raw(rig, many)[:12] in (b"HTTP/1.1 400", b"HTTP/1.0 400", b"")
        post = b"POST /api/keep HTTP/1.1\r\nHost: 127.0.0.1\r\nContent-Type: application/json\r\n"
        body = post + b"Connection: close\r\nContent-Length: 10000000\r\n\r\n" + b" " * 10_000_000
        assert raw(rig, body)[:12] in (b"HTTP/1.1 413", b"")
        chunked = post + b"Transfer-Encoding: chunked\r\n\r\n" + b"ff\r\n" + b" " * 255 + b"\r\n"
        answer = raw(rig, chunked + b"ff\r\n" + b" " * 100_000)
        assert answer == b"" or status_of(answer) in (400, 408, 413)
        assert len(answer) < 1000, "nothing of what was sent comes back"
        assert get(rig, "/login")[0] == 303


def test_garbage_is_no_request() -> None:
    with serving() as rig:
        for text in (
            b"\x00" * 100 + b"\r\n\r\n",
            b"GET\r\n\r\n",
            b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03\r\n\r\n",  # TLS
            b"GET / HTTP/1.1\r\nHost: 127.0.0.1\r\nContent-Length: -1\r\n\r\n",
            b"POST / HTTP/1.1\r\nContent-Length: 1\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
        ):
            assert status_of(raw(rig, text) or b"HTTP/1.1 400 ") in (400, 421)
        for body in (b"", b"{", b"[]", b"null", b"\xff", b"[" * 50_000):
            status = request(rig, "POST", "/api/settings", data=body, headers=JSON)[0]
            assert status == 400, body
        odd = {"Content-Type": "application/json; charset=no-such-charset"}
        assert request(rig, "POST", "/api/settings", data=b"{}", headers=odd)[0] == 400
        assert get(rig, "/healthz")[0] == 200


@pytest.mark.parametrize("said", ["garbage", "x" * 10_000_000, b"\x00\xff"])
def test_a_client_of_the_poses_has_nothing_to_say(said: str | bytes) -> None:
    with serving() as rig:

        async def talk(client: aiohttp.ClientSession) -> int | None:
            async with client.ws_connect(rig.url("/poses")) as socket_:
                try:
                    send = socket_.send_str if isinstance(said, str) else socket_.send_bytes
                    await send(said)  # type: ignore[arg-type]
                except ConnectionError:  # closed by the server while sending
                    return 1009
                async for _message in socket_:
                    pass
                return socket_.close_code

        assert with_client(talk) in (1008, 1009)
        wait_until(lambda: rig.server.poses.clients == 0)


def test_a_flood_of_pings_is_ended() -> None:
    with serving() as rig:

        async def flood(client: aiohttp.ClientSession) -> int | None:
            async with client.ws_connect(rig.url("/poses"), autoping=False) as socket_:
                with pytest.raises(ConnectionError):  # noqa: PT012 - any of the pings
                    while not socket_.closed:
                        await socket_.ping(b"x" * 100)
                    raise ConnectionError
                return socket_.close_code

        with_client(flood)
        wait_until(lambda: rig.server.poses.clients == 0)


def test_a_script_in_a_name_stays_text(tmp_path: Path) -> None:
    name = "rec-<script>alert(1)<script>.mp4"
    (tmp_path / name).write_bytes(b"x")
    state = made_up_state(source="<img src=x onerror=alert(1)>")
    with serving(state=state, record={"path": str(tmp_path / name)}) as rig:
        for path in ("/api/state", "/api/files"):
            status, _body, headers = get(rig, path)
            assert (status, headers["Content-Type"][:16]) == (200, "application/json")
            assert headers["X-Content-Type-Options"] == "nosniff"
        assert json.loads(get(rig, "/api/files")[1])["files"][0]["name"] == name
        headers = get(rig, "/files/rec-%3Cscript%3Ealert(1)%3Cscript%3E.mp4")[2]
        assert headers["Content-Disposition"] == (
            "inline; filename*=UTF-8''rec-%3Cscript%3Ealert%281%29%3Cscript%3E.mp4"
        )


def test_guessing_the_token_takes_ever_longer(tmp_path: Path) -> None:
    (tmp_path / "token").write_text(f"{TOKEN}\n", encoding="utf-8")
    with serving(web={"token_file": str(tmp_path / "token")}) as rig:
        codes = [
            request(rig, "POST", "/login", data={"token": f"guess-number-{number}"})[0]
            for number in range(FREE_ATTEMPTS + 1)
        ]
        assert codes == [403] * FREE_ATTEMPTS + [429]
        status = request(rig, "POST", "/login", data={"token": TOKEN})[0]
        assert status == 429, "not even the right one, or guessing would go on"
        assert get(rig, "/api/state", Authorization=f"Bearer {TOKEN}")[0] == 429


def test_a_form_of_another_site_changes_nothing() -> None:
    with serving() as rig:
        form = {"key": "camera.mirror", "value": "true"}
        assert request(rig, "POST", "/api/settings", data=form)[0] == 415
        plain = {"Content-Type": "text/plain"}
        body = json.dumps({"key": "camera.mirror", "value": True}).encode()
        assert request(rig, "POST", "/api/settings", data=body, headers=plain)[0] == 415
        crossing = {**JSON, "Sec-Fetch-Site": "cross-site"}
        assert request(rig, "POST", "/api/settings", data=body, headers=crossing)[0] == 403
        for method in ("GET", "PUT", "DELETE", "PATCH"):
            assert request(rig, method, "/api/settings")[0] in (404, 405)
        assert rig.changes == []


def test_the_ninth_watcher_is_told_kindly() -> None:
    with serving(web={"clients": 2}) as rig:

        async def watch(client: aiohttp.ClientSession) -> tuple[int, str]:
            async with (
                client.get(rig.url("/stream.mjpg")),
                client.get(rig.url("/stream.mjpg")),
                client.get(rig.url("/stream.mjpg")) as third,
            ):
                return third.status, (await third.json())["text"]

        status, text = with_client(watch)
        assert status == 503
        assert "2 people are watching already" in text
        wait_until(lambda: rig.server.picture.watchers == 0)


def test_the_end_does_not_wait_for_watchers() -> None:
    with serving() as rig:

        async def watch(client: aiohttp.ClientSession) -> float:
            async with (
                client.get(rig.url("/stream.mjpg")) as stream,
                client.ws_connect(rig.url("/poses")) as poses,
            ):
                loop = asyncio.get_running_loop()
                begin = time.monotonic()
                closing = loop.run_in_executor(None, rig.server.close)
                with pytest.raises(aiohttp.ClientError):
                    await stream.content.read()
                async for _message in poses:
                    pass
                await closing
                return time.monotonic() - begin

        with_client(watch)
        assert rig.server._hung.count == 0, "the thread has ended by itself"
