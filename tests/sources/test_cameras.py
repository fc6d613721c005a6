from __future__ import annotations

import os
from pathlib import Path

import pytest
from fake_v4l2 import META_CAPTURE, OUTPUT, Kernel

from pose_edge.sources.cameras import (
    CameraNode,
    choose_camera,
    explain_unopenable,
    find_cameras,
    query_camera,
    why_no_camera,
)
from pose_edge.util.device_access import current_user


@pytest.fixture
def kernel(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Kernel:
    return Kernel(monkeypatch, tmp_path)


def test_cameras_by_number_without_metadata_codecs_and_others(kernel: Kernel) -> None:
    kernel.add("video10", b"bcm2835-codec-decode", driver="bcm2835-codec")
    kernel.add("video20", b"rp1-cfe", driver="rp1-cfe")
    kernel.add("video2", b"HD Webcam C525\0rubbish", bus="usb-1")
    kernel.add("video1", b"HD Webcam C525", caps=META_CAPTURE)
    kernel.add("video12", b"Late Cam", bus="usb-2")
    kernel.add("video3", b"Dummy", driver="v4l2loopback", caps=OUTPUT)
    kernel.add("video-extra", b"no node")
    kernel.add("vbi0", b"no node")
    (kernel.folder / "video4").touch()  # a node that answers no ioctl
    assert find_cameras(kernel.folder) == [
        CameraNode(kernel.folder / "video2", "HD Webcam C525", "uvcvideo", "usb-1"),
        CameraNode(kernel.folder / "video12", "Late Cam", "uvcvideo", "usb-2"),
    ]


@pytest.mark.parametrize(
    ("card", "name"),
    [
        (b"HD Webcam C525: HD Webcam C525", "HD Webcam C525"),
        (b"vmkit UVC Camera: vmkit UVC Cam", "vmkit UVC Camera"),  # truncated at 31 bytes
        (b"USB 2.0 Camera: HD USB Camera", "USB 2.0 Camera: HD USB Camera"),
        (b"Cam", "Cam"),
    ],
)
def test_names_are_not_repeated(kernel: Kernel, card: bytes, name: str) -> None:
    kernel.add("video0", card)
    assert [camera.name for camera in find_cameras(kernel.folder)] == [name]


def test_names_that_are_no_text_do_no_harm(kernel: Kernel) -> None:
    node = query_camera(kernel.add("video0", b"\xff\xfe Cam").path)
    assert node is not None
    assert node.name.endswith(" Cam")


def test_the_link_by_id_is_found_and_a_link_leads_to_its_node(kernel: Kernel) -> None:
    kernel.add("video0", b"Other")
    camera = kernel.add("video3", b"Cam")
    link = kernel.link("usb-Maker_Cam_0815-video-index0", camera)
    (link.parent / "usb-gone").symlink_to(kernel.folder / "video9")
    assert [found.serial for found in find_cameras(kernel.folder)] == ["", link.name]
    node = query_camera(link)
    assert node is not None
    assert (node.path, node.serial) == (camera.path, link.name)


def test_no_camera(tmp_path: Path) -> None:
    assert find_cameras(tmp_path) == []
    assert find_cameras(tmp_path / "gone") == []
    assert query_camera(tmp_path / "gone") is None
    assert query_camera(Path("/dev/null")) is None


def test_why_there_is_none(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    assert why_no_camera(tmp_path) == f"none in {tmp_path}/video*"
    (tmp_path / "video0").touch()
    assert why_no_camera(tmp_path) == f"none in {tmp_path}/video*"
    monkeypatch.setattr(os, "access", lambda *_: False)
    assert why_no_camera(tmp_path) == f"{tmp_path}/video0 has just come", "udev is not done with it"
    os.utime(tmp_path / "video0", (0, 0))
    closed = why_no_camera(tmp_path)
    assert closed.startswith(f"{current_user()} may not open {tmp_path}/video0; ")
    assert "usermod -aG video" in closed


def test_asking_leaves_nothing_open(kernel: Kernel) -> None:
    kernel.add("video0")
    (kernel.folder / "video1").touch()
    before = len(list(Path("/proc/self/fd").iterdir()))
    for _ in range(5):
        find_cameras(kernel.folder)
    assert len(list(Path("/proc/self/fd").iterdir())) == before
    assert kernel.open_descriptors == {}


# --- choosing a camera ----------------------------------------------------------------------------


def node(number: int, name: str = "Cam", bus: str = "usb-1", serial: str = "") -> CameraNode:
    return CameraNode(Path(f"/dev/video{number}"), name, "uvcvideo", bus, serial)


@pytest.mark.parametrize(
    ("cameras", "known", "chosen"),
    [
        # Without a known camera: the requested node, or none.
        ([node(0), node(2)], None, 0),
        ([node(1), node(2)], None, None),
        # The known camera is found by its serial number, ...
        ([node(0, "Else"), node(3, serial="A", bus="usb-9")], node(0, serial="A"), 3),
        # ... by its port (of two cameras of one model, one was pulled out), ...
        ([node(1, bus="usb-2"), node(3, bus="usb-1")], node(0, bus="usb-1"), 3),
        # ... or by its name, in another port.
        ([node(0, "Else"), node(3, bus="usb-7")], node(0), 3),
        # Another camera of the same model is used only if its node was requested.
        ([node(3, serial="B", bus="usb-7")], node(0, serial="A"), None),
        ([node(0, serial="B", bus="usb-7")], node(0, serial="A"), 0),
        # Udev has not created the link yet, so the serial number is missing: the port decides.
        ([node(3, serial="")], node(0, serial="A"), 3),
        # No camera is connected.
        ([], node(0, serial="A"), None),
        # Another camera has the node of the known one.
        ([node(0, "Else")], node(0), 0),
    ],
)
def test_a_camera_is_known_again(
    cameras: list[CameraNode], known: CameraNode | None, chosen: int | None
) -> None:
    found = choose_camera(cameras, "/dev/video0", known)
    assert (found.path if found else None) == (
        None if chosen is None else Path(f"/dev/video{chosen}")
    )


def test_names_are_parts_in_any_case() -> None:
    camera = node(0, "HD Webcam C525", serial="usb-046d_HD_Webcam_8F2A-video-index0")
    for part in ("webcam", "c525", "8f2a"):
        assert choose_camera([node(1), camera], part) == camera
    assert choose_camera([camera], "c920") is None


def test_a_node_that_goes_while_it_is_looked_at(tmp_path: Path) -> None:
    error = explain_unopenable(tmp_path / "video0")
    assert (error.message, error.remedy) == (f"{tmp_path}/video0 has just gone", None)
