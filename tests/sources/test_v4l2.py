from __future__ import annotations

import errno
import logging
import os
import threading
import time
from pathlib import Path

import cv2
import numpy as np
import pytest
import videodev2 as v4l2
from fake_v4l2 import META_CAPTURE, WEBCAM, FakeCamera, Kernel, Shooting, jpeg, yuyv
from helpers import GENEROUS_S, coded_picture, noise, read_code, read_until_lost, smooth

from pose_edge.config.schema import CameraSettings
from pose_edge.errors import SourceError, SourceLost
from pose_edge.frames import Frame, Image
from pose_edge.sources.cameras import find_cameras
from pose_edge.sources.demand import FrameDemand
from pose_edge.sources.pixels import decode
from pose_edge.sources.v4l2 import MAX_TRANSIT_NS, V4L2Camera
from pose_edge.sources.v4l2_device import FAULTY, MONOTONIC, Mode

SMALL = CameraSettings(width=320, height=240, timeout=10.0)
LARGE = CameraSettings(width=1280, height=720, timeout=10.0)
HASTY = CameraSettings(width=1280, height=720, timeout=0.5)


@pytest.fixture
def kernel(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Kernel:
    return Kernel(monkeypatch, tmp_path)


def make(kernel: Kernel, wanted: str | Path, settings: CameraSettings = SMALL) -> V4L2Camera:
    return V4L2Camera(str(wanted), settings, find=lambda: find_cameras(kernel.folder))


def opened(kernel: Kernel, node: FakeCamera, settings: CameraSettings = SMALL) -> V4L2Camera:
    camera = make(kernel, node.path, settings)
    camera.open()
    return camera


def picture(number: int, node: FakeCamera) -> Image:
    _code, width, height = node.format
    return coded_picture(number, width, height)


def read(camera: V4L2Camera, reuse: Image | None = None) -> Frame:
    frame = camera.read(GENEROUS_S, reuse)
    assert frame is not None
    return frame


def descriptors() -> int:
    return len(list(Path("/proc/self/fd").iterdir()))


# --- requested and actual modes -------------------------------------------------------------------


@pytest.mark.parametrize(
    ("size", "fps", "got", "rate"),
    [
        ((1280, 720), 30.0, ("MJPG", 1280, 720), 30.0),
        ((640, 480), 30.0, ("YUYV", 640, 480), 30.0),
        ((640, 480), 15.0, ("YUYV", 640, 480), 15.0),
        ((1920, 1080), 30.0, ("MJPG", 1280, 720), 30.0),
        ((1280, 720), 10.0, ("YUYV", 1280, 720), 10.0),
    ],
)
def test_format_size_and_rate_come_from_what_the_camera_offers(
    kernel: Kernel,
    size: tuple[int, int],
    fps: float,
    got: tuple[str, int, int],
    rate: float,
) -> None:
    node = kernel.add("video0")
    camera = opened(kernel, node, CameraSettings(width=size[0], height=size[1], fps=fps))
    assert (node.format, node.rate) == (got, rate)
    assert camera.frame_rate == rate
    assert (camera.live, camera.still, camera.frame_count) == (True, False, None)
    camera.close()


def test_what_was_got_is_said_and_logged(kernel: Kernel, caplog: pytest.LogCaptureFixture) -> None:
    node = kernel.add("video0", b"HD Webcam")
    camera = make(kernel, node.path, CameraSettings(width=1920, height=1080, fps=60))
    assert camera.describe() == str(node.path), "before it is open: what was asked for"
    with caplog.at_level(logging.INFO, "pose_edge"):
        camera.open()
    shown = f"HD Webcam ({node.path}), 1280x720 MJPG at 30 fps"
    assert camera.describe() == shown
    assert f"{shown} (asked for 1920x1080 at 60 fps)" in caplog.text
    camera.close()
    assert camera.describe() == shown


def test_a_camera_that_lists_nothing_is_asked_all_the_same(kernel: Kernel) -> None:
    node = kernel.add("video0", modes={"YUYV": {}})
    camera = opened(kernel, node)
    assert node.format == ("YUYV", 320, 240)
    assert camera.frame_rate == 30
    camera.close()


def test_a_camera_with_unknown_formats_only_is_refused_and_closed(kernel: Kernel) -> None:
    node = kernel.add("video0", modes={"H264": {(640, 480): (30,)}})
    with pytest.raises(SourceError, match="gives H264 only; known are: MJPG"):
        make(kernel, node.path).open()
    assert kernel.open_descriptors == {}


# --- pixels and timestamps ------------------------------------------------------------------------


@pytest.mark.parametrize(("settings", "code"), [(SMALL, "YUYV"), (LARGE, "MJPG")])
@pytest.mark.parametrize("padding", [0, 64])
def test_pictures_come_out_as_they_went_in(
    kernel: Kernel, settings: CameraSettings, code: str, padding: int
) -> None:
    node = kernel.add("video0")
    node.padding = padding
    camera = opened(kernel, node, settings)
    assert node.format[0] == code
    scene = smooth(*node.format[1:])
    node.send(scene)
    frame = read(camera)
    assert frame.order == "BGR"
    assert frame.image.shape == scene.shape
    # Subsampled colours and compression differ slightly; swapped channels would differ much.
    assert np.abs(frame.image.astype(int) - scene).mean() < 6
    camera.close()


@pytest.mark.parametrize("settings", [SMALL, LARGE])
@pytest.mark.parametrize("rotation", [0, 90, 180])
def test_memory_that_fits_is_used_and_earlier_frames_stay(
    kernel: Kernel, settings: CameraSettings, rotation: int
) -> None:
    node = kernel.add("video0")
    camera = opened(kernel, node, settings.model_copy(update={"rotation": rotation}))
    node.send(picture(1, node))
    first = read(camera)
    kept = first.image.copy()
    memory = np.zeros_like(first.image)
    node.send(picture(2, node))
    second = read(camera, memory)
    assert second.image.ctypes.data == memory.ctypes.data
    node.send(picture(3, node))
    third = read(camera)
    assert (first.image == kept).all()
    assert len({frame.image.ctypes.data for frame in (first, second, third)}) == 3
    camera.close()


def test_rotation_is_clockwise(kernel: Kernel) -> None:
    node = kernel.add("video0")
    camera = opened(kernel, node, SMALL.model_copy(update={"rotation": 90}))
    scene = picture(0b1010_0111_0001_1100, node)
    node.send(scene)
    frame = read(camera)
    assert frame.image.shape == (320, 240, 3)
    assert np.abs(frame.image.astype(int) - np.rot90(scene, -1)).mean() < 6
    camera.close()


@pytest.mark.parametrize(
    ("flags", "age_ns", "used"),
    [
        (MONOTONIC, 5_000_000, True),
        (MONOTONIC, 300_000_000, True),
        (MONOTONIC, MAX_TRANSIT_NS + 1_000_000_000, False),
        (MONOTONIC, -GENEROUS_S * 1e9, False),  # in the future
        (0, 5_000_000, False),  # on an unknown clock
    ],
)
def test_the_time_of_a_frame_is_the_drivers_where_it_makes_sense(
    kernel: Kernel, flags: int, age_ns: float, used: bool
) -> None:
    node = kernel.add("video0")
    camera = opened(kernel, node)
    before_ns, wall = time.monotonic_ns(), time.time()
    stamp_ns = before_ns - int(age_ns)
    node.send(picture(0, node), flags=flags, stamp_ns=stamp_ns)
    frame = read(camera)
    if used:
        assert frame.captured_ns == stamp_ns // 1000 * 1000, "the driver tells microseconds"
        assert frame.time == pytest.approx(wall - age_ns / 1e9, abs=0.1)
    else:
        assert before_ns <= frame.captured_ns <= time.monotonic_ns()
    camera.close()


# --- the newest frame -----------------------------------------------------------------------------


def test_of_frames_that_wait_the_newest_is_read_and_the_others_are_counted(
    kernel: Kernel,
) -> None:
    node = kernel.add("video0")
    camera = opened(kernel, node)
    for number in range(2):
        assert node.send(picture(number, node))
    frame = read(camera)
    assert (read_code(frame.image), frame.index) == (1, 1)
    node.send(picture(2, node))
    assert read_code(read(camera).image) == 2
    camera.close()


def test_after_a_halt_the_stale_frames_are_thrown_away(kernel: Kernel) -> None:
    node = kernel.add("video0")
    camera = opened(kernel, node)
    sent = 0
    while node.send(picture(sent, node)):
        sent += 1
    assert camera.read(GENEROUS_S) is None, "nobody knows how old the last of them is"
    node.send(picture(77, node))
    frame = read(camera)
    assert (read_code(frame.image), frame.index) == (77, sent)
    camera.close()


def test_a_camera_faster_than_its_reader_still_gives_frames(kernel: Kernel) -> None:
    node = kernel.add("video0")
    camera = opened(kernel, node)
    got = 0
    for _ in range(10):
        while node.send(picture(0, node)):
            pass
        got += camera.read(GENEROUS_S) is not None
    assert got == 5
    camera.close()


def test_every_buffer_goes_back_to_the_driver(kernel: Kernel) -> None:
    node = kernel.add("video0")
    camera = opened(kernel, node, LARGE)
    for number in range(20):
        data = b"\xff\xd8 garbage" if number % 3 == 0 else jpeg(picture(number, node))
        assert node.send(data, flags=MONOTONIC | (FAULTY if number % 5 == 0 else 0))
        camera.read(0.0)
    assert len(node.queued) == node.count
    camera.close()


# --- frames on demand -----------------------------------------------------------------------------


class Wish(FrameDemand):
    """A demand whose due time the test sets."""

    def __init__(self) -> None:
        super().__init__()
        self.wait_s = 0.0

    def due_in(self) -> float:
        return self.wait_s


def wishing(
    kernel: Kernel, node: FakeCamera, settings: CameraSettings = LARGE
) -> tuple[V4L2Camera, Wish]:
    """Return an open camera whose next picture is not due, and the demand that says so."""
    camera = opened(kernel, node, settings)
    camera.demand = wish = Wish()
    wish.wait_s = 60.0
    return camera, wish


@pytest.mark.parametrize(("settings", "code"), [(LARGE, "MJPG"), (SMALL, "YUYV")])
def test_pictures_that_are_not_due_are_not_decoded(
    kernel: Kernel, monkeypatch: pytest.MonkeyPatch, settings: CameraSettings, code: str
) -> None:
    decoded = []

    def counting(data: memoryview, mode: Mode, memory: Image, scale: int) -> Image:
        decoded.append(mode.code)
        return decode(data, mode, memory, scale)

    monkeypatch.setattr("pose_edge.sources.v4l2.decode", counting)
    node = kernel.add("video0")
    camera, wish = wishing(kernel, node, settings)
    assert node.format[0] == code
    for number in range(6):
        assert node.send(picture(number, node))
        assert camera.read(GENEROUS_S) is None
    assert (decoded, wish.left_out) == ([], 5)
    assert len(node.queued) == node.count - 1, "only the newest keeps its buffer"
    wish.wait_s = 0.0
    frame = read(camera)
    assert (read_code(frame.image), frame.index) == (5, 5)
    assert decoded == [code]
    assert len(node.queued) == node.count
    camera.close()


def test_a_picture_is_decoded_when_it_becomes_due_though_no_other_comes(kernel: Kernel) -> None:
    node = kernel.add("video0")
    camera, wish = wishing(kernel, node)
    node.send(picture(3, node))
    assert camera.read(GENEROUS_S) is None
    wish.wait_s = 0.0
    assert read_code(read(camera).image) == 3
    assert camera.read(0.01) is None, "and only once"
    camera.close()


def test_the_wait_ends_when_the_picture_is_due(kernel: Kernel) -> None:
    node = kernel.add("video0")
    camera, wish = wishing(kernel, node)
    node.send(picture(3, node))
    assert camera.read(GENEROUS_S) is None
    wish.wait_s = 0.01
    started = time.monotonic()
    assert camera.read(GENEROUS_S) is None
    assert time.monotonic() - started < GENEROUS_S
    camera.close()


def test_a_damaged_picture_is_counted_when_it_is_due(kernel: Kernel) -> None:
    node = kernel.add("video0")
    camera, wish = wishing(kernel, node)
    for data in (jpeg(picture(1, node)), b"\xff\xd8 garbage"):
        node.send(data)
        assert camera.read(GENEROUS_S) is None
    assert camera.damaged == 0
    wish.wait_s = 0.0
    assert camera.read(0.0) is None
    assert camera.damaged == 1
    node.send(picture(4, node))
    frame = read(camera)
    assert (read_code(frame.image), frame.index) == (4, 2)
    camera.close()


def test_a_camera_whose_pictures_are_not_wanted_is_not_silent(kernel: Kernel) -> None:
    node = kernel.add("video0")
    camera, wish = wishing(kernel, node, HASTY)
    node.send(picture(1, node))
    started = time.monotonic()
    while time.monotonic() - started < 2 * HASTY.timeout:
        assert camera.read(0.05) is None
    wish.wait_s = 0.0
    assert read_code(read(camera).image) == 1
    camera.close()


def test_a_picture_that_waits_is_forgotten_with_its_camera(kernel: Kernel) -> None:
    node = kernel.add("video0")
    camera, wish = wishing(kernel, node)
    node.send(picture(1, node))
    assert camera.read(GENEROUS_S) is None
    node.unplug()
    wish.wait_s = 0.0
    read_until_lost(camera)
    camera.close()
    again = kernel.add("video0")
    camera.open()
    assert camera.read(0.01) is None
    again.send(picture(2, again))
    assert read_code(read(camera).image) == 2
    camera.close()


@pytest.mark.parametrize("rotation", [0, 90, 180])
def test_a_picture_that_nobody_sees_is_decoded_smaller(kernel: Kernel, rotation: int) -> None:
    node = kernel.add("video0")
    camera = opened(kernel, node, LARGE.model_copy(update={"rotation": rotation}))
    scene = smooth(1280, 720)
    node.send(scene)
    whole = read(camera)
    assert whole.full_size is None
    camera.demand.visible = False
    for shrink, part in ((2.9, 1), (3.0, 2), (5.9, 2), (6.0, 4), (1.0, 1)):
        camera.demand.shrink = shrink
        node.send(scene)
        frame = read(camera)
        assert (frame.width, frame.height) == (whole.width, whole.height)
        assert frame.image.shape == (whole.height // part, whole.width // part, 3)
        expected = cv2.resize(
            whole.image, (whole.width // part, whole.height // part), interpolation=cv2.INTER_AREA
        )
        assert np.abs(frame.image.astype(int) - expected.astype(int)).mean() < 2
    camera.close()


def test_a_damaged_picture_that_nobody_sees_is_passed_over(kernel: Kernel) -> None:
    node = kernel.add("video0")
    camera = opened(kernel, node, LARGE)
    camera.demand.visible, camera.demand.shrink = False, 4.0
    data = jpeg(noise(1280, 720))
    for part in (data[: len(data) // 2], b"\xff\xd8 garbage"):
        node.send(part)
        assert camera.read(GENEROUS_S) is None
    assert camera.damaged == 2
    camera.close()


def test_raw_pictures_keep_their_size(kernel: Kernel) -> None:
    node = kernel.add("video0")
    camera = opened(kernel, node)
    camera.demand.visible, camera.demand.shrink = False, 4.0
    node.send(picture(4, node))
    frame = read(camera)
    assert (frame.image.shape, frame.full_size) == ((240, 320, 3), None)
    camera.close()


# --- damage ---------------------------------------------------------------------------------------


def test_damaged_pictures_are_passed_over_and_counted(
    kernel: Kernel, caplog: pytest.LogCaptureFixture
) -> None:
    node = kernel.add("video0")
    camera = opened(kernel, node, LARGE)
    whole = jpeg(picture(5, node))
    with caplog.at_level(logging.DEBUG, "pose_edge"):
        for data in (whole[: len(whole) // 2], b"\x00" * 5000, b"", whole[:200]):
            node.send(data)
            assert camera.read(GENEROUS_S) is None
        node.send(whole, flags=MONOTONIC | FAULTY)
        assert camera.read(GENEROUS_S) is None
    assert camera.damaged == 5
    assert not [record for record in caplog.records if record.levelno >= logging.WARNING]
    node.send(whole)
    frame = read(camera)
    assert (read_code(frame.image), frame.index) == (5, 5)
    camera.close()


def test_many_damaged_pictures_are_said_a_few_times(
    kernel: Kernel, caplog: pytest.LogCaptureFixture
) -> None:
    node = kernel.add("video0")
    camera = opened(kernel, node, LARGE)
    for _ in range(120):
        node.send(b"\x00" * 500)
        camera.read(GENEROUS_S)
    warnings = [record.message for record in caplog.records if record.levelname == "WARNING"]
    assert [message.split()[0] for message in warnings] == ["10", "100"]
    camera.close()


def test_a_raw_picture_that_is_cut_off_is_damaged(kernel: Kernel) -> None:
    node = kernel.add("video0")
    camera = opened(kernel, node)
    node.send(yuyv(picture(1, node))[:-100])
    assert camera.read(GENEROUS_S) is None
    assert camera.damaged == 1
    camera.close()


def test_pictures_of_another_size_than_agreed_are_shown_as_they_are(kernel: Kernel) -> None:
    node = kernel.add("video0")
    camera = opened(kernel, node, LARGE)
    for width, height in ((640, 480), (1280, 720), (320, 240)):
        node.send(jpeg(coded_picture(7, width, height)))
        frame = read(camera)
        assert (frame.width, frame.height, read_code(frame.image)) == (width, height, 7)
    assert camera.damaged == 0
    camera.close()


# --- silent and lost cameras ----------------------------------------------------------------------


def test_a_camera_without_a_frame_waits_no_longer_than_it_may(kernel: Kernel) -> None:
    node = kernel.add("video0")
    camera = opened(kernel, node, SMALL)
    started = time.monotonic()
    assert camera.read(0.05) is None
    assert time.monotonic() - started < 5
    camera.close()


def test_a_camera_that_gives_no_frames_is_lost_after_the_limit(kernel: Kernel) -> None:
    node = kernel.add("video0")
    camera = opened(kernel, node, HASTY)
    node.send(b"\x00" * 500)
    started = time.monotonic()
    lost = read_until_lost(camera)
    assert str(lost).endswith("gave no frame for 0.5 s (1 damaged one)")
    assert 0.4 < time.monotonic() - started < GENEROUS_S
    camera.close()


def test_a_camera_that_nobody_reads_yet_is_not_silent(kernel: Kernel) -> None:
    """A screen may be opened between opening and reading, which can take seconds."""
    camera = opened(kernel, kernel.add("video0"), HASTY)
    time.sleep(0.6)
    assert camera.read(0.01) is None
    camera.close()


def test_an_unplugged_camera_is_lost_at_once(kernel: Kernel) -> None:
    node = kernel.add("video0")
    camera = opened(kernel, node, SMALL)
    threading.Timer(0.1, node.unplug).start()
    started = time.monotonic()
    with pytest.raises(SourceLost, match="was unplugged"):
        camera.read(GENEROUS_S)
    assert time.monotonic() - started < 5
    camera.close()
    camera.close()
    with pytest.raises(SourceLost, match="is not open"):
        camera.read(0)


def test_a_stream_that_fails_is_lost_with_the_kernels_reason(kernel: Kernel) -> None:
    node = kernel.add("video0")
    camera = opened(kernel, node)
    node.send(picture(0, node))
    node.errors[v4l2.VIDIOC_DQBUF] = errno.EPROTO
    with pytest.raises(SourceLost, match=r"video0\).* failed: Protocol error"):
        camera.read(GENEROUS_S)
    camera.close()


def test_a_camera_comes_back_under_another_number_and_with_another_size(kernel: Kernel) -> None:
    node = kernel.add("video0")
    other = kernel.add("video1", b"Another", bus="usb-2")
    camera = opened(kernel, node, LARGE)
    node.send(picture(1, node))
    first = read(camera)
    node.unplug()
    with pytest.raises(SourceLost):
        camera.read(GENEROUS_S)
    camera.close()
    with pytest.raises(SourceError, match=r"video0 is not there; found: .*video1 \(Another\)"):
        camera.open()
    back = kernel.add("video2", modes={"MJPG": {(640, 480): (30,)}})
    camera.open()
    back.send(picture(2, back))
    second = read(camera, first.image)
    assert second.image.shape == (480, 640, 3)
    assert read_code(second.image) == 2
    assert read_code(first.image) == 1
    assert second.index == first.index + 1, "numbers go on"
    assert "video2), 640x480 MJPG" in camera.describe()
    assert other.streams == 0
    camera.close()


def test_what_was_asked_for_by_a_link_is_what_the_link_leads_to(kernel: Kernel) -> None:
    """The link by-path names a port, whichever camera is plugged in there."""
    node = kernel.add("video0")
    link = kernel.link("pci-usb-0:2-video-index0", node, "by-path")
    camera = make(kernel, link)
    camera.open()
    camera.close()
    node.unplug()
    kernel.add("video5", bus="usb-9")  # the same name, in another port
    with pytest.raises(SourceError, match=f"camera {link} is not there"):
        camera.open()
    there = kernel.add("video6", b"Other")
    kernel.link(link.name, there, "by-path")
    camera.open()
    assert camera.describe().startswith(f"Other ({there.path})")
    camera.close()


def test_a_camera_that_is_not_connected(kernel: Kernel) -> None:
    with pytest.raises(SourceError, match="video0 is not there; found: none"):
        make(kernel, kernel.folder / "video0").open()


def test_a_camera_by_its_name(kernel: Kernel) -> None:
    kernel.add("video0", b"Laptop Camera", bus="usb-1")
    kernel.add("video2", b"HD Webcam C525", bus="usb-2")
    camera = make(kernel, "webcam c5")
    camera.open()
    assert camera.describe().startswith("HD Webcam C525")
    camera.close()
    with pytest.raises(SourceError) as error:
        make(kernel, "C920").open()
    assert str(error.value).startswith("no camera is called C920; found: ")
    assert "video2 (HD Webcam C525)" in str(error.value)


# --- cameras that cannot be opened ----------------------------------------------------------------


def test_a_node_without_pictures_is_said(kernel: Kernel) -> None:
    node = kernel.add("video1", caps=META_CAPTURE)
    with pytest.raises(SourceError, match="metadata"):
        make(kernel, node.path).open()
    with pytest.raises(SourceError, match="is not a camera"):
        make(kernel, "/dev/null").open()


def test_a_camera_that_may_not_be_opened_is_said_with_what_to_do(
    kernel: Kernel, monkeypatch: pytest.MonkeyPatch
) -> None:
    node = kernel.add("video0", caps=META_CAPTURE)
    monkeypatch.setattr(os, "access", lambda *_: False)
    os.utime(kernel.folder / "video0", (0, 0))  # for a new node the program would wait
    with pytest.raises(SourceError, match="usermod -aG video"):
        make(kernel, node.path).open()


def test_a_camera_in_use_is_said_and_free_again_afterwards(kernel: Kernel) -> None:
    node = kernel.add("video0")
    first, second = opened(kernel, node), make(kernel, node.path)
    before = descriptors()
    with pytest.raises(SourceError, match=r"HD Webcam .*video0\) is in use by another program"):
        second.open()
    assert descriptors() == before
    first.close()
    second.open()
    second.close()


@pytest.mark.parametrize(
    ("number", "told"),
    [
        (errno.ENOSPC, "finds no room on its USB port"),
        (errno.EIO, "cannot be opened: Input/output error"),
        (errno.ENODEV, "has just gone away"),
    ],
)
def test_a_stream_that_does_not_start_is_said(kernel: Kernel, number: int, told: str) -> None:
    node = kernel.add("video0")
    node.errors[v4l2.VIDIOC_STREAMON] = number
    camera = make(kernel, node.path)
    with pytest.raises(SourceError, match=told):
        camera.open()
    assert kernel.open_descriptors == {}
    node.errors.clear()
    camera.open()
    camera.close()


def test_opening_again_closes_what_was_open(kernel: Kernel) -> None:
    node = kernel.add("video0")
    camera = opened(kernel, node)
    camera.open()
    assert len(kernel.open_descriptors) == 1
    camera.close()


def test_a_hundred_losses_leave_nothing_behind(kernel: Kernel) -> None:
    before, threads = descriptors(), threading.active_count()
    maps = Path("/proc/self/maps")
    camera = make(kernel, kernel.folder / "video0", LARGE)
    for number in range(100):
        node = kernel.add(f"video{number % 3}", modes=WEBCAM)
        camera.open()
        with Shooting(node, [coded_picture(number, 1280, 720)]):
            while (frame := camera.read(GENEROUS_S)) is None:
                pass
            assert read_code(frame.image) == number
            node.unplug()
            read_until_lost(camera)
        camera.close()
    assert descriptors() == before
    assert threading.active_count() == threads
    assert str(kernel.folder) not in maps.read_text(), "buffers are still mapped"
