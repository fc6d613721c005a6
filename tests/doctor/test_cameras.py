from __future__ import annotations

import importlib
import importlib.util
import logging
import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from doctor_contexts import MadeUp, by_subject, sound

from pose_edge.doctor import cameras
from pose_edge.doctor.device_users import find_device_users
from pose_edge.doctor.report import Finding
from pose_edge.errors import SourceError
from pose_edge.sources import csi
from pose_edge.sources.cameras import CameraNode


@pytest.fixture(autouse=True)
def loud_picamera2() -> Iterator[None]:
    """Restore picamera2's log level after the test."""
    library = logging.getLogger("picamera2")
    level = library.level
    yield
    library.setLevel(level)


@pytest.fixture(autouse=True)
def no_picamera2(monkeypatch: pytest.MonkeyPatch) -> None:
    real = importlib.util.find_spec
    monkeypatch.setattr(
        importlib.util, "find_spec", lambda name, *more: None if name == "picamera2" else real(name)
    )


def plug(made_up: MadeUp, monkeypatch: pytest.MonkeyPatch, *names: str) -> list[Path]:
    """Add cameras, each with an additional metadata node, and return all device nodes."""
    nodes = [made_up.put(f"dev/video{number}") for number in range(2 * len(names))]
    there = [
        CameraNode(node, name, "uvcvideo") for node, name in zip(nodes[::2], names, strict=True)
    ]
    monkeypatch.setattr(cameras, "find_cameras", lambda _dev: there)
    return nodes


def look(made_up: MadeUp, **more: Any) -> dict[str, Finding]:  # noqa: ANN401
    return by_subject(sound(cameras.examine(made_up.context(**more))))


def test_none(made_up: MadeUp) -> None:
    found = look(made_up)
    assert found["USB"].verdict == "ok"
    assert found["camera modules"].verdict == "skipped"
    found = look(made_up, settings={"source": {"name": "/dev/video0"}})
    assert found["USB"].verdict == "fault"


@pytest.mark.parametrize("name", ["0", "camera:C270", "/dev/v4l/by-id/usb-C270"])
def test_none_where_one_is_named(made_up: MadeUp, name: str) -> None:
    assert look(made_up, settings={"source": {"name": name}})["USB"].verdict == "fault"


def test_a_free_one(made_up: MadeUp, monkeypatch: pytest.MonkeyPatch) -> None:
    node, _ = plug(made_up, monkeypatch, "HD Webcam")
    found = look(made_up)
    assert found[str(node)].text == "HD Webcam (uvcvideo), free"
    assert found["no cameras"].text.startswith("1 other /dev/video*")
    assert "USB" not in found


def test_who_has_it(made_up: MadeUp, monkeypatch: pytest.MonkeyPatch) -> None:
    first, _, second, _ = plug(made_up, monkeypatch, "HD Webcam", "C270")
    made_up.process(812, "cheese", made_up.root / "dev/null", first)
    made_up.process(813, "python3", second, command="/opt/pose-edge/bin/python -m pose_edge run")
    made_up.process(1, "init")
    found = look(made_up)
    assert found[str(first)].verdict == "warning"
    assert "in use by cheese (process 812)" in found[str(first)].text
    assert "`kill 812`" in found[str(first)].remedy
    assert found[str(second)].verdict == "ok"
    assert found[str(second)].text.endswith("in use by pose-edge (process 813)")


def test_what_may_not_be_seen_is_said(made_up: MadeUp, monkeypatch: pytest.MonkeyPatch) -> None:
    node, _ = plug(made_up, monkeypatch, "HD Webcam")
    made_up.process(812, "cheese", node)
    real = Path.iterdir

    def closed(path: Path) -> Any:  # noqa: ANN401
        if path.name == "fd":
            raise PermissionError
        return real(path)

    monkeypatch.setattr(Path, "iterdir", closed)
    found = look(made_up)[str(node)]
    assert "sudo pose-edge doctor" in found.text
    assert find_device_users([node], made_up.root / "proc") == ({}, False)


def test_one_that_may_not_be_opened(made_up: MadeUp, monkeypatch: pytest.MonkeyPatch) -> None:
    node = made_up.put("dev/video0")
    made_up.put("sys/class/video4linux/video0/name", "HD Webcam\n")
    monkeypatch.setattr(cameras, "find_cameras", lambda _dev: [])
    monkeypatch.setattr(os, "access", lambda *_args: False)
    found = look(made_up)[str(node)]
    assert found.verdict == "fault"
    assert found.text.startswith("HD Webcam: ")
    assert "usermod -aG" in found.remedy


def test_this_very_process_is_not_listed(tmp_path: Path) -> None:
    file = tmp_path / "node"
    with file.open("w"):
        assert find_device_users([file], Path("/proc"))[0] == {}


def test_another_process_is_found() -> None:
    node = Path("/dev/null")
    with subprocess.Popen(["sleep", "60"], stdin=subprocess.DEVNULL) as process:
        try:
            users, _ = find_device_users([node], Path("/proc"))
            assert process.pid in [user.pid for user in users[node]]
        finally:
            process.kill()


def test_a_pi_without_picamera2(made_up: MadeUp) -> None:
    made_up.be_a_pi()
    found = look(made_up)["camera modules"]
    assert found.verdict == "warning"
    assert "python3-picamera2" in found.remedy


def install_picamera2(monkeypatch: pytest.MonkeyPatch, listed: object) -> None:
    def global_camera_info() -> object:
        if isinstance(listed, Exception):
            raise listed
        return listed

    library = SimpleNamespace(Picamera2=SimpleNamespace(global_camera_info=global_camera_info))
    monkeypatch.setitem(sys.modules, "picamera2", library)
    monkeypatch.setitem(sys.modules, "libcamera", SimpleNamespace())
    monkeypatch.setattr(importlib.util, "find_spec", lambda *_args: object())
    monkeypatch.setenv(csi.LOG_VARIABLE, "*:FATAL")
    none_found = SourceError("no camera module found", remedy=csi.SEATING)
    monkeypatch.setattr(csi, "_none_found", lambda: none_found)


def test_camera_modules(made_up: MadeUp, monkeypatch: pytest.MonkeyPatch) -> None:
    listed = [
        {"Model": "imx708", "Id": "/base/axi/pcie@120000/rp1/i2c@88000/imx708@1a"},
        {"Model": "C270", "Id": "/base/scb/pcie/usb@0,0-1.1:1.0-046d:0825"},
    ]
    install_picamera2(monkeypatch, listed)
    assert look(made_up)["camera modules"].text == "0: imx708"
    found = look(made_up, settings={"source": {"name": "picamera:1"}})["camera modules"]
    assert found.verdict == "fault"
    assert found.text == "no number 1, but 0: imx708"


def test_no_camera_module_is_a_fault_where_one_is_wanted(
    made_up: MadeUp, monkeypatch: pytest.MonkeyPatch
) -> None:
    install_picamera2(monkeypatch, [])
    assert look(made_up)["camera modules"].verdict == "ok"
    found = look(made_up, settings={"source": {"name": "picamera"}})["camera modules"]
    assert found.verdict == "fault"
    assert "ribbon cable" in found.remedy


def test_no_camera_module_on_a_pi(made_up: MadeUp, monkeypatch: pytest.MonkeyPatch) -> None:
    install_picamera2(monkeypatch, [])
    made_up.be_a_pi()
    found = look(made_up)["camera modules"]
    assert (found.verdict, found.text) == ("ok", "no camera module found")
    assert found.remedy.startswith("if one is connected: power off")


def test_a_camera_module_is_wanted_without_picamera2(made_up: MadeUp) -> None:
    found = look(made_up, settings={"source": {"name": "picamera"}})["camera modules"]
    assert found.verdict == "fault"
    assert "python3-picamera2" in found.remedy


@pytest.mark.parametrize(
    ("error", "text", "remedy"),
    [
        (SourceError("/dev/media0: closed; busy", remedy="`x`"), "/dev/media0: closed; busy", "`x"),
        (RuntimeError("Camera\nsequence failed"), "Camera sequence failed", "`rpicam-hello"),
    ],
)
def test_what_keeps_camera_modules_from_being_seen(
    made_up: MadeUp, monkeypatch: pytest.MonkeyPatch, error: Exception, text: str, remedy: str
) -> None:
    install_picamera2(monkeypatch, error)
    found = look(made_up)["camera modules"]
    assert (found.verdict, found.text) == ("fault", text)
    assert found.remedy.startswith(remedy)


def test_a_picamera2_for_another_numpy(made_up: MadeUp, monkeypatch: pytest.MonkeyPatch) -> None:
    real = importlib.import_module

    def fail(name: str) -> object:
        if name == "picamera2":
            raise ValueError("numpy.dtype size changed")
        return real(name)

    install_picamera2(monkeypatch, [])
    monkeypatch.setattr(importlib, "import_module", fail)
    found = look(made_up)["camera modules"]
    assert found.verdict == "fault"
    assert found.text == "picamera2 cannot be imported (ValueError: numpy.dtype size changed)"
    assert "script/run" in found.remedy
