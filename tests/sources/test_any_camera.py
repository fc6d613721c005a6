from __future__ import annotations

import logging
from collections.abc import Sequence
from functools import partial
from pathlib import Path

import pytest
from fake_v4l2 import Kernel
from helpers import FakeSource, Step, make_frame, read_until_lost

from pose_edge.config.schema import CameraSettings
from pose_edge.errors import SourceError, SourceLost
from pose_edge.sources import any_camera, cameras
from pose_edge.sources.any_camera import AnyCamera, Candidates, find_candidates
from pose_edge.sources.picamera import PiCamera
from pose_edge.sources.v4l2 import V4L2Camera


class Plugs:
    """Fake cameras that are plugged in; the test sets their steps and errors."""

    def __init__(self, *names: str) -> None:
        self.names = list(names)
        self.sources: dict[str, FakeSource] = {}
        self.steps: dict[str, Sequence[Step]] = {}
        self.errors: dict[str, str] = {}

    def find(self, settings: CameraSettings) -> Candidates:
        if not self.names:
            raise SourceError("no camera found")
        return {name: partial(self._make, name) for name in self.names}

    def _make(self, name: str) -> FakeSource:
        source = FakeSource(self.steps.get(name, ()), live=True)
        source.describe = lambda: name  # type: ignore[method-assign]
        if name in self.errors:
            source.open_errors = [SourceError(self.errors[name])]
        return self.sources.setdefault(name, source)


def make(plugs: Plugs) -> AnyCamera:
    return AnyCamera(CameraSettings(), find=plugs.find)


def test_the_first_is_chosen_and_the_reason_said(caplog: pytest.LogCaptureFixture) -> None:
    plugs = Plugs("CSI camera 0", "usb a", "usb b")
    camera = make(plugs)
    before = (camera.describe(), camera.frame_rate)
    assert before == ("any camera", None)
    with caplog.at_level(logging.INFO, "pose_edge"):
        camera.open()
    assert camera.describe() == "CSI camera 0"
    assert camera.frame_rate == 30
    assert "CSI camera 0; CSI before USB, then by number; not: usb a, usb b" in caplog.text
    assert "usb a" not in plugs.sources or plugs.sources["usb a"].opened == 0
    camera.close()
    assert plugs.sources["CSI camera 0"].closed >= 1


def test_one_that_cannot_be_opened_makes_room_for_the_next() -> None:
    plugs = Plugs("a", "b")
    plugs.errors["a"] = "a is in use"
    camera = make(plugs)
    camera.open()
    assert camera.describe() == "b"


def test_when_none_can_be_opened_all_reasons_are_told() -> None:
    plugs = Plugs("a", "b")
    plugs.errors |= {"a": "a is in use", "b": "b has no room"}
    with pytest.raises(SourceError, match="a is in use; b has no room"):
        make(plugs).open()


def test_no_camera_at_all_says_what_was_looked_for() -> None:
    with pytest.raises(SourceError, match=r"^no camera found$"):
        make(Plugs()).open()
    with pytest.raises(SourceLost):
        make(Plugs()).read(0)


def test_numbers_go_on_from_camera_to_camera_with_their_gaps() -> None:
    plugs = Plugs("a")
    plugs.steps = {
        "a": [make_frame(index=0), None, make_frame(index=3), SourceLost("gone")],
        "b": [make_frame(index=0), make_frame(index=1)],
    }
    camera = make(plugs)
    camera.open()
    numbers = [frame.index if (frame := camera.read(0)) else None for _ in range(3)]
    with pytest.raises(SourceLost):
        camera.read(0)
    plugs.names = ["b"]
    camera.close()
    camera.open()
    numbers += [frame.index if (frame := camera.read(0)) else None for _ in range(2)]
    assert numbers == [0, None, 3, 4, 5]


def test_a_camera_that_opens_but_stays_mute_lets_the_next_try() -> None:
    plugs = Plugs("loose", "good")
    plugs.steps = {"loose": [SourceLost("no frame")] * 3, "good": [make_frame(), SourceLost("x")]}
    camera = make(plugs)
    chosen = []
    for _ in range(3):
        camera.open()
        chosen.append(camera.describe())
        read_until_lost(camera)
        camera.close()
    # "good" gave a frame before it was lost, so no camera is marked silent: the first is next.
    assert chosen == ["loose", "good", "loose"]


def test_csi_comes_before_usb(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    kernel = Kernel(monkeypatch, tmp_path)
    node = kernel.add("video0")
    monkeypatch.setattr(any_camera, "find_cameras", lambda: [cameras.query_camera(node.path)])
    monkeypatch.setattr(any_camera, "find_picameras", lambda: {1: "imx708"})
    found = find_candidates(CameraSettings())
    assert list(found) == ["CSI camera 1 (imx708)", f"{node.path} (HD Webcam)"]
    csi_camera, usb_camera = (make() for make in found.values())
    assert isinstance(csi_camera, PiCamera)
    assert isinstance(usb_camera, V4L2Camera)


def no_module() -> dict[int, str]:
    raise SourceError("no camera module found", remedy="seat its cable")


def test_a_machine_without_cameras_has_no_candidates(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(any_camera, "find_cameras", list)
    monkeypatch.setattr(any_camera, "find_picameras", no_module)
    with pytest.raises(SourceError) as error:
        find_candidates(CameraSettings())
    assert str(error.value).startswith(
        "no camera found (CSI: no camera module found; seat its cable; USB: "
    )
    assert str(error.value).endswith(")")
