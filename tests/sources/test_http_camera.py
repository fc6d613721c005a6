from __future__ import annotations

import io
import itertools
import socket
import threading
import time
from collections.abc import Iterator
from fractions import Fraction
from pathlib import Path

import av
import cv2
import numpy as np
import pytest
from clips import write_clip
from helpers import GENEROUS_S, coded_picture, read_code, wait_until
from mjpeg import MjpegServer
from PIL import Image as PillowImage
from scripted_http import ScriptedHttpServer, head

from pose_edge.config.schema import CameraSettings
from pose_edge.errors import SourceError, SourceLost
from pose_edge.frames import Frame, Image
from pose_edge.sources import http_camera, jpeg_feeds
from pose_edge.sources.demand import FrameDemand
from pose_edge.sources.http_camera import HttpCamera
from pose_edge.sources.pixels import decode_jpeg

SETTINGS = CameraSettings(timeout=1.0)
PATIENT = CameraSettings(timeout=10.0)
MULTIPART = "multipart/x-mixed-replace; boundary=foo"


def jpeg(number: int, width: int = 320, height: int = 240) -> bytes:
    """Return a JPEG that encodes a number."""
    return cv2.imencode(".jpg", coded_picture(number, width, height))[1].tobytes()


def part(content: bytes, boundary: str = "--foo") -> bytes:
    """Return a part of an MJPEG stream."""
    lines = f"{boundary}\r\nContent-Type: image/jpeg\r\nContent-Length: {len(content)}\r\n\r\n"
    return lines.encode() + content + b"\r\n"


def read(camera: HttpCamera) -> Frame:
    """Read the next frame; fail if none comes in time."""
    deadline = time.monotonic() + GENEROUS_S
    while time.monotonic() < deadline:
        frame = camera.read(0.1)
        if frame is not None:
            return frame
    raise AssertionError("no frame came")


def read_until_lost(camera: HttpCamera) -> tuple[float, str]:
    """Read until the camera is lost; return the seconds since the last frame, and the message."""
    while True:
        before = time.monotonic()
        try:
            read(camera)
        except SourceLost as error:
            return time.monotonic() - before, str(error)


# --- MJPEG ----------------------------------------------------------------------------------------


def test_mjpeg_arrives_in_order_and_without_a_backlog() -> None:
    with MjpegServer(fps=30) as server:
        camera = HttpCamera(server.url, SETTINGS)
        camera.open()
        frames = [read(camera) for _ in range(20)]
        codes = [read_code(frame.image) for frame in frames]
        assert codes == sorted(set(codes))
        assert frames[0].image.shape == (240, 320, 3)
        assert [frame.index for frame in frames] == sorted({frame.index for frame in frames})
        camera.close()


def test_a_camera_that_hangs_is_lost_after_the_time_limit_and_comes_back() -> None:
    with MjpegServer(fps=30) as server:
        camera = HttpCamera(server.url, SETTINGS)
        camera.open()
        read(camera)
        server.stall()
        assert 0.5 < read_until_lost(camera)[0] < GENEROUS_S
        camera.close()
        server.resume()
        camera.open()
        read(camera)
        camera.close()


def test_read_returns_while_packets_cannot_be_decoded() -> None:
    with MjpegServer(fps=30) as server:
        camera = HttpCamera(server.url, PATIENT)
        camera.open()
        first = read(camera)
        server.damage(30)
        frames = [camera.read(0.1) for _ in range(40)]
        assert None in frames
        given = [first, *(frame for frame in frames if frame)]
        gaps = [after.index - before.index for before, after in itertools.pairwise(given)]
        assert sum(gaps) - len(gaps) >= 30, "damaged frames are counted"
        camera.close()


def test_a_stream_that_can_never_be_decoded_is_lost(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(http_camera, "NO_PICTURE_S", 0.5)
    with MjpegServer(fps=30) as server:
        camera = HttpCamera(server.url, PATIENT)
        camera.open()
        read(camera)
        server.damage(None)
        seconds, reason = read_until_lost(camera)
        assert seconds > 0.4
        assert "no picture could be decoded for 0.5 s" in reason
        camera.close()


def test_a_camera_without_power_is_lost_at_once_and_comes_back() -> None:
    with MjpegServer(fps=30) as server:
        camera = HttpCamera(server.url, PATIENT)
        camera.open()
        read(camera)
        server.stop()
        assert read_until_lost(camera)[0] < 9
        with pytest.raises(SourceError, match="connection refused by"):
            camera.open()
        server.start()
        camera.open()
        read(camera)
        camera.close()
        assert server.connections >= 2


def test_an_address_that_does_not_answer_is_said_without_its_password() -> None:
    server = MjpegServer(credentials="joe:s3cret")
    server.start()
    url = server.url
    server.stop()
    camera = HttpCamera(url, SETTINGS)
    with pytest.raises(SourceError) as error:
        camera.open()
    assert "s3cret" not in str(error.value)
    assert "***@127.0.0.1" in str(error.value)
    assert "s3cret" not in camera.describe()


def test_the_password_is_used_all_the_same() -> None:
    with MjpegServer(credentials="joe:s3cret") as server:
        camera = HttpCamera(server.url, SETTINGS)
        camera.open()
        read(camera)
        camera.close()


def test_many_losses_leave_nothing_behind() -> None:
    def count() -> int:
        return len(list(Path("/proc/self/fd").iterdir()))

    others = threading.active_count()
    with MjpegServer(fps=60) as server:
        camera = HttpCamera(server.url, PATIENT)
        for number in range(20):
            camera.open()
            read(camera)
            camera.close()
            if number == 0:
                wait_until(
                    lambda: threading.active_count() <= others + 1, "the server's end of the line"
                )
                before = count()
        # The server runs in this process, and closes its sockets when it next writes to them.
        wait_until(lambda: count() == before, "the end of all connections")


def test_a_reader_that_is_slow_gets_the_newest_picture_and_counts_the_others() -> None:
    sent = threading.Event()

    def script(_request: str) -> Iterator[bytes]:
        yield head(content_type=MULTIPART) + part(jpeg(0))
        yield b"".join(part(jpeg(number)) for number in range(1, 9))
        sent.set()
        server.over.wait(GENEROUS_S)

    with ScriptedHttpServer(script) as server:
        camera = HttpCamera(server.url("/"), PATIENT)
        camera.open()
        assert sent.wait(GENEROUS_S)
        frames = [read(camera)]
        while frames[-1].index < 8:
            frames.append(read(camera))
        assert read_code(frames[-1].image) == 8
        assert frames[-1].index == 8
        assert len(frames) < 9
        camera.close()


def test_pictures_that_are_not_due_are_not_decoded(monkeypatch: pytest.MonkeyPatch) -> None:
    class Wish(FrameDemand):
        wait_s = 60.0

        def due_in(self) -> float:
            return self.wait_s

    decoded = []

    def counting(data: bytes, memory: Image, scale: int) -> Image:
        decoded.append(len(data))
        return decode_jpeg(data, memory, scale)

    monkeypatch.setattr(http_camera, "decode_jpeg", counting)

    def script(_request: str) -> Iterator[bytes]:
        yield head(content_type=MULTIPART) + part(jpeg(0))
        for number in range(1, 9):
            yield part(jpeg(number))
        server.over.wait(GENEROUS_S)

    with ScriptedHttpServer(script) as server:
        camera = HttpCamera(server.url("/"), PATIENT)
        camera.demand = wish = Wish()
        camera.open()

        def all_came() -> bool:
            assert camera.read(0.05) is None
            return wish.left_out == 8

        wait_until(all_came, "the last picture")
        assert not decoded
        wish.wait_s = 0.0
        frame = read(camera)
        assert (read_code(frame.image), frame.index) == (8, 8)
        assert len(decoded) == 1
        camera.close()


@pytest.mark.parametrize("orientation", [1, 6])
def test_a_picture_that_nobody_sees_is_decoded_smaller(orientation: int) -> None:
    data = io.BytesIO()
    exif = PillowImage.Exif()
    exif[0x0112] = orientation
    PillowImage.fromarray(coded_picture(7, 641, 480)).save(data, "JPEG", exif=exif)

    def script(_request: str) -> Iterator[bytes]:
        yield head(content_type=MULTIPART) + part(data.getvalue())
        server.over.wait(GENEROUS_S)

    with ScriptedHttpServer(script) as server:
        camera = HttpCamera(server.url("/"), PATIENT)
        camera.demand.visible, camera.demand.shrink = False, 3.0
        camera.open()
        frame = read(camera)
        stored = (frame.height, frame.width) if orientation == 6 else (frame.width, frame.height)
        assert stored == (641, 480)
        assert sorted(frame.image.shape) == [3, 240, 321]
        assert (frame.width > frame.height) == (frame.image.shape[1] > frame.image.shape[0])
        camera.close()


def odd_parts(kind: str) -> Iterator[bytes]:
    """Yield an MJPEG stream with the irregularities of some cameras."""
    for number in itertools.count():
        picture = jpeg(number % 100)
        if kind == "empty parts":
            yield part(b"" if number % 3 == 1 else picture)
        elif kind == "no first boundary":
            yield part(picture).removeprefix(b"--foo\r\n") + b"--foo\r\n"
        elif kind == "no length":
            yield b"--foo\r\nContent-Type: image/jpeg\r\n\r\n" + picture + b"\r\n"
        elif kind == "a length that is no number":
            yield part(picture).replace(str(len(picture)).encode(), "²".encode("latin-1"))
        elif kind == "another boundary than declared":
            yield part(picture, "--bar")
        elif kind == "chunks":
            data = part(picture)
            for piece in (data[:7], data[7:]):
                yield f"{len(piece):x}\r\n".encode() + piece + b"\r\n"
        elif kind == "all sizes":
            yield part(jpeg(number % 100, 320 + number % 5 * 16, 240))


@pytest.mark.parametrize(
    "kind",
    [
        "empty parts",
        "no first boundary",
        "no length",
        "a length that is no number",
        "another boundary than declared",
        "chunks",
        "all sizes",
    ],
)
def test_odd_parts_are_read(kind: str) -> None:
    def script(_request: str) -> Iterator[bytes]:
        more = {"transfer_encoding": "chunked"} if kind == "chunks" else {}
        yield head(content_type=MULTIPART, **more)
        for data in odd_parts(kind):
            yield data
            if server.over.wait(0.01):
                return

    with ScriptedHttpServer(script) as server:
        camera = HttpCamera(server.url("/"), PATIENT)
        camera.open()
        frames = [read(camera) for _ in range(10)]
        codes = [read_code(frame.image) for frame in frames]
        assert codes == sorted(set(codes))
        assert len(server.requests) == 1, "without connecting again"
        assert all(frame.captured_ns <= time.monotonic_ns() for frame in frames)
        camera.close()


@pytest.mark.parametrize(
    ("data", "reason"),
    [
        (b"--foo\r\nContent-Length: 2147483600\r\n\r\n", "larger than any picture"),
        (b"--foo\r\n" + b"X-A: " + b"a" * 20_000, "header has no end"),
    ],
)
def test_what_would_fill_the_memory_is_lost(data: bytes, reason: str) -> None:
    def script(_request: str) -> Iterator[bytes]:
        yield head(content_type=MULTIPART) + part(jpeg(1)) + data
        server.over.wait(GENEROUS_S)

    with ScriptedHttpServer(script) as server:
        camera = HttpCamera(server.url("/"), PATIENT)
        camera.open()
        assert reason in read_until_lost(camera)[1]
        camera.close()


def test_a_part_that_drips_in_is_lost_after_the_time_limit() -> None:
    def script(_request: str) -> Iterator[bytes]:
        yield head(content_type=MULTIPART) + part(jpeg(1))
        for byte in part(jpeg(2)):
            yield bytes([byte])
            if server.over.wait(0.1):
                return

    with ScriptedHttpServer(script) as server:
        camera = HttpCamera(server.url("/"), SETTINGS)
        camera.open()
        assert read_until_lost(camera)[1].endswith("no picture within 1 s")
        camera.close()


# --- single pictures ------------------------------------------------------------------------------


@pytest.mark.parametrize("declared", [True, False])
def test_an_address_of_single_pictures_is_asked_again_at_its_own_rate(declared: bool) -> None:
    def script(_request: str) -> Iterator[bytes]:
        picture = jpeg(len(server.requests))
        fields = {"content_type": "image/jpeg"}
        yield head(**fields, **({"content_length": str(len(picture))} if declared else {}))
        yield picture

    with ScriptedHttpServer(script) as server:
        camera = HttpCamera(
            server.url("/snap.jpg"), PATIENT.model_copy(update={"snapshot_fps": 20})
        )
        camera.open()
        began = time.monotonic()
        frames = [read(camera) for _ in range(6)]
        assert [read_code(frame.image) for frame in frames] == [1, 2, 3, 4, 5, 6]
        assert time.monotonic() - began >= 0.05 * 5 - 0.1
        assert camera.frame_rate == 20
        camera.close()


def test_an_address_of_single_pictures_is_not_asked_before_it_is_due() -> None:
    settings = PATIENT.model_copy(update={"snapshot_fps": 0.1})
    answer = [head(content_type="image/jpeg"), jpeg(1)]
    with ScriptedHttpServer(lambda _request: answer) as server:
        camera = HttpCamera(server.url("/snap.jpg"), settings)
        camera.open()
        assert read_code(read(camera).image) == 1
        assert camera.read(0.0) is None
        assert len(server.requests) == 1
        camera.close()


def test_a_camera_that_is_rarely_asked_is_not_lost_in_between() -> None:
    picture = jpeg(1)
    settings = CameraSettings(timeout=0.5, snapshot_fps=0.5)
    with ScriptedHttpServer(lambda _request: [head(content_type="image/jpeg"), picture]) as server:
        camera = HttpCamera(server.url("/snap.jpg"), settings)
        camera.open()
        assert [read_code(read(camera).image) for _ in range(2)] == [1, 1]
        camera.close()


@pytest.mark.parametrize(
    "fault",
    [
        b"HTTP/1.1 503 Busy\r\nContent-Length: 0\r\n\r\n",
        b"",
    ],
    ids=["refused", "closed"],
)
def test_single_pictures_that_fail_now_and_then_do_not_lose_the_camera(fault: bytes) -> None:
    def script(_request: str) -> Iterator[bytes]:
        number = len(server.requests)
        good = number % 3 == 1 and number < 8
        yield head(content_type="image/jpeg") + jpeg(number) if good else fault

    with ScriptedHttpServer(script) as server:
        camera = HttpCamera(
            server.url("/snap.jpg"), PATIENT.model_copy(update={"snapshot_fps": 20})
        )
        camera.open()
        frames = [read(camera) for _ in range(3)]
        assert [read_code(frame.image) for frame in frames] == [1, 4, 7]
        assert [frame.index for frame in frames] == [0, 3, 6]
        assert "127.0.0.1" in read_until_lost(camera)[1]
        assert len(server.requests) == 7 + jpeg_feeds.MAX_FAILURES
        camera.close()


@pytest.mark.parametrize("single", [True, False])
def test_pictures_are_upright(single: bool) -> None:
    """A phone used as a camera gives its orientation by EXIF."""
    stored = PillowImage.fromarray(np.full((24, 32, 3), 128, np.uint8))
    exif = stored.getexif()
    exif[0x0112] = 6
    content = io.BytesIO()
    stored.paste((255, 255, 255), (0, 0, 16, 12))  # the upper left; displayed at the upper right
    stored.save(content, "JPEG", exif=exif, quality=95)

    def script(_request: str) -> Iterator[bytes]:
        if single:
            yield head(content_type="image/jpeg") + content.getvalue()
        else:
            yield head(content_type=MULTIPART) + part(content.getvalue()) + b"--foo\r\n"
            server.over.wait(GENEROUS_S)

    with ScriptedHttpServer(script) as server:
        camera = HttpCamera(server.url("/phone"), PATIENT)
        camera.open()
        image = read(camera).image
        assert image.shape == (32, 24, 3)
        assert image[4, 20].min() > 240
        assert image[4, 4].max() < 140
        camera.close()


def test_a_picture_without_an_end_is_lost() -> None:
    def script(_request: str) -> Iterator[bytes]:
        yield head(content_type="image/jpeg") + jpeg(1)[:500]
        server.over.wait(GENEROUS_S)

    with ScriptedHttpServer(script) as server:
        camera = HttpCamera(server.url("/snap.jpg"), SETTINGS)
        camera.open()
        assert read_until_lost(camera)[1].endswith("no answer within 1 s")
        camera.close()


# --- streams read with FFmpeg ---------------------------------------------------------------------


@pytest.fixture(scope="module")
def transport_stream(tmp_path_factory: pytest.TempPathFactory) -> bytes:
    """Return one second of MPEG-TS with 30 frames."""
    folder = tmp_path_factory.mktemp("ts")
    clip = write_clip(folder / "s.mp4", [coded_picture(n, 320, 240) for n in range(30)])
    target = folder / "s.ts"
    with av.open(str(clip)) as source, av.open(str(target), "w", format="mpegts") as out:
        stream = out.add_stream_from_template(source.streams.video[0])
        for packet in source.demux(video=0):
            if packet.dts is not None:
                packet.stream = stream
                out.mux(packet)
    return target.read_bytes()


@pytest.mark.parametrize("whole", [True, False])
def test_other_kinds_of_streams_are_read_too(transport_stream: bytes, whole: bool) -> None:
    def script(_request: str) -> Iterator[bytes]:
        length = {"content_length": str(len(transport_stream))} if whole else {}
        yield head(content_type="video/mp2t", **length)
        yield transport_stream

    with ScriptedHttpServer(script) as server:
        camera = HttpCamera(server.url("/live.ts"), PATIENT)
        camera.open()
        assert read_code(read(camera).image) in range(30)
        read_until_lost(camera)
        assert len(server.requests) == 1 or whole, "a server may allow one client only"
        camera.close()


def encode(target: Path, numbers: range, start_s: int) -> bytes:
    """Return MPEG-TS whose pictures encode numbers and whose timestamps begin at `start_s`."""
    with av.open(str(target), "w", format="mpegts") as out:
        stream = out.add_stream("libx264", rate=30, options={"tune": "zerolatency", "g": "15"})
        stream.width, stream.height, stream.pix_fmt = 320, 240, "yuv420p"
        for index, number in enumerate(numbers):
            frame = av.VideoFrame.from_ndarray(coded_picture(number, 320, 240), format="bgr24")
            frame.pts, frame.time_base = index, Fraction(1, 30)
            for packet in stream.encode(frame):
                packet.time_base = Fraction(1, 90_000)
                packet.pts = packet.dts = start_s * 90_000 + index * 3000
                out.mux(packet)
    return target.read_bytes()


@pytest.mark.parametrize("jump_s", [3600, -3600])
def test_a_jump_in_the_times_of_a_stream_does_not_stop_the_picture(
    tmp_path: Path, jump_s: int
) -> None:
    content = encode(tmp_path / "a.ts", range(60), 4000)
    content += encode(tmp_path / "b.ts", range(60, 400), 4000 + jump_s)

    def script(_request: str) -> Iterator[bytes]:
        yield head(content_type="video/mp2t")
        for start in range(0, len(content), 1880):
            yield content[start : start + 1880]
            if server.over.wait(0.02):
                return
        server.over.wait(GENEROUS_S)

    with ScriptedHttpServer(script) as server:
        camera = HttpCamera(server.url("/live.ts"), PATIENT)
        camera.open()
        codes: list[int] = []
        while not codes or codes[-1] < 80:
            codes.append(read_code(read(camera).image))
        assert codes == sorted(set(codes))
        camera.close()


def test_pixels_that_are_not_square_are_made_so(tmp_path: Path) -> None:
    target = tmp_path / "wide.ts"
    with av.open(str(target), "w", format="mpegts") as out:
        stream = out.add_stream("libx264", rate=30)
        stream.width, stream.height, stream.pix_fmt = 180, 144, "yuv420p"
        stream.codec_context.sample_aspect_ratio = Fraction(64, 45)
        for number in range(30):
            picture = coded_picture(number, 180, 144)
            out.mux(stream.encode(av.VideoFrame.from_ndarray(picture, format="bgr24")))
        out.mux(stream.encode())
    content = target.read_bytes()
    with ScriptedHttpServer(lambda _request: [head(content_type="video/mp2t"), content]) as server:
        camera = HttpCamera(server.url("/live.ts"), PATIENT)
        camera.open()
        frame = read(camera)
        assert (frame.width, frame.height) == (256, 144)
        assert read_code(frame.image) in range(30)
        camera.close()


# --- error messages by cause ----------------------------------------------------------------------


def opening_error(url: str, settings: CameraSettings = SETTINGS) -> str:
    """Return the message of the error that opening an address raises."""
    camera = HttpCamera(url, settings)
    with pytest.raises(SourceError) as error:
        camera.open()
    camera.close()
    assert "\x1b" not in str(error.value)
    return str(error.value)


@pytest.mark.parametrize(
    ("answer", "reason"),
    [
        (head("404 Not Found"), "there is nothing at /a/b (404 Not Found)"),
        (head("401 Unauthorized"), "user or password is wrong or missing (401 Unauthorized)"),
        (head("403 Forbidden"), "user or password is wrong or missing (403 Forbidden)"),
        (head("503 Busy \x1b[31m"), "the server answered 503 Busy [31m to /a/b"),
        (head(content_type="text/html") + b"<html>", "this is a web page, not a video"),
        (head(content_type="image/png") + b"\x89PNG", "a picture of the kind image/png"),
        (head(content_type="text/plain") + b"hello " * 200, "is not a video that can be read"),
        (head("302 Found", location="ftp://x\x1b/"), "redirected to ftp://"),
        (head("302 Found", location="/a/b"), "redirected more than 5 times"),
        (head("302 Found"), "redirected to nowhere"),
        (b"SSH-2.0-OpenSSH_9.2\r\n\r\n", "the server does not speak HTTP"),
        (b"", "the connection was closed"),
    ],
)
def test_why_a_server_gives_no_video(answer: bytes, reason: str) -> None:
    with ScriptedHttpServer(lambda _request: [answer]) as server:
        assert reason in opening_error(server.url("/a/b?token=s3cret"), PATIENT)


def test_a_server_that_is_silent_or_slow_meets_the_time_limit() -> None:
    def script(request: str) -> Iterator[bytes]:
        for byte in head() if "/slow" in request else b"":
            yield bytes([byte])
            if server.over.wait(0.2):
                return
        server.over.wait(GENEROUS_S)

    with ScriptedHttpServer(script) as server:
        for path in ("/silent", "/slow"):
            assert "no answer within 1 s" in opening_error(server.url(path))


def test_a_name_that_cannot_be_resolved_is_said(monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(*_arguments: object, **_more: object) -> None:
        raise socket.gaierror(socket.EAI_NONAME, "Name or service not known")

    monkeypatch.setattr(socket, "getaddrinfo", refuse)
    assert "the name camera.invalid cannot be resolved" in opening_error("http://camera.invalid/")


@pytest.mark.parametrize(
    "url", ["http://[::1/x", "http://cam:99999/x", "http:///x", "http://a\0b/"]
)
def test_addresses_that_make_no_sense(url: str) -> None:
    assert "the address is not valid" in opening_error(url)


def test_a_redirection_is_followed_but_no_password_goes_elsewhere() -> None:
    def wanted(_request: str) -> Iterator[bytes]:
        yield head("401 Unauthorized", www_authenticate='Basic realm="x"')

    def script(_request: str) -> Iterator[bytes]:
        yield head("307 Temporary Redirect", location=other.url("/new"))

    with ScriptedHttpServer(wanted) as other, ScriptedHttpServer(script) as server:
        error = opening_error(server.url("/old", "joe:s3cret"), PATIENT)
        assert "user or password is wrong" in error
        assert "s3cret" not in error
        assert [request.split()[1] for request in other.requests] == ["/new"]
        assert "uthorization" not in other.requests[0]


@pytest.mark.parametrize("scheme", ["Basic", "Digest"])
def test_a_wrong_password_is_tried_once(scheme: str) -> None:
    """Some cameras lock the account after a few attempts."""

    def script(_request: str) -> Iterator[bytes]:
        yield head("401 Unauthorized", www_authenticate=f'{scheme} realm="x", nonce="y"')

    with ScriptedHttpServer(script) as server:
        opening_error(server.url("/", "joe:wrong"), PATIENT)
        assert ["uthorization" in request for request in server.requests] == [False, True]


def test_a_login_leads_to_the_picture() -> None:
    def script(request: str) -> Iterator[bytes]:
        if "Authorization: Basic am9lOnDDpHM6cw==" in request:  # joe:päs:s
            yield head(content_type=MULTIPART) + part(jpeg(7))
            server.over.wait(GENEROUS_S)
        else:
            yield head("401 Unauthorized", www_authenticate='Basic realm="x"')

    with ScriptedHttpServer(script) as server:
        camera = HttpCamera(server.url("/", "joe:p%C3%A4s%3As"), PATIENT)
        camera.open()
        assert read_code(read(camera).image) == 7
        camera.close()


def test_a_header_that_claims_a_huge_picture_is_a_damaged_one() -> None:
    _done, encoded = cv2.imencode(".jpg", np.zeros((16, 16, 3), np.uint8))
    small = encoded.tobytes()
    at = small.index(b"\xff\xc0") + 5
    huge = small[:at] + b"\xff\xdc\xff\xdc" + small[at + 4 :]

    def script(_request: str) -> Iterator[bytes]:
        yield head(content_type=MULTIPART) + part(huge) + part(jpeg(5))
        server.over.wait(GENEROUS_S)

    with ScriptedHttpServer(script) as server:
        camera = HttpCamera(server.url("/"), PATIENT)
        camera.open()
        assert read_code(read(camera).image) == 5
        camera.close()
