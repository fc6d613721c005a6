from __future__ import annotations

import errno
import fcntl
import os
from pathlib import Path

import cv2
import pytest

from pose_edge.errors import SourceError
from pose_edge.settings import CameraSettings
from pose_edge.sources import v4l2
from pose_edge.sources.cameras import (
    CAPABILITY,
    VIDIOC_QUERYCAP,
    CameraNode,
    find_cameras,
    query_camera,
)
from pose_edge.sources.v4l2 import MAX_TRANSIT_NS, Camera

VIDEO_CAPTURE, META_CAPTURE, STREAMING, OUTPUT = 0x1, 0x00800000, 0x04000000, 0x2


class Kernel:
    """Answers VIDIOC_QUERYCAP for files that stand in for device nodes."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch, folder: Path) -> None:
        self.folder = folder
        self._answers: dict[str, bytes] = {}
        monkeypatch.setattr(fcntl, "ioctl", self._ioctl)

    def add(self, name: str, driver: str, card: bytes, caps: int = VIDEO_CAPTURE) -> Path:
        path = self.folder / name
        path.touch()
        self._answers[str(path)] = CAPABILITY.pack(
            driver.encode(), card, b"usb-1", 0x60000, 0x84A00001, caps | STREAMING
        )
        return path

    def _ioctl(self, descriptor: int, request: int, argument: bytes) -> bytes:
        assert request == VIDIOC_QUERYCAP
        assert len(argument) == 104
        path = str(Path(f"/proc/self/fd/{descriptor}").readlink())
        if path not in self._answers:
            raise OSError(errno.ENOTTY, "Inappropriate ioctl for device")
        return self._answers[path]


@pytest.fixture
def kernel(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Kernel:
    return Kernel(monkeypatch, tmp_path)


def test_the_request_is_that_of_the_kernels_header() -> None:
    read, size, letter, number = 2, CAPABILITY.size, ord("V"), 0
    assert (read << 30 | size << 16 | letter << 8 | number) == VIDIOC_QUERYCAP


def test_cameras_by_number_without_metadata_codecs_and_others(kernel: Kernel) -> None:
    kernel.add("video10", "bcm2835-codec", b"bcm2835-codec-decode")
    kernel.add("video20", "rp1-cfe", b"rp1-cfe")
    kernel.add("video2", "uvcvideo", b"HD Webcam C525\0rubbish")
    kernel.add("video1", "uvcvideo", b"HD Webcam C525", META_CAPTURE)
    kernel.add("video12", "uvcvideo", b"Late Cam")
    kernel.add("video3", "v4l2loopback", b"Dummy", OUTPUT)
    kernel.add("video-extra", "uvcvideo", b"no node")
    kernel.add("vbi0", "uvcvideo", b"no node")
    (kernel.folder / "video4").touch()  # answers no request
    assert find_cameras(kernel.folder) == [
        CameraNode(kernel.folder / "video2", "HD Webcam C525", "uvcvideo"),
        CameraNode(kernel.folder / "video12", "Late Cam", "uvcvideo"),
    ]


def test_names_that_are_no_text_do_no_harm(kernel: Kernel) -> None:
    path = kernel.add("video0", "uvcvideo", b"\xff\xfe Cam")
    node = query_camera(path)
    assert node is not None
    assert node.name.endswith(" Cam")


def test_no_camera(tmp_path: Path) -> None:
    assert find_cameras(tmp_path) == []
    assert find_cameras(tmp_path / "gone") == []
    assert query_camera(tmp_path / "gone") is None
    assert query_camera(Path("/dev/null")) is None


def test_asking_leaves_nothing_open(kernel: Kernel) -> None:
    kernel.add("video0", "uvcvideo", b"Cam")
    (kernel.folder / "video1").touch()
    before = len(list(Path("/proc/self/fd").iterdir()))
    for _ in range(5):
        find_cameras(kernel.folder)
    assert len(list(Path("/proc/self/fd").iterdir())) == before


# --- opening one ----------------------------------------------------------------------------------


def test_a_camera_that_is_not_there_is_said_with_those_that_are(
    kernel: Kernel, monkeypatch: pytest.MonkeyPatch
) -> None:
    other = kernel.add("video2", "uvcvideo", b"Other Cam")
    monkeypatch.setattr(v4l2, "find_cameras", lambda: find_cameras(kernel.folder))
    gone = kernel.folder / "video0"
    with pytest.raises(SourceError) as error:
        Camera(str(gone), CameraSettings()).open()
    assert str(error.value) == f"camera {gone} is not there; found: {other} (Other Cam)"


def test_a_camera_that_may_not_be_opened_is_said_with_what_to_do(
    kernel: Kernel, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = kernel.add("video0", "uvcvideo", b"Cam")
    monkeypatch.setattr(os, "access", lambda *_: False)
    with pytest.raises(SourceError, match="usermod -aG video"):
        Camera(str(path), CameraSettings()).open()


def test_a_node_without_pictures_is_said(kernel: Kernel) -> None:
    path = kernel.add("video1", "uvcvideo", b"Cam", META_CAPTURE)
    with pytest.raises(SourceError, match="metadata"):
        Camera(str(path), CameraSettings()).open()
    with pytest.raises(SourceError, match="is not a camera"):
        Camera("/dev/null", CameraSettings()).open()


class FakeCapture:
    """What OpenCV gives for a camera."""

    made: list[FakeCapture]
    opens = True
    stamp_ms = 0.0

    def __init__(self, path: str, backend: int) -> None:
        self.path, self.backend = path, backend
        self.set_to: dict[int, float] = {}
        self.released = False
        type(self).made.append(self)

    def isOpened(self) -> bool:  # noqa: N802 - OpenCV's name
        return self.opens

    def set(self, key: int, value: float) -> bool:
        self.set_to[key] = value
        return True

    def get(self, key: int) -> float:
        return {cv2.CAP_PROP_FPS: 30.0, cv2.CAP_PROP_POS_MSEC: self.stamp_ms}[key]

    def release(self) -> None:
        self.released = True


@pytest.fixture
def capture(monkeypatch: pytest.MonkeyPatch) -> type[FakeCapture]:
    class Capture(FakeCapture):
        pass

    Capture.made = []
    monkeypatch.setattr(cv2, "VideoCapture", Capture)
    return Capture


@pytest.mark.parametrize(
    ("width", "height", "code"), [(640, 480, "YUYV"), (1280, 720, "MJPG"), (1920, 1080, "MJPG")]
)
def test_what_is_asked_of_a_camera(
    kernel: Kernel, capture: type[FakeCapture], width: int, height: int, code: str
) -> None:
    path = kernel.add("video0", "uvcvideo", b"Cam")
    settings = CameraSettings(width=width, height=height, fps=25.0, timeout=3.0)
    camera = Camera(str(path), settings)
    camera.open()
    (made,) = capture.made
    assert (made.path, made.backend) == (str(path), cv2.CAP_V4L2)
    assert made.set_to == {
        cv2.CAP_PROP_FOURCC: cv2.VideoWriter.fourcc(*code),
        cv2.CAP_PROP_FRAME_WIDTH: width,
        cv2.CAP_PROP_FRAME_HEIGHT: height,
        cv2.CAP_PROP_FPS: 25.0,
        cv2.CAP_PROP_BUFFERSIZE: 1,
    }
    # The driver takes the sizes for the format that was set before them.
    assert next(iter(made.set_to)) == cv2.CAP_PROP_FOURCC
    assert os.environ["OPENCV_VIDEOIO_V4L_SELECT_TIMEOUT"] == "3"
    assert camera.frame_rate == 30
    assert camera.describe() == str(path)
    camera.close()
    camera.close()
    assert made.released


def test_a_camera_in_use_is_said_and_released(kernel: Kernel, capture: type[FakeCapture]) -> None:
    capture.opens = False
    path = kernel.add("video0", "uvcvideo", b"Cam")
    with pytest.raises(SourceError, match="another program"):
        Camera(str(path), CameraSettings()).open()
    assert capture.made[0].released


@pytest.mark.parametrize(
    ("age_ns", "used"),
    [
        (0, True),
        (30_000_000, True),
        (MAX_TRANSIT_NS + 1_000_000, False),
        (-5_000_000, False),
    ],
)
def test_the_drivers_time_stamp_is_used_where_it_makes_sense(
    kernel: Kernel, capture: type[FakeCapture], age_ns: int, used: bool
) -> None:
    now_ns = 5_000_000_000_000
    capture.stamp_ms = (now_ns - age_ns) / 1e6
    camera = Camera(str(kernel.add("video0", "uvcvideo", b"Cam")), CameraSettings())
    camera.open()
    assert camera._exposure_ns(now_ns) == (now_ns - age_ns if used else now_ns)
