"""Tests of the server's routes: what the page requests, and what it controls."""

from __future__ import annotations

import asyncio
import errno
import json
import logging
import socket
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import pytest
from helpers import wait_until
from web_rig import TOKEN, Rig, get, made_up_state, request, serving

from pose_edge.config.schema import Settings
from pose_edge.errors import UnavailableError
from pose_edge.sinks.run_state import OutputState, PartState
from pose_edge.supervision.supervisor import State, Supervisor
from pose_edge.web import listener
from pose_edge.web import server as server_module
from pose_edge.web.server import WebServer


def post(rig: Rig, path: str, body: object) -> tuple[int, dict[str, Any]]:
    status, content, _headers = request(rig, "POST", path, json=body)
    return status, json.loads(content)


def test_the_page_and_its_files_come_with_their_policy() -> None:
    with serving() as rig:
        for path, kind in (
            ("/", "text/html"),
            ("/page.css", "text/css"),
            ("/page.js", "text/javascript"),
            ("/icon.svg", "image/svg+xml"),
        ):
            status, body, headers = get(rig, path)
            assert (status, headers["Content-Type"].partition(";")[0]) == (200, kind)
            assert body
            policy = headers["Content-Security-Policy"]
            assert "unsafe" not in policy
            assert "frame-ancestors 'none'" in policy
            assert headers["X-Content-Type-Options"] == "nosniff"
            assert headers["Referrer-Policy"] == "same-origin"
        status, _body, headers = get(rig, "/nothing")
        assert status == 404
        assert "Content-Security-Policy" in headers
        assert "aiohttp" not in headers["Server"]


def test_the_state_says_what_goes_on() -> None:
    state = made_up_state(
        faults={"source": "<script>alert(1)</script>"},
        outputs=(
            OutputState("mqtt", 7, 1, 2, "no broker"),
            OutputState("recording", 7, 0, 0, None),
        ),
        parts=(PartState("recording", State.RUNNING, "/var/lib/x/a.mp4", 0),),
    )
    with serving(state=state) as rig:
        rig.settings = Settings.model_validate({"model": {"people": "several"}})
        status, body, headers = get(rig, "/api/state")
        told = json.loads(body)
        assert (status, headers["Content-Type"]) == (200, "application/json; charset=utf-8")
        assert told["latency_ms"] == 10.0
        assert told["stages"]["inference"] == {"median": 8.0, "p95": 9.0}
        assert told["faults"] == {"source": "<script>alert(1)</script>"}
        assert told["outputs"][0] == {
            "name": "mqtt",
            "written": 7,
            "dropped": 1,
            "lost": 2,
            "fault": "no broker",
        }
        assert told["recording"] == "a.mp4"
        assert told["settings"]["model.people"] == "several"
        assert told["unsaved"] == ["model.people"]
        assert "movenet-thunder-int8" in told["models"]
        assert (told["watchers"], told["clients"], told["session"]) == (0, 0, False)


@pytest.mark.parametrize("live", [True, False])
def test_skeletons_are_mirrored_as_the_picture_is(live: bool) -> None:
    with serving(state=made_up_state(live=live), camera={"mirror": True}) as rig:
        told = json.loads(get(rig, "/api/state")[1])
        assert (told["live"], told["mirror"]) == (live, live)


def test_a_page_can_tell_that_the_server_is_another_one() -> None:
    with serving() as rig:
        first, same = (json.loads(get(rig, "/api/state")[1])["server"] for _ in range(2))
        assert first == same != ""
        hosts = {**rig.settings.web.model_dump(), "hosts": "pose.example"}
        rig.server.change(Settings.model_validate({"web": hosts}))
        wait_until(lambda: bool(rig.places))
        assert json.loads(get(rig, "/api/state")[1])["server"] != first


def test_the_history_grows_and_the_log_is_kept(caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.INFO, "pose_edge")
    with serving() as rig:
        wait_until(lambda: json.loads(get(rig, "/api/history")[1])["poses_fps"] == [29.0])
        history = json.loads(get(rig, "/api/history")[1])
        assert history["latency_ms"] == [10.0]
        assert history["temperature"] == [51.3]
        lines = json.loads(get(rig, "/api/log")[1])["lines"]
        assert any("web: page at http://127.0.0.1" in line for line in lines)


def test_health_tells_whether_frames_flow() -> None:
    with serving() as rig:
        assert get(rig, "/healthz")[:2] == (200, b"ok\n")


def test_settings_are_changed_or_it_is_said_why_not() -> None:
    with serving() as rig:
        change = {"key": "camera.mirror", "value": True}
        assert post(rig, "/api/settings", change) == (200, {"text": "camera.mirror: True"})
        assert rig.settings.camera.mirror
        status, answer = post(rig, "/api/settings", {"key": "model.people", "value": "many"})
        assert status == 409
        assert "not changed" in answer["text"]
        for key, value in (
            ("source.name", "demo"),
            ("model.name", "/etc/passwd"),
            ("model.name", []),
            (7, 7),
            (None, None),
        ):
            assert post(rig, "/api/settings", {"key": key, "value": value})[0] == 409
        assert rig.changes == [("camera.mirror", True), ("model.people", "many")]


def test_what_was_changed_is_kept_with_the_comments(tmp_path: Path) -> None:
    config = tmp_path / "config.yaml"
    config.write_text("# mine\ncamera:\n  mirror: false  # as a mirror\n", encoding="utf-8")
    with serving(config) as rig:
        assert post(rig, "/api/keep", {}) == (200, {"text": "nothing has changed"})
        post(rig, "/api/settings", {"key": "camera.mirror", "value": True})
        post(rig, "/api/settings", {"key": "overlay.min_keypoint_score", "value": 0.5})
        status, answer = post(rig, "/api/keep", {})
        assert status == 200, answer
        assert config.read_text(encoding="utf-8") == (
            "# mine\ncamera:\n  mirror: true   # as a mirror\noverlay:\n  min_keypoint_score: 0.5\n"
        )
        assert json.loads(get(rig, "/api/state")[1])["unsaved"] == []


def test_what_the_command_line_overrides_is_said_to_stay_unsaved(tmp_path: Path) -> None:
    config = tmp_path / "config.yaml"
    config.write_text("", encoding="utf-8")
    with serving(config) as rig:
        rig.overridden = ["camera.mirror"]
        post(rig, "/api/settings", {"key": "camera.mirror", "value": True})
        post(rig, "/api/settings", {"key": "overlay.min_keypoint_score", "value": 0.5})
        status, answer = post(rig, "/api/keep", {})
        assert status == 200
        assert answer["text"].endswith(
            ", but the command line or the environment sets camera.mirror"
        )
        assert json.loads(get(rig, "/api/state")[1])["unsaved"] == ["camera.mirror"]


def test_without_a_file_of_the_users_nothing_is_written(tmp_path: Path) -> None:
    with serving(tmp_path / "missing.yaml") as rig:
        post(rig, "/api/settings", {"key": "camera.mirror", "value": True})
        status, answer = post(rig, "/api/keep", {})
        assert (status, "cannot be read" in answer["text"]) == (409, True)
    with serving() as rig:
        post(rig, "/api/settings", {"key": "camera.mirror", "value": True})
        status, answer = post(rig, "/api/keep", {})
        assert (status, "--config FILE" in answer["text"]) == (409, True)


def test_a_file_that_may_not_be_written_leaves_the_lines_to_write_by_hand(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse(path: Path, _text: str) -> None:
        raise OSError(errno.EROFS, "Read-only file system", str(path))

    monkeypatch.setattr("pose_edge.web.keeping.write_atomically", refuse)
    config = tmp_path / "config.yaml"
    config.write_text("camera:\n  mirror: false\n", encoding="utf-8")
    with serving(config) as rig:
        post(rig, "/api/settings", {"key": "camera.mirror", "value": True})
        post(rig, "/api/settings", {"key": "overlay.min_keypoint_score", "value": 0.5})
        assert post(rig, "/api/keep", {}) == (
            409,
            {
                "text": f"{config} cannot be written (Read-only file system); write there by hand: "
                "overlay.min_keypoint_score: 0.5, camera.mirror: true"
            },
        )
        assert len(json.loads(get(rig, "/api/state")[1])["unsaved"]) == 2


def test_a_recording_is_started_and_ended() -> None:
    with serving(record={"path": "walk-{time}.mp4"}) as rig:
        assert post(rig, "/api/recording", {"on": False})[0] == 200
        assert rig.changes == [("record.path", None)]
        assert post(rig, "/api/recording", {"on": True})[0] == 200
        assert rig.settings.record.path == "walk-{time}.mp4"
        assert post(rig, "/api/recording", {"on": "yes"})[0] == 409


def test_a_snapshot_has_the_size_of_the_frame() -> None:
    with serving() as rig:
        rig.scene_size = (1280, 720)
        status, body, headers = request(rig, "POST", "/api/snapshot", json={})
        assert (status, headers["Content-Type"]) == (200, "image/jpeg")
        assert headers["Content-Disposition"].startswith('attachment; filename="pose-edge-')
        picture = cv2.imdecode(np.frombuffer(body, np.uint8), cv2.IMREAD_COLOR)
        assert picture is not None
        assert picture.shape == (720, 1280, 3)
        rig.has_picture = False
        assert post(rig, "/api/snapshot", {}) == (409, {"text": "there is no picture now"})


def test_files_are_listed_played_fetched_in_parts_and_deleted(tmp_path: Path) -> None:
    with serving(
        record={"path": str(tmp_path / "rec-{time}.mp4")},
        poses={"path": str(tmp_path / "poses-{time}.jsonl")},
    ) as rig:
        video, poses = (
            tmp_path / "rec-2026-11-23_03-12-05.mp4",
            tmp_path / "poses-2026-11-23_03-12-05.jsonl",
        )
        video.write_bytes(b"0123456789")
        poses.write_bytes(b"{}\n")
        (tmp_path / "diary.mp4").write_bytes(b"private")
        (tmp_path / "rec-2026-11-23_03-12-06.mp4").symlink_to("/etc/passwd")
        files = json.loads(get(rig, "/api/files")[1])["files"]
        assert {(one["name"], one["size"], one["kind"]) for one in files} == {
            (video.name, 10, "video"),
            (poses.name, 3, "poses"),
        }
        status, body, headers = get(rig, f"/files/{video.name}", Range="bytes=2-4")
        assert (status, body, headers["Content-Range"]) == (206, b"234", "bytes 2-4/10")
        assert headers["Content-Disposition"].startswith("inline")
        assert headers["X-Content-Type-Options"] == "nosniff"
        status, body, headers = get(rig, f"/files/{poses.name}")
        assert (status, body) == (200, b"{}\n")
        assert headers["Content-Disposition"].startswith("attachment")
        for name in ("diary.mp4", "rec-2026-11-23_03-12-06.mp4", ""):
            assert get(rig, f"/files/{name}")[0] == 404
            assert post(rig, "/api/files/delete", {"name": name})[0] == 409
        assert post(rig, "/api/files/delete", {"name": video.name})[0] == 200
        assert not video.exists()
        assert (tmp_path / "diary.mp4").exists()


def test_the_recordings_of_the_configuration_are_listed_while_none_is_made(tmp_path: Path) -> None:
    with serving(record={"path": str(tmp_path / "rec-{time}.mp4")}) as rig:
        video = tmp_path / "rec-2026-11-23_03-12-05.mp4"
        video.write_bytes(b"0123456789")
        assert post(rig, "/api/recording", {"on": False})[0] == 200
        files = json.loads(get(rig, "/api/files")[1])["files"]
        assert [file["name"] for file in files] == [video.name]
        assert get(rig, f"/files/{video.name}")[:2] == (200, b"0123456789")
        assert post(rig, "/api/files/delete", {"name": video.name})[0] == 200
        assert not video.exists()


def test_a_file_that_is_being_written_is_not_deleted(tmp_path: Path) -> None:
    from pose_edge.sinks.segment_files import lock

    path = tmp_path / "rec.mp4"
    with serving(record={"path": str(path)}) as rig, path.open("wb") as file:
        lock(file.fileno())
        status, answer = post(rig, "/api/files/delete", {"name": "rec.mp4"})
        assert (status, answer) == (409, {"text": "rec.mp4 is being written"})
        assert path.exists()


def test_people_log_in_with_the_token_and_out_again(tmp_path: Path) -> None:
    (tmp_path / "token").write_text(f"{TOKEN}\n", encoding="utf-8")
    with serving(web={"token_file": str(tmp_path / "token")}) as rig:
        status, _body, headers = get(rig, "/")
        assert (status, headers["Location"]) == (303, "login")
        assert get(rig, "/login")[0] == 200
        assert get(rig, "/healthz")[0] == 200
        for path in ("/api/state", "/stream.mjpg", "/poses", "/files/x.mp4", "/page.js"):
            assert get(rig, path)[0] == 401, path
        status, body, headers = request(rig, "POST", "/login", data={"token": "wrong-token"})
        assert status == 403
        assert "this is not the token" in body.decode()
        status, _body, headers = request(rig, "POST", "/login", data={"token": TOKEN})
        cookie = headers["Set-Cookie"]
        assert (status, headers["Location"]) == (303, "./")
        assert "HttpOnly" in cookie
        assert "SameSite=Strict" in cookie
        assert "Path" not in cookie
        assert TOKEN not in cookie
        session = cookie.partition(";")[0]
        status, body, _headers = get(rig, "/api/state", Cookie=session)
        assert (status, json.loads(body)["session"]) == (200, True)
        assert get(rig, "/api/state", Authorization=f"Bearer {TOKEN}")[0] == 200
        assert get(rig, "/api/state", Authorization="Bearer no-such-token")[0] == 403
        assert request(rig, "POST", "/logout", headers={"Cookie": session})[0] == 303
        assert get(rig, "/api/state", Cookie=session)[0] == 401


@pytest.mark.parametrize(
    ("charset", "form"), [("utf-8", b"token=%ff\xff"), ("no-such-charset", b"token=x")]
)
def test_a_form_that_cannot_be_read_is_a_wrong_attempt(
    tmp_path: Path, charset: str, form: bytes
) -> None:
    (tmp_path / "token").write_text(f"{TOKEN}\n", encoding="utf-8")
    headers = {"Content-Type": f"application/x-www-form-urlencoded; charset={charset}"}
    with serving(web={"token_file": str(tmp_path / "token")}) as rig:
        for expected in (400, 400, 400, 429):
            status, body, _headers = request(rig, "POST", "/login", data=form, headers=headers)
            assert (status, b"<form" in body) == (expected, True)


@pytest.mark.parametrize("token_file", [None, "/nowhere/token"])
def test_without_a_token_no_other_machine_is_served(token_file: str | None) -> None:
    rig = Rig(
        Settings.model_validate(
            {"web": {"enabled": True, "listen": "0.0.0.0:0", "token_file": token_file}}
        )
    )
    rig.open()
    try:
        assert not rig.places
        assert "token" in str(rig.faults[-1])
    finally:
        rig.server.close()


def test_a_place_that_is_taken_is_said_and_tried_again() -> None:
    with socket.create_server(("127.0.0.1", 0)) as other:
        port = other.getsockname()[1]
        rig = Rig(Settings.model_validate({"web": {"enabled": True, "listen": str(port)}}))
        rig.open()
        fault = f"cannot listen at 127.0.0.1:{port}: Address already in use; choose another port"
        assert str(rig.faults[-1]) == fault
        assert rig.server.failures() == [f"web: {fault}"]
    wait_until(lambda: rig.places == f"127.0.0.1:{port}")
    assert rig.faults[-1] is None
    rig.server.close()
    assert rig.server.failures() == []


@pytest.mark.parametrize("code", [errno.EADDRNOTAVAIL, errno.EAFNOSUPPORT])
def test_a_machine_without_ipv6_serves_localhost_all_the_same(
    code: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    real = listener._bound_socket

    def bind(family: int, *others: Any) -> socket.socket:  # noqa: ANN401 - as in the module
        if family == socket.AF_INET6:
            raise OSError(code, "no such address")
        return real(family, *others)

    async def both(_loop: object, _host: str, port: int, **_options: object) -> list[Any]:
        six = (socket.AF_INET6, socket.SOCK_STREAM, 6, "", ("::1", port, 0, 0))
        return [six, (socket.AF_INET, socket.SOCK_STREAM, 6, "", ("127.0.0.1", port))]

    monkeypatch.setattr(listener, "_bound_socket", bind)
    monkeypatch.setattr(asyncio.BaseEventLoop, "getaddrinfo", both)
    with serving(web={"listen": "localhost:0"}) as rig:
        assert get(rig, "/healthz")[0] == 200


def test_a_host_of_which_this_machine_has_no_address_is_said() -> None:
    rig = Rig(Settings.model_validate({"websocket": {"listen": "192.0.2.1:0"}}))
    rig.open()
    assert "Cannot assign requested address" in str(rig.faults[-1])
    rig.server.close()


def test_a_reload_moves_the_server_only_where_it_must() -> None:
    with serving() as rig:
        before = rig.places
        web = {**rig.settings.web.model_dump(), "quality": 30}
        rig.server.change(Settings.model_validate({"web": web}))
        assert rig.server.picture.settings.quality == 30
        assert rig.places == before
        with socket.create_server(("127.0.0.1", 0)) as other:
            port = other.getsockname()[1]
        rig.server.change(
            Settings.model_validate({"web": {**web, "listen": str(port)}, "metrics": {}})
        )
        wait_until(lambda: rig.places == f"127.0.0.1:{port}")
        assert get(rig, "/healthz")[0] == 200
        rig.server.change(Settings())
        assert rig.supervisor.parts == []
        with pytest.raises(ConnectionRefusedError):
            socket.create_connection(("127.0.0.1", port))


def test_pose_lines_alone_need_no_page() -> None:
    rig = Rig(Settings.model_validate({"websocket": {"listen": "0"}}))
    rig.open()
    try:
        assert get(rig, "/healthz")[0] == 200
        assert get(rig, "/")[0] == 404
        assert get(rig, "/stream.mjpg")[0] == 404
    finally:
        rig.server.close()


def test_a_thread_that_fails_is_replaced(monkeypatch: pytest.MonkeyPatch) -> None:
    with serving() as rig:
        port = rig.port
        first = rig.server._serving
        assert first is not None

        def fail(*_arguments: object) -> None:
            raise RuntimeError("for the test")

        monkeypatch.setattr(rig.server.poses, "_note_dropped", fail)
        monkeypatch.setattr(first, "_tick", fail)
        part = next(part for part in rig.supervisor.parts if part.name == "web")
        wait_until(lambda: part.state is State.FAILED)

        def replaced() -> bool:
            rig.supervisor.look()
            return rig.server._serving is not first

        wait_until(replaced)
        wait_until(lambda: bool(rig.places))
        assert rig.port != port or rig.places


def test_a_thread_that_hangs_gives_its_place_to_another() -> None:
    with socket.create_server(("127.0.0.1", 0)) as other:
        port = other.getsockname()[1]
    with serving(web={"listen": str(port)}) as rig:
        part = next(part for part in rig.supervisor.parts if part.name == "web")
        part.hang_next = True
        wait_until(lambda: not part.hang_next)
        rig.server._replace()
        wait_until(lambda: rig.places == f"127.0.0.1:{port}")
        wait_until(lambda: get(rig, "/healthz")[0] == 200)


def test_a_missing_library_is_said_with_its_remedy(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(server_module, "find_spec", lambda _name: None)
    WebServer(Settings(), report=lambda _fault: None, supervisor=Supervisor())
    with pytest.raises(UnavailableError, match="aiohttp") as caught:
        WebServer(
            Settings.model_validate({"websocket": {"listen": "0"}}),
            report=lambda _fault: None,
            supervisor=Supervisor(),
        )
    assert "pose-edge[web]" in str(caught.value.remedy)
