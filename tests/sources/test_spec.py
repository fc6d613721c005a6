from __future__ import annotations

import os
from pathlib import Path

import pytest
from helpers import FakeSource, coded_picture
from PIL import Image as PillowImage

from pose_edge.config.schema import CameraSettings, SourceSettings
from pose_edge.errors import SourceError
from pose_edge.sources import any_camera, choose_source, spec
from pose_edge.sources.animation import Animation
from pose_edge.sources.any_camera import AnyCamera, Candidates
from pose_edge.sources.http_camera import HttpCamera
from pose_edge.sources.picamera import PiCamera
from pose_edge.sources.pictures import Pictures
from pose_edge.sources.spec import STREAM_SCHEMES, SourceKind, parse_source
from pose_edge.sources.stream import Stream
from pose_edge.sources.v4l2 import V4L2Camera
from pose_edge.sources.video import Video
from pose_edge.util import resources


def plug_in(monkeypatch: pytest.MonkeyPatch, candidates: Candidates) -> None:
    def find(_settings: CameraSettings) -> Candidates:
        if not candidates:
            raise SourceError("no camera found")
        return candidates

    monkeypatch.setattr(any_camera, "find_candidates", find)


def test_auto_is_any_camera(monkeypatch: pytest.MonkeyPatch) -> None:
    plug_in(monkeypatch, {"a camera": lambda: FakeSource((), live=True)})
    assert parse_source("auto") == spec.SourceSpec(SourceKind.AUTO)
    assert isinstance(choose_source(SourceSettings(name="auto"), CameraSettings()), AnyCamera)


def test_auto_without_a_camera_is_the_demo_again_and_again(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    plug_in(monkeypatch, {})
    with caplog.at_level("INFO", "pose_edge"):
        source = choose_source(SourceSettings(name="auto"), CameraSettings())
    source.open()
    assert (source.live, source.describe(), source.frame_count) == (False, "demo.mp4", None)
    source.close()
    assert "no camera found" in caplog.text, "no hidden fallback"
    assert "demo clip" in caplog.text


def test_auto_waits_for_a_camera_where_it_is_told_to(monkeypatch: pytest.MonkeyPatch) -> None:
    plug_in(monkeypatch, {})
    source = choose_source(SourceSettings(name="auto"), CameraSettings(wait=True))
    assert isinstance(source, AnyCamera)


def test_demo_ends() -> None:
    assert parse_source("demo") == spec.SourceSpec(SourceKind.VIDEO, str(resources.demo_clip()))


@pytest.mark.parametrize("scheme", [*STREAM_SCHEMES, "RTSP", "Http"])
def test_addresses(scheme: str) -> None:
    url = f"{scheme}://user:secret@cam:554/live?x=1"
    known = url.replace(scheme, scheme.lower())  # FFmpeg requires lower case
    assert parse_source(url) == spec.SourceSpec(SourceKind.STREAM, known)


def test_paths(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HOME", str(tmp_path))
    for name in ("clip.mp4", "clip.MKV", "noending", "a.jpg", "b.JPEG", "c.png", "d.webp"):
        (tmp_path / name).touch()
    (tmp_path / "folder.mp4").mkdir()
    kinds = {
        "clip.mp4": SourceKind.VIDEO,
        "clip.MKV": SourceKind.VIDEO,
        "noending": SourceKind.VIDEO,
        "a.jpg": SourceKind.PICTURES,
        "b.JPEG": SourceKind.PICTURES,
        "c.png": SourceKind.PICTURES,
        "d.webp": SourceKind.PICTURES,
        "folder.mp4": SourceKind.PICTURES,
    }
    for name, kind in kinds.items():
        for path in (str(tmp_path / name), f"~/{name}"):
            assert parse_source(path) == spec.SourceSpec(kind, str(tmp_path / name))


def test_the_content_of_a_file_decides(tmp_path: Path) -> None:
    """The suffix decides only if the content is not recognised."""
    first, second = (PillowImage.fromarray(coded_picture(number)) for number in (1, 2))
    for name, kind in (("a", "PNG"), ("b.mp4", "JPEG"), ("c.txt", "TIFF"), ("film.mjpeg", "JPEG")):
        first.save(tmp_path / name, format=kind)
    for name in ("d.gif", "e.webp", "f.tif", "g.gif"):
        first.save(tmp_path / name, save_all=True, append_images=[second])
    (tmp_path / "g.gif").rename(tmp_path / "g.mp4")
    (tmp_path / "h.jpg").write_bytes(b"damaged")
    (tmp_path / "i.txt").write_bytes(b"anything")
    kinds = {path.name: parse_source(str(path)).kind for path in tmp_path.iterdir()}
    assert kinds == {
        "a": SourceKind.PICTURES,
        "b.mp4": SourceKind.PICTURES,
        "c.txt": SourceKind.PICTURES,
        "film.mjpeg": SourceKind.VIDEO,
        "d.gif": SourceKind.ANIMATION,
        "e.webp": SourceKind.ANIMATION,
        "f.tif": SourceKind.PICTURES,
        "g.mp4": SourceKind.ANIMATION,
        "h.jpg": SourceKind.PICTURES,
        "i.txt": SourceKind.VIDEO,
    }
    source = choose_source(SourceSettings(name=str(tmp_path / "d.gif")), CameraSettings())
    assert isinstance(source, Animation)


def test_a_pipe_is_not_opened(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "pipe.jpg")
    with pytest.raises(SourceError, match="neither a file, a folder nor a camera"):
        parse_source(str(tmp_path / "pipe.jpg"))


@pytest.mark.parametrize(
    "name",
    [
        "/dev/video0",
        "/dev/video99",
        "/dev/null",
        "/dev/v4l/by-id/usb-Maker_Cam_0815-video-index0",
        "/dev/v4l/by-path/gone",
    ],
)
def test_devices(name: str) -> None:
    assert parse_source(name) == spec.SourceSpec(SourceKind.CAMERA, name)


@pytest.mark.parametrize(
    ("name", "kind", "location"),
    [
        ("0", SourceKind.CAMERA, "/dev/video0"),
        ("12", SourceKind.CAMERA, "/dev/video12"),
        ("camera:2", SourceKind.CAMERA, "/dev/video2"),
        ("camera:HD Webcam", SourceKind.CAMERA, "HD Webcam"),
        ("camera: c920 ", SourceKind.CAMERA, "c920"),
        ("camera:HD: Webcam", SourceKind.CAMERA, "HD: Webcam"),
        ("picamera", SourceKind.PICAMERA, "0"),
        ("picamera:1", SourceKind.PICAMERA, "1"),
    ],
)
def test_names_and_numbers_of_cameras(name: str, kind: SourceKind, location: str) -> None:
    assert parse_source(name) == spec.SourceSpec(kind, location)


@pytest.mark.parametrize("name", ["camera:", "camera: ", "picamera:", "picamera:x", "12345", "-1"])
def test_what_is_no_camera(name: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    with pytest.raises(SourceError, match=r"no such file, folder or camera; .*camera:NAME"):
        parse_source(name)


def test_a_file_may_be_called_as_a_number(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "0").touch()
    assert parse_source("./0").kind is SourceKind.VIDEO


@pytest.mark.parametrize(
    "name",
    ["gone.mp4", "", "/nowhere/at/all", "x" * 5000, "~nobody-has-this-name/clip.mp4", "a\0b"],
)
def test_what_is_not_there(name: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    if name == "":  # the current folder, which has no pictures
        with pytest.raises(SourceError, match="holds no pictures"):
            choose_source(SourceSettings(name="."), CameraSettings()).open()
        return
    with pytest.raises(SourceError) as error:
        parse_source(name)
    assert "\n" not in str(error.value)
    assert error.value.exit_status == 3


def test_a_folder_that_may_not_be_looked_into(monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(self: Path, **_: object) -> None:
        raise PermissionError(13, "Permission denied", str(self))

    monkeypatch.setattr(Path, "stat", refuse)
    monkeypatch.setattr(Path, "is_dir", refuse)
    with pytest.raises(SourceError, match="Permission denied"):
        parse_source("/secret/clip.mp4")


def test_unknown_addresses_are_refused_without_their_password() -> None:
    with pytest.raises(SourceError) as error:
        parse_source("gopher://joe:secret@cam/x")
    assert "unknown kind of address" in str(error.value)
    assert "secret" not in str(error.value)


def test_each_kind_has_its_source(tmp_path: Path) -> None:
    settings = CameraSettings()
    picture = tmp_path / "a.png"
    picture.touch()

    def choose(name: str, *, loop: bool = False) -> object:
        return choose_source(SourceSettings(name=name, loop=loop), settings)

    assert isinstance(choose("/dev/video0"), V4L2Camera)
    assert isinstance(choose("picamera:1"), PiCamera)
    assert isinstance(choose("HTTP://cam/x"), HttpCamera)
    assert isinstance(choose("rtsp://cam/x"), Stream)
    assert isinstance(choose("demo"), Video)
    assert isinstance(choose(str(picture)), Pictures)


def test_only_what_stands_in_for_a_camera_or_is_asked_to_loops(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    plug_in(monkeypatch, {})
    counts = []
    for name, loop in (("demo", False), ("demo", True), ("auto", False)):
        source = choose_source(SourceSettings(name=name, loop=loop), CameraSettings())
        source.open()
        counts.append(source.frame_count)
        source.close()
    assert counts == [230, None, None]


# --- passwords ------------------------------------------------------------------------------------


def test_descriptions_hide_passwords() -> None:
    stream = choose_source(SourceSettings(name="rtsp://joe:secret@cam/live"), CameraSettings())
    assert stream.describe() == "rtsp://***@cam/live"


def test_a_picture_and_a_folder(tmp_path: Path) -> None:
    import cv2

    cv2.imwrite(str(tmp_path / "a.png"), coded_picture(3))
    for name in (tmp_path / "a.png", tmp_path):
        source = choose_source(SourceSettings(name=str(name)), CameraSettings())
        source.open()
        assert isinstance(source, Pictures)
        assert source.frame_count == 1
