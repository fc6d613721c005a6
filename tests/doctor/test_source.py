from __future__ import annotations

import socket
import time
from typing import Any

import numpy as np
import pytest
from doctor_contexts import MadeUp, by_subject, sound

from pose_edge.config.schema import CameraSettings
from pose_edge.doctor import source
from pose_edge.doctor.report import Finding
from pose_edge.errors import SourceError, SourceLost
from pose_edge.frames import Frame
from pose_edge.sources.any_camera import AnyCamera, Candidates
from pose_edge.sources.csi import REMEDY


class Camera:
    """A fake live source that returns the same picture or no frame, or raises an error."""

    live, still, frame_count, frame_rate = True, False, None, 30.0
    retry_s = 1.0

    def __init__(self, picture: Any = None, error: Exception | None = None) -> None:  # noqa: ANN401
        self.picture, self.error, self.closed, self.timeout = picture, error, False, 0.0

    def open(self) -> None: ...

    def read(self, timeout: float, reuse: Any = None) -> Frame | None:  # noqa: ANN401
        if self.error is not None:
            raise self.error
        time.sleep(0.005)
        if self.picture is None:
            return None
        return Frame(self.picture, "BGR", time.monotonic_ns(), 0, 0.0)

    def close(self) -> None:
        self.closed = True

    def describe(self) -> str:
        return "/dev/video0"


PICTURE = np.arange(480 * 640 * 3, dtype=np.uint32).astype(np.uint8).reshape(480, 640, 3)


def look(made_up: MadeUp, name: str, **more: Any) -> dict[str, Finding]:  # noqa: ANN401
    settings = {"source": {"name": name}, "camera": more.pop("camera", {})}
    findings = source.examine(made_up.context(settings=settings, **more))
    return by_subject(sound(findings))


def use(monkeypatch: pytest.MonkeyPatch, camera: Camera) -> Camera:
    monkeypatch.setattr(source, "choose_source", lambda _source, _camera: camera)
    monkeypatch.setattr(source, "RATE_S", 0.2)
    return camera


def test_a_camera(made_up: MadeUp, monkeypatch: pytest.MonkeyPatch) -> None:
    camera = use(monkeypatch, Camera(PICTURE))
    found = look(made_up, "/dev/video0", camera={"fps": 1.0})
    assert found["source"].text == "/dev/video0"
    assert found["picture"].verdict == "ok"
    assert found["picture"].text.startswith("640x480, the first after 0.")
    assert "frames a second" in found["picture"].text
    assert camera.closed


def test_a_camera_that_is_slow(made_up: MadeUp, monkeypatch: pytest.MonkeyPatch) -> None:
    use(monkeypatch, Camera(PICTURE))
    found = look(made_up, "/dev/video0", camera={"fps": 240.0, "timeout": 1.0})["picture"]
    assert "240 as wanted" in found.text or found.verdict == "ok"
    monkeypatch.setattr(source, "SLOW", 100.0)
    found = look(made_up, "/dev/video0", camera={"fps": 240.0})["picture"]
    assert found.verdict == "warning"
    assert "not 240 as wanted" in found.text


def test_a_cap_on_the_lens(made_up: MadeUp, monkeypatch: pytest.MonkeyPatch) -> None:
    use(monkeypatch, Camera(np.full((480, 640, 3), 16, np.uint8)))
    found = look(made_up, "/dev/video0")["picture"]
    assert found.verdict == "warning"
    assert "cap" in found.remedy


def test_a_camera_without_frames(made_up: MadeUp, monkeypatch: pytest.MonkeyPatch) -> None:
    camera = use(monkeypatch, Camera())
    monkeypatch.setattr(source, "FIRST_S", 0.2)
    found = look(made_up, "/dev/video0", camera={"timeout": 0.5})["picture"]
    assert (found.verdict, found.text) == ("fault", "/dev/video0 gave no frame")
    assert camera.closed


def test_who_has_a_camera_that_gives_nothing(
    made_up: MadeUp, monkeypatch: pytest.MonkeyPatch
) -> None:
    node = made_up.put("dev/video0")
    made_up.process(812, "cheese", node)
    use(monkeypatch, Camera(error=SourceLost("camera is busy", remedy="end the other")))
    found = look(made_up, "/dev/video0")["picture"]
    assert found.text == "camera is busy (in use by cheese (process 812))"
    assert found.remedy == "end the other"


def test_the_running_service_is_left_alone(
    made_up: MadeUp, monkeypatch: pytest.MonkeyPatch
) -> None:
    node = made_up.put("dev/video0")
    made_up.process(813, "pose-edge", node)
    camera = use(monkeypatch, Camera(error=AssertionError("opened")))
    found = look(made_up, "auto")["picture"]
    assert found.verdict == "skipped"
    assert "systemctl stop pose-edge" in found.text
    assert not camera.closed


LIVE = ("auto", "/dev/video0", "0", "camera:C270", "/dev/v4l/by-id/c270", "picamera", "picamera:1")


@pytest.mark.parametrize("name", LIVE)
def test_no_camera_is_opened_when_that_is_not_wanted(
    made_up: MadeUp, monkeypatch: pytest.MonkeyPatch, name: str
) -> None:
    use(monkeypatch, Camera(error=AssertionError("opened")))
    found = look(made_up, name, use_camera=False)
    assert found.keys() == {"picture"}
    assert found["picture"].verdict == "skipped"


def test_a_file(made_up: MadeUp) -> None:
    found = look(made_up, "demo", use_camera=False)["picture"]
    assert (found.verdict, found.text.startswith("1280x720, ")) == ("ok", True)
    found = look(made_up, "nothing.mp4")["picture"]
    assert found.verdict == "fault"
    assert "no such file" in found.text


def test_who_has_a_camera_is_nothing_to_a_file(made_up: MadeUp) -> None:
    made_up.process(812, "cheese", made_up.put("dev/video0"))
    assert "cheese" not in look(made_up, "nothing.mp4")["picture"].text


def test_an_address_of_an_unknown_kind(made_up: MadeUp) -> None:
    found = look(made_up, "ftp://me:s3cret@host/x", use_camera=False)["picture"]
    assert found.verdict == "fault"
    assert "unknown kind of address" in found.text
    assert "s3cret" not in str(found)


def any_of(monkeypatch: pytest.MonkeyPatch, *cameras: Camera) -> None:
    def find(_settings: CameraSettings) -> Candidates:
        if not cameras:
            raise SourceError("no camera found (CSI: no module; seat its cable; USB: none)")
        return {
            str(number): lambda camera=camera: camera  # type: ignore[misc]
            for number, camera in enumerate(cameras)
        }

    monkeypatch.setattr(
        source, "choose_source", lambda _source, camera: AnyCamera(camera, find=find)
    )
    monkeypatch.setattr(source, "RATE_S", 0.2)


def test_which_camera_auto_takes(made_up: MadeUp, monkeypatch: pytest.MonkeyPatch) -> None:
    camera = Camera(PICTURE)
    any_of(monkeypatch, camera)
    found = look(made_up, "auto", camera={"fps": 1.0})
    assert found["source"].text == "auto takes /dev/video0"
    assert found["picture"].verdict == "ok"
    assert camera.closed


def test_auto_that_waits_for_a_camera(made_up: MadeUp, monkeypatch: pytest.MonkeyPatch) -> None:
    any_of(monkeypatch)
    found = look(made_up, "auto", camera={"wait": True})
    assert found.keys() == {"picture"}
    assert found["picture"].verdict == "fault"
    assert found["picture"].text.startswith("no camera found (CSI: ")
    assert "; USB: " in found["picture"].text
    assert found["picture"].remedy == "see Cameras above"


def test_a_source_says_itself_that_it_is_silent(
    made_up: MadeUp, monkeypatch: pytest.MonkeyPatch
) -> None:
    class Mute(Camera):
        """A source that itself detects 0.5 s of silence, counted from the first read."""

        begun = 0.0

        def read(self, timeout: float, reuse: Any = None) -> Frame | None:  # noqa: ANN401
            self.begun = self.begun or time.monotonic()
            if time.monotonic() - self.begun > 0.5:
                raise SourceLost("/dev/video0 gave no frame for 0.5 s")
            return super().read(timeout, reuse)

    use(monkeypatch, Mute())
    monkeypatch.setattr(source, "GRACE_S", 30.0)
    found = look(made_up, "/dev/video0", camera={"timeout": 0.5})["picture"]
    assert found.text == "/dev/video0 gave no frame for 0.5 s"


def test_what_to_do_is_told_from_what_is_wrong(
    made_up: MadeUp, monkeypatch: pytest.MonkeyPatch
) -> None:
    no_library = SourceLost("this Python has no module libcamera", remedy=REMEDY)
    use(monkeypatch, Camera(error=no_library))
    found = look(made_up, "picamera")["picture"]
    assert (found.text, found.remedy) == ("this Python has no module libcamera", REMEDY)
    use(monkeypatch, Camera(error=SourceLost("no camera is called x; found: C270")))
    found = look(made_up, "camera:x")["picture"]
    assert found.text == "no camera is called x; found: C270"
    assert found.remedy == "see Cameras above"


def test_auto_without_a_camera_says_what_it_plays(made_up: MadeUp) -> None:
    from pose_edge.sources.cameras import find_cameras

    if find_cameras():
        pytest.skip("this machine has a camera")
    found = look(made_up, "auto")["source"]
    assert found.text.startswith("no camera is found, so auto plays the demo clip: ")


def test_a_stream_that_nobody_serves(made_up: MadeUp) -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))  # bound, but nobody listens
        port = taken.getsockname()[1]
        found = look(made_up, f"rtsp://me:s3cret@127.0.0.1:{port}/x")
    assert found.keys() == {"network"}
    assert found["network"].verdict == "fault"
    assert found["network"].text == f"127.0.0.1 port {port}: connection refused"
    assert "s3cret" not in str(found)


def test_a_stream_that_answers(made_up: MadeUp) -> None:
    with socket.create_server(("127.0.0.1", 0)) as server:
        url = f"rtsp://me:s3cret@127.0.0.1:{server.getsockname()[1]}/x"
        found = look(made_up, url, use_camera=False)
    assert found["network"].verdict == "ok"
    assert found["picture"].verdict == "skipped"


def test_a_stream_without_a_connection(made_up: MadeUp) -> None:
    found = look(made_up, "udp://@:1234", use_camera=False)
    assert found["network"].verdict == "skipped"
