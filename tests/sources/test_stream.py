from __future__ import annotations

import itertools
import logging
import socket
import time
from collections.abc import Iterator
from pathlib import Path

import pytest
from clips import write_clip, write_titled_clip
from helpers import GENEROUS_S, coded_picture, read_code, slowness
from rtsp import RtspServer, lengthen, need_server
from scripted_http import ScriptedHttpServer

from pose_edge.config.schema import CameraSettings
from pose_edge.errors import SourceError, SourceLost
from pose_edge.frames import Frame
from pose_edge.sources import stream as stream_module
from pose_edge.sources.stream import Stream

SETTINGS = CameraSettings(timeout=1.0)
PATIENT = CameraSettings(timeout=10.0)


@pytest.fixture(scope="session")
def clip(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return a video of some minutes with coded pictures and one key frame per second."""
    need_server()
    folder = tmp_path_factory.mktemp("rtsp")
    second = write_clip(folder / "s.mp4", [coded_picture(n, 320, 240) for n in range(30)])
    return lengthen(second, folder / "long.mp4", 200)


@pytest.fixture(scope="session")
def sparse_clip(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return a video at 30 fps with a key frame every 5 s."""
    need_server()
    folder = tmp_path_factory.mktemp("rtsp")
    pictures = [coded_picture(n, 320, 240) for n in range(150)]
    once = write_clip(folder / "s.mp4", pictures)
    return lengthen(once, folder / "long.mp4", 20)


def read(stream: Stream) -> Frame:
    """Read the next frame; fail if none comes in time."""
    deadline = time.monotonic() + GENEROUS_S
    while time.monotonic() < deadline:
        frame = stream.read(0.1)
        if frame is not None:
            return frame
    raise AssertionError("no frame came")


def read_until_lost(stream: Stream) -> tuple[float, str]:
    """Read until the stream is lost; return the seconds since the last frame, and the message."""
    while True:
        before = time.monotonic()
        try:
            read(stream)
        except SourceLost as error:
            return time.monotonic() - before, str(error)


# --- RTSP -----------------------------------------------------------------------------------------


@pytest.mark.parametrize("transport", ["tcp", "udp"])
def test_rtsp_frames_come_in_order_at_their_own_pace_from_the_first(
    clip: Path, transport: str
) -> None:
    with RtspServer(clip) as server:
        stream = Stream(server.url, PATIENT.model_copy(update={"transport": transport}))
        stream.open()
        assert stream.frame_rate == 30
        assert (stream.live, stream.still, stream.frame_count) == (True, False, None)
        frames = [read(stream) for _ in range(60)]
        codes = [read_code(frame.image) for frame in frames]
        assert codes == [(codes[0] + n) % 30 for n in range(60)]
        if transport == "tcp":
            assert codes[0] == 0, "no frame is lost while the stream is looked at"
        assert [frame.index for frame in frames] == list(range(60))
        assert frames[0].image.shape == (240, 320, 3)
        moments = [frame.captured_ns / 1e9 for frame in frames]
        assert moments[-1] - moments[20] == pytest.approx(39 / 30, abs=0.02)
        assert all(frame.captured_ns <= time.monotonic_ns() for frame in frames)
        stream.close()
        stream.close()


def test_an_rtsp_server_that_hangs_is_lost_after_the_limit_and_comes_back(clip: Path) -> None:
    with RtspServer(clip) as server:
        stream = Stream(server.url, SETTINGS)
        stream.open()
        first = read(stream)
        server.stall()
        seconds, reason = read_until_lost(stream)
        assert 0.5 < seconds < GENEROUS_S
        assert reason.endswith("no answer within 1 s")
        stream.close()
        with pytest.raises(SourceError, match="no answer within 1 s"):
            stream.open()
        server.resume()
        stream.open()
        assert read(stream).index > first.index, "numbers go on"
        stream.close()


def test_an_rtsp_server_without_power_is_lost_at_once_and_comes_back(clip: Path) -> None:
    with RtspServer(clip) as server:
        stream = Stream(server.url, PATIENT)
        stream.open()
        read(stream)
        server.stop()
        assert read_until_lost(stream)[0] < 9
        stream.close()
        with pytest.raises(SourceError, match="connection refused by"):
            stream.open()
        server.start()
        stream.open()
        read(stream)
        stream.close()


@pytest.mark.parametrize("method", ["basic", "digest"])
@pytest.mark.parametrize("password", ["s3cret", "s3cr@t/?#%:"])
def test_passwords_are_used_and_never_said(
    clip: Path,
    method: str,
    password: str,
    caplog: pytest.LogCaptureFixture,
    capfd: pytest.CaptureFixture[str],
) -> None:
    told = []
    with caplog.at_level(logging.DEBUG), RtspServer(clip, f"{method}:joe:{password}") as server:
        stream = Stream(server.url, PATIENT)
        stream.open()
        read(stream)
        server.stop()
        told.append(read_until_lost(stream)[1])
        server.start()
        for url in (server.address, server.url.replace("joe", "jim")):
            with pytest.raises(SourceError) as error:
                Stream(url, PATIENT).open()
            told.append(str(error.value))
            assert "user or password is wrong or missing" in told[-1]
            assert error.value.__cause__ is None
        told.append(stream.describe())
        stream.close()
    captured = capfd.readouterr()
    everything = "".join((*told, caplog.text, captured.out, captured.err))
    for secret in (password, server.url.split("joe:")[1].split("@")[0]):
        assert secret not in everything


def test_a_stream_that_fell_behind_skips_frames_until_it_has_caught_up(clip: Path) -> None:
    with RtspServer(clip) as server:
        stream = Stream(server.url, PATIENT)
        stream.open()
        for _ in range(40):
            last = read(stream)
        time.sleep(3.0)  # like a slow decoder: frames queue up in the network
        ages, indexes = [], [last.index]
        for _ in range(60):
            frame = read(stream)
            ages.append((time.monotonic_ns() - frame.captured_ns) / 1e9)
            indexes.append(frame.index)
        gaps = [after - before for before, after in itertools.pairwise(indexes)]
        assert max(gaps) > 30, "what piled up is skipped, and counted"
        # Frames before the gap are late; the frames after it are recent again.
        assert max(ages[gaps.index(max(gaps)) + 1 :]) < 0.5 * slowness()
        codes_restart = read_code(frame.image)
        assert 0 <= codes_restart < 30
        stream.close()


def test_after_a_stall_the_picture_goes_on_without_a_key_frame(sparse_clip: Path) -> None:
    with RtspServer(sparse_clip) as server:
        stream = Stream(server.url, PATIENT)
        stream.open()
        for _ in range(20):
            read(stream)
        time.sleep(1.5)
        last = read(stream)
        while last.index < 20 + 35:  # late frames are dropped
            last = read(stream)
        assert last.index < 150, "the next key frame"
        stream.close()


def test_read_returns_while_frames_are_skipped_until_a_distant_key_frame(
    sparse_clip: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The capture thread sends its heartbeat between calls of `read`."""
    monkeypatch.setattr(stream_module, "CATCH_UP_NS", -1)
    with RtspServer(sparse_clip) as server:
        stream = Stream(server.url, PATIENT)
        stream.open()
        for _ in range(20):
            last = read(stream)
        time.sleep(2.0)  # like a decoder that is far too slow
        empty = 0
        while last.index < 20 + 60:  # skip the frames that queued up
            frame = stream.read(0.1)
            empty += frame is None
            last = frame or last
        assert empty >= 5, "one about every 0.1 s, for seconds"
        assert last.index >= 150, "the next key frame"
        stream.close()


@pytest.mark.parametrize(
    ("answer", "reason"),
    [
        ("401 Unauthorized\r\nCSeq: 2\r\n\r\n", "user or password is wrong or missing (401 "),
        ("404 Not Found\r\nCSeq: 2\r\n\r\n", "there is nothing at /live (404 Not Found)"),
        ("453 Busy \x1b[31m\r\nCSeq: 2\r\n\r\n", "the server refuses with a 4xx error of its own"),
        ("200 OK\r\nCSeq: 2\r\nContent-Length: 2000000000\r\n\r\n", "not a video that can be read"),
        ("200 OK\r\nCSeq: 2\r\nContent-Length: 0\r\n\r\n", "not a video that can be read"),
    ],
)
def test_why_an_rtsp_server_gives_no_video(answer: str, reason: str) -> None:
    def script(_request: str) -> Iterator[bytes]:
        yield b"RTSP/1.0 200 OK\r\nCSeq: 1\r\nPublic: DESCRIBE\r\n\r\n"
        yield f"RTSP/1.0 {answer}".encode()
        server.over.wait(GENEROUS_S)

    with ScriptedHttpServer(script) as server:
        stream = Stream(server.url("/live").replace("http", "rtsp"), PATIENT)
        with pytest.raises(SourceError) as error:
            stream.open()
        assert reason in str(error.value)
        assert "\x1b" not in str(error.value)


def test_a_camera_that_refuses_the_transport() -> None:
    description = "v=0\r\nc=IN IP4 0.0.0.0\r\nm=video 0 RTP/AVP 26\r\na=control:track1\r\n"

    def script(_request: str) -> Iterator[bytes]:
        yield b"RTSP/1.0 200 OK\r\nCSeq: 1\r\nPublic: DESCRIBE\r\n\r\n"
        length = f"Content-Type: application/sdp\r\nContent-Length: {len(description)}"
        yield f"RTSP/1.0 200 OK\r\nCSeq: 2\r\n{length}\r\n\r\n{description}".encode()
        yield b"RTSP/1.0 461 Unsupported Transport\r\nCSeq: 3\r\n\r\n"
        server.over.wait(GENEROUS_S)

    with ScriptedHttpServer(script) as server:
        stream = Stream(server.url("/live").replace("http", "rtsp"), PATIENT)
        with pytest.raises(SourceError) as error:
            stream.open()
    assert error.value.message.endswith("the camera does not send by tcp")
    assert error.value.remedy == "`--set camera.transport=udp`"


def test_a_name_that_cannot_be_resolved_is_said(monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(*_arguments: object) -> None:
        raise socket.gaierror(socket.EAI_NONAME, "Name or service not known")

    monkeypatch.setattr(socket, "getaddrinfo", refuse)
    with pytest.raises(SourceError, match=r"the name camera\.invalid cannot be resolved"):
        Stream("rtsp://camera.invalid/x", SETTINGS).open()


@pytest.mark.parametrize(
    "url", ["rtsp://joe:s3cret@[::1/x", "rtsp://joe:s3cret@127.0.0.1:99999/x", "http://a\0b/"]
)
def test_addresses_that_make_no_sense(url: str) -> None:
    with pytest.raises(SourceError) as error:
        Stream(url, SETTINGS).open()
    assert "s3cret" not in str(error.value)
    assert "\n" not in str(error.value)


def test_a_title_that_is_not_utf_8(tmp_path: Path) -> None:
    content = write_titled_clip(tmp_path / "v.avi", coded_picture(7, 160, 120)).read_bytes()
    head = b"HTTP/1.1 200 OK\r\nContent-Type: video/avi\r\nContent-Length: %d\r\n\r\n"
    with ScriptedHttpServer(lambda _request: (head % len(content), content)) as server:
        stream = Stream(server.url("/v.avi"), PATIENT)
        stream.open()
        assert read_code(read(stream).image) == 7
        stream.close()


def test_a_stream_that_is_not_open_is_lost() -> None:
    with pytest.raises(SourceLost, match="is not open"):
        Stream("http://nowhere/x", SETTINGS).read(0)
