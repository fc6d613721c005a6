"""Camera modules on a fake of picamera2; tests/fake_picamera2 says how faithful it is."""

from __future__ import annotations

import importlib
import logging
import os
import sys
import threading
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any, Literal

import numpy as np
import pytest
from csi_bench import IMX219, IMX708, VARIABLE, WEBCAM, Bench
from helpers import GENEROUS_S, wait_until

from pose_edge.config.schema import CameraSettings
from pose_edge.errors import SourceError, SourceLost
from pose_edge.frames import Frame, Image
from pose_edge.sources import picamera
from pose_edge.sources.csi import LOG_VARIABLE, find_picameras
from pose_edge.sources.picamera import PiCamera, exposed_ns

FAKE = Path(__file__).parents[1] / "fake_picamera2"
OLD, NEW = (0, 3, 22), (0, 3, 38)

Rotation = Literal[0, 90, 180, 270]
Flip = Literal["none", "horizontal", "vertical", "both"]


def small(**settings: Any) -> CameraSettings:  # noqa: ANN401
    """Return settings for small frames at a high rate."""
    return CameraSettings(**{"width": 160, "height": 120, "fps": 50.0, "timeout": 0.5} | settings)


@pytest.fixture
def modules(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """Remove the imported modules, and what importing them changes."""
    monkeypatch.setenv(LOG_VARIABLE, "")
    monkeypatch.delenv(LOG_VARIABLE)
    for name in ("picamera2", "libcamera"):
        monkeypatch.delitem(sys.modules, name, raising=False)
    logger = logging.getLogger("picamera2")
    level = logger.level
    yield
    logger.setLevel(level)
    for name in ("picamera2", "libcamera"):
        sys.modules.pop(name, None)


@pytest.fixture
def bench(modules: None, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Bench]:
    """Yield the controls of the fake hardware: one Camera Module 3."""
    monkeypatch.syspath_prepend(str(FAKE))
    monkeypatch.setenv(VARIABLE, str(tmp_path / "cameras.json"))
    bench = Bench(tmp_path / "cameras.json")
    yield bench
    bench.set(hang=[], fail=[])  # release the hanging threads
    for camera in made():
        wait_until(lambda camera=camera: _closed(camera), "closing")  # type: ignore[misc]


@pytest.fixture(params=[OLD, NEW], ids=["0.3.22", "0.3.38"])
def each_version(request: pytest.FixtureRequest, bench: Bench) -> Bench:
    bench.set(version=request.param)
    return bench


def made() -> list[Any]:
    """Return the Picamera2 objects that this test has created."""
    module = sys.modules.get("picamera2")
    return list(module.Picamera2.made) if module else []


def _closed(camera: Any) -> bool:  # noqa: ANN401
    camera.close()
    return not camera.is_open


def opened(settings: CameraSettings, number: int = 0) -> PiCamera:
    camera = PiCamera(number, settings)
    camera.open()
    return camera


def read(camera: PiCamera, reuse: Image | None = None) -> Frame:
    """Read the next frame; fail if none comes in time."""
    deadline = time.monotonic() + GENEROUS_S
    while time.monotonic() < deadline:
        frame = camera.read(0.1, reuse)
        if frame is not None:
            return frame
    raise AssertionError("no frame came")


def read_until_lost(camera: PiCamera) -> float:
    """Read until the camera is lost; return the seconds since its last frame."""
    heard = time.monotonic()
    while time.monotonic() - heard < GENEROUS_S:
        try:
            frame = camera.read(0.1)
        except SourceLost as error:
            assert "has given no frames for" in str(error)  # noqa: PT017 - raised at some time
            return time.monotonic() - heard
        heard = heard if frame is None else time.monotonic()
    raise AssertionError("the camera was not lost")


def why_no_module() -> str:
    with pytest.raises(SourceError) as error:
        find_picameras()
    return str(error.value)


def scene(width: int, height: int, number: int) -> Image:
    picture: Image = sys.modules["picamera2"].scene(width, height, number)
    return picture


# --- frames ---------------------------------------------------------------------------------------


@pytest.mark.parametrize(("width", "padded"), [(128, False), (150, True), (1296, True)])
def test_frames_are_rgb_and_without_padding(each_version: Bench, width: int, padded: bool) -> None:
    camera = opened(small(width=width))
    frame = read(camera)
    assert frame.order == "RGB"
    assert frame.image.flags["C_CONTIGUOUS"]
    assert (frame.image == scene(width, 120, int(frame.image[0, 0, 2]))).all()
    main = made()[0].camera_configuration()["main"]
    assert (main["stride"] > 3 * width) == padded, "what the test is about"
    camera.close()


def test_a_frame_lies_in_the_memory_that_was_offered_and_stays_as_it_is(bench: Bench) -> None:
    camera = opened(small())
    frames, copies = [], []
    for _ in range(12):
        memory = np.zeros((120, 160, 3), np.uint8)
        frames.append(read(camera, memory))
        copies.append(frames[-1].image.copy())
        assert frames[-1].image.ctypes.data == memory.ctypes.data
    numbers = [int(copy[0, 0, 2]) for copy in copies]
    assert numbers == sorted(set(numbers))
    for frame, copy in zip(frames, copies, strict=True):
        assert (frame.image == copy).all(), "the camera's buffer is not what we hold"
        assert (copy == scene(160, 120, int(copy[0, 0, 2]))).all(), "no frame is torn"
    assert [frame.index for frame in frames] == list(range(12))
    camera.close()


def test_memory_of_another_size_is_left_alone(bench: Bench) -> None:
    camera = opened(small())
    memory = np.zeros((10, 10, 3), np.uint8)
    frame = read(camera, memory)
    assert frame.image.shape == (120, 160, 3)
    assert not memory.any()
    camera.close()


@pytest.mark.parametrize("flip", ["none", "horizontal", "vertical", "both"])
@pytest.mark.parametrize("rotation", [0, 90, 180, 270])
def test_rotation_is_clockwise_and_flip_is_of_what_is_shown(
    bench: Bench, rotation: Rotation, flip: Flip
) -> None:
    camera = opened(small(rotation=rotation, flip=flip))
    shape = (120, 160, 3) if rotation in (0, 180) else (160, 120, 3)
    memory = np.zeros(shape, np.uint8)
    frame = read(camera, memory)
    wanted = np.rot90(scene(160, 120, int(frame.image[0, 0, 2])), -rotation // 90)
    if flip in ("horizontal", "both"):
        wanted = wanted[:, ::-1]
    if flip in ("vertical", "both"):
        wanted = wanted[::-1]
    assert (frame.image == wanted).all()
    assert frame.image.ctypes.data == memory.ctypes.data
    transform = made()[0].camera_configuration()["transform"]
    assert not transform.transpose, "libcamera does not turn by 90 degrees on a Pi"
    camera.close()


def test_mirroring_for_the_screen_leaves_the_frame_alone(bench: Bench) -> None:
    camera = opened(small(mirror=True))
    frame = read(camera)
    assert frame.image[0, 0, 0] < frame.image[0, -1, 0]
    camera.close()


def test_every_request_goes_back(each_version: Bench) -> None:
    """There are four buffers: if requests were kept, the fifth would stop the camera."""
    camera = opened(small())
    for _ in range(20):
        read(camera)
        assert not made()[0].outstanding
    assert made()[0].starved == 0
    camera.close()


def test_waiting_in_short_steps_neither_loses_nor_leaks_requests(each_version: Bench) -> None:
    """A timed-out capture_request(wait=...) would leave a job that consumes a request."""
    camera = opened(small(fps=10.0, timeout=5.0))
    frames: list[Frame] = []
    empty = 0
    while len(frames) < 6:
        frame = camera.read(0.005)
        frames += [frame] if frame is not None else []
        empty += frame is None
    assert empty > 6
    assert not made()[0].outstanding
    assert made()[0].starved == 0
    assert len(made()[0]._job_list) == 0
    camera.close()


def test_frames_carry_the_time_of_their_exposure(bench: Bench) -> None:
    camera = opened(small(fps=30.0))
    for _ in range(5):
        frame = read(camera)
        age_ns = time.monotonic_ns() - frame.captured_ns
        assert sys.modules["picamera2"].TRANSIT_S * 1e9 <= age_ns < GENEROUS_S * 1e9
        assert abs(frame.time - (time.time() - age_ns / 1e9)) < 0.1
    camera.close()


def test_a_time_stamp_on_the_boot_clock_is_converted(monkeypatch: pytest.MonkeyPatch) -> None:
    now, slept = time.monotonic_ns(), 3_600_000_000_000
    real = time.clock_gettime_ns

    def after_a_sleep(clock: int) -> int:
        return real(clock) + slept if clock == time.CLOCK_BOOTTIME else real(clock)

    awake = real(time.CLOCK_BOOTTIME) - time.monotonic_ns()
    monkeypatch.setattr(time, "clock_gettime_ns", after_a_sleep)
    stamp = now - 20_000_000
    assert exposed_ns(stamp, now) == stamp
    assert exposed_ns(stamp + slept + awake, now) == pytest.approx(stamp, abs=5_000_000)
    assert exposed_ns(now - 10_000_000_000, now) == now - 10_000_000_000, "old, and says so"
    assert exposed_ns(stamp + 2 * slept, now) == now
    assert exposed_ns(5, now) == now
    assert exposed_ns(None, now) == now


# --- configuration --------------------------------------------------------------------------------


def test_what_is_asked_of_picamera2(bench: Bench) -> None:
    camera = opened(CameraSettings(width=1280, height=720, fps=25.0))
    configuration = made()[0].camera_configuration()
    assert configuration["main"]["format"] == "BGR888"
    assert configuration["main"]["size"] == (1280, 720)
    assert configuration["buffer_count"] <= 4
    assert configuration["queue"] is False
    # The mode nearest to 1280x720 is cropped, so a mode with the full view is used.
    assert configuration["sensor"] == {"output_size": (2304, 1296), "bit_depth": 10}
    assert configuration["controls"] == {"FrameDurationLimits": (40000, 40000), "AfMode": 2}
    assert camera.frame_rate == 25.0
    assert camera.describe() == "picamera:0 (imx708)"
    assert (camera.live, camera.still, camera.frame_count) == (True, False, None)
    camera.close()


def test_exposure_gain_and_focus_are_set(bench: Bench) -> None:
    camera = opened(small(fps=30.0, exposure=5000, gain=4.0, focus=0.5))
    assert made()[0].camera_configuration()["controls"] == {
        "FrameDurationLimits": (33333, 33333),
        "ExposureTime": 5000,
        "AnalogueGain": 4.0,
        "AfMode": 0,
        "LensPosition": 0.5,
    }
    camera.close()


def test_an_exposure_longer_than_a_frame_lowers_the_rate(bench: Bench) -> None:
    camera = opened(small(fps=30.0, exposure=100_000))
    limits = made()[0].camera_configuration()["controls"]["FrameDurationLimits"]
    assert limits == (33333, 100_000)
    camera.close()


def test_what_a_camera_cannot_do_is_said(bench: Bench, caplog: pytest.LogCaptureFixture) -> None:
    bench.set(cameras=[IMX219], size=(144, 96))
    with caplog.at_level("WARNING", logger="pose_edge"):
        camera = opened(small(fps=200.0, gain=20.0, focus=1.0))
    text = caplog.text
    assert "has a fixed focus: camera.focus does nothing" in text
    assert "gives 103.3 frames a second at most" in text
    assert "cannot follow camera.gain 20, 16 is used" in text
    assert "gives 144x96" in text
    assert camera.frame_rate == pytest.approx(103.3, abs=0.1)
    assert "AfMode" not in made()[0].camera_configuration()["controls"]
    assert read(camera).image.shape == (96, 144, 3)
    camera.close()


def test_modes_are_tried_at_the_first_opening_only(bench: Bench) -> None:
    camera = opened(small())
    assert made()[0].configured == 4
    camera.close()
    camera.open()
    assert made()[1].configured == 1
    camera.close()


def test_a_format_in_bgr_is_named_so(bench: Bench) -> None:
    bench.set(pixel_format="RGB888")
    camera = opened(small())
    frame = read(camera)
    assert frame.order == "BGR"
    assert (frame.image[:, :, ::-1] == scene(160, 120, int(frame.image[0, 0, 0]))).all()
    camera.close()


def test_another_format_is_refused(bench: Bench) -> None:
    bench.set(pixel_format="XBGR8888")
    with pytest.raises(SourceError, match="gives XBGR8888 instead of BGR888"):
        opened(small())
    assert not made()[0].is_open


# --- listing camera modules -----------------------------------------------------------------------


def test_camera_modules_are_listed_without_opening_them(bench: Bench) -> None:
    bench.set(cameras=[WEBCAM, IMX219, IMX708], busy=True)
    assert list(find_picameras().items()) == [(0, "imx708"), (1, "imx219")]
    assert not made()


def test_usb_cameras_are_left_out_and_counted_out(bench: Bench) -> None:
    bench.set(cameras=[WEBCAM])
    assert "no camera module found; power off" in why_no_module()
    with pytest.raises(SourceError, match="picamera:0 is not there: no camera module found"):
        opened(small())


def test_the_second_of_two_modules_is_opened(each_version: Bench) -> None:
    each_version.set(cameras=[WEBCAM, IMX219, IMX708])
    camera = opened(small(), number=1)
    assert camera.describe() == "picamera:1 (imx219)"
    assert made()[0].hardware["model"] == "imx219"
    camera.close()


def test_a_number_too_large_names_those_that_are_there(each_version: Bench) -> None:
    each_version.set(cameras=[IMX708, WEBCAM])
    for number in (1, 7):
        with pytest.raises(SourceError) as error:
            opened(small(), number=number)
        assert str(error.value) == f"picamera:{number} is not there; found: picamera:0 (imx708)"


def test_a_camera_in_use_is_said(each_version: Bench) -> None:
    each_version.set(busy=True)
    camera = PiCamera(0, small())
    with pytest.raises(SourceError, match=r"imx708\) cannot be opened: another program is using"):
        camera.open()
    each_version.set(busy=False)
    camera.open()
    read(camera)
    camera.close()


def test_without_picamera2_the_remedy_is_said(
    modules: None, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    real = importlib.util.find_spec
    monkeypatch.setattr(
        importlib.util, "find_spec", lambda name: None if name == "picamera2" else real(name)
    )
    assert why_no_module() == "picamera2 is not installed"
    (tmp_path / "picamera2.py").write_text("import libcamera_that_is_not_there")
    monkeypatch.syspath_prepend(str(tmp_path))
    with pytest.raises(SourceError, match=r"no module libcamera_that_is.*sudo apt install python3"):
        opened(small())


def test_a_picamera2_built_for_another_numpy_is_said(
    modules: None, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "picamera2.py").write_text("raise ValueError('numpy.dtype size changed')")
    monkeypatch.syspath_prepend(str(tmp_path))
    assert "numpy.dtype size changed" in why_no_module()
    with pytest.raises(SourceError, match=r"cannot be imported .ValueError: numpy.dtype size"):
        opened(small())


def test_the_libraries_keep_quiet(
    bench: Bench, capfd: pytest.CaptureFixture[str], caplog: pytest.LogCaptureFixture
) -> None:
    camera = opened(small())
    bench.set(dislodged=True)
    read_until_lost(camera)
    camera.close()
    bench.set(busy=True, dislodged=False)
    with pytest.raises(SourceError):
        camera.open()
    assert capfd.readouterr().err == ""
    assert [record for record in caplog.records if record.name.startswith("picamera2")] == []


def test_the_libraries_may_speak_at_level_debug(
    bench: Bench, capfd: pytest.CaptureFixture[str], caplog: pytest.LogCaptureFixture
) -> None:
    with caplog.at_level("DEBUG", logger="pose_edge"):
        opened(small()).close()
    assert "INFO Camera camera_manager.cpp" in capfd.readouterr().err
    assert LOG_VARIABLE not in os.environ


# --- failures -------------------------------------------------------------------------------------


def test_a_dislodged_cable_is_noticed_and_recovered_from(each_version: Bench) -> None:
    camera = opened(small())
    first = read(camera)
    each_version.set(dislodged=True)
    assert 0.4 < read_until_lost(camera) < GENEROUS_S
    camera.close()  # with a frame still awaited, this would hang
    assert not made()[0].is_open
    assert not made()[0].outstanding
    each_version.set(dislodged=False)
    camera.open()
    again = read(camera)
    assert again.index > first.index, "numbers go on"
    camera.close()


def test_the_default_time_limit_is_below_three_seconds(bench: Bench) -> None:
    camera = opened(CameraSettings(width=160, height=120))
    read(camera)
    assert CameraSettings().timeout >= camera._limit_s
    assert camera._limit_s + 0.1 < 3.0
    camera.close()


def test_a_camera_opened_while_the_cable_is_out_is_lost_again(
    bench: Bench, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(picamera, "LOST_S", 0.6)
    bench.set(dislodged=True)
    camera = opened(small())
    assert camera.read(0.05) is None
    read_until_lost(camera)
    # After the cable is seated again, no frame comes until the camera is restarted.
    bench.set(dislodged=False)
    with pytest.raises(SourceLost):
        camera.read(0.05)
    camera.close()
    camera.open()
    read(camera)
    camera.close()


def test_a_wait_is_as_long_as_asked(bench: Bench) -> None:
    bench.set(dislodged=True)
    camera = opened(small())
    started = time.monotonic()
    assert camera.read(0.2) is None
    assert time.monotonic() - started >= 0.19
    started = time.monotonic()
    with pytest.raises(SourceLost):
        camera.read(60.0)
    assert time.monotonic() - started < GENEROUS_S
    camera.close()


def test_a_reader_that_pauses_does_not_lose_the_camera(bench: Bench) -> None:
    camera = opened(small())
    read(camera)
    time.sleep(0.7)  # longer than the time limit
    camera.read(0.0)
    read(camera)
    camera.close()


def test_a_sensor_that_does_not_answer_is_let_go(each_version: Bench) -> None:
    each_version.set(deaf=True)
    camera = PiCamera(0, small())
    with pytest.raises(SourceError, match="cannot be opened: Failed to start camera: Remote I/O"):
        camera.open()
    assert not made()[0].is_open
    each_version.set(deaf=False)
    camera.open()
    read(camera)
    camera.close()


def test_reading_a_camera_that_is_not_open_is_a_loss(bench: Bench) -> None:
    camera = PiCamera(0, small())
    with pytest.raises(SourceLost, match="picamera:0 is not open"):
        camera.read(0.1)
    camera.open()
    camera.close()
    camera.close()
    with pytest.raises(SourceLost, match="is not open"):
        camera.read(0.1)


def test_opening_again_closes_what_was_open(bench: Bench) -> None:
    camera = opened(small())
    camera.open()
    assert [one.is_open for one in made()] == [False, True]
    camera.close()


def test_libcamera_failing_while_running_is_a_loss(bench: Bench) -> None:
    camera = opened(small())
    read(camera)
    bench.set(fail=["requeue"])
    with pytest.raises(SourceLost, match="reading failed: Failed to queue request"):
        read(camera)
    bench.set(fail=[])
    camera.close()
    camera.open()
    read(camera)
    camera.close()


def test_picamera2s_own_thread_ending_is_a_loss_and_does_not_hang_close(bench: Bench) -> None:
    """`stop` would wait forever for the thread that has ended."""
    camera = opened(small())
    read(camera)
    bench.set(fail=["loop"])
    read_until_lost(camera)
    bench.set(fail=[])
    camera.close()
    assert not made()[0].is_open
    camera.open()
    read(camera)
    camera.close()


@pytest.mark.parametrize("call", ["start", "stop"])
def test_a_camera_held_by_a_call_that_hangs_is_said_and_opened_once_it_is_free(
    bench: Bench, call: str
) -> None:
    """The situation after giving up a capture thread: another object opens the same camera."""
    first, second = PiCamera(0, small()), PiCamera(0, small())

    def open_and_close() -> None:
        first.open()
        first.close()

    find_picameras()  # imports picamera2
    bench.set(hang=[call])
    hung = threading.Thread(target=open_and_close, daemon=True)
    hung.start()
    wait_until(lambda: len(made()) == 1, "the camera to be taken")
    for _ in range(3):
        with pytest.raises(SourceError, match="or a call of this one that hangs") as error:
            second.open()
        assert "fuser" in (error.value.remedy or "")
    assert hung.is_alive()
    bench.set(hang=[])
    hung.join(GENEROUS_S)
    assert not made()[0].is_open
    second.open()
    read(second)
    second.close()


def test_a_close_that_fails_is_tried_again(bench: Bench, caplog: pytest.LogCaptureFixture) -> None:
    camera = opened(small())
    read(camera)
    bench.set(fail=["stop"])
    camera.close()
    assert "cannot be closed: Failed to stop camera" in caplog.text
    with pytest.raises(SourceError, match="still held by this process"):
        camera.open()
    bench.set(fail=[])
    camera.open()
    read(camera)
    camera.close()
    assert [one.is_open for one in made()] == [False, False]


def test_fifty_losses_leave_nothing_behind(bench: Bench) -> None:
    camera = PiCamera(0, small())
    threads = threading.active_count()
    for _ in range(50):
        camera.open()
        read(camera)
        camera.read(0.0)  # a job is pending when the camera is closed
        camera.close()
    assert not any(one.is_open or one.outstanding for one in made())
    wait_until(lambda: threading.active_count() <= threads, "the end of all threads")
