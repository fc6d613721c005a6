"""The connected V4L2 cameras, recognised when they come back under another number.

No stream is opened. A USB camera that is unplugged and plugged in again becomes another /dev/videoN
while a program still holds the old one; what stays is its serial number (in /dev/v4l/by-id, made by
udev), else the port that it is plugged into, else its name.
"""

from __future__ import annotations

import re
import time
from collections.abc import Sequence
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from pose_edge.errors import SourceError
from pose_edge.sources.v4l2_device import VIDEO_CAPTURE, Device
from pose_edge.util.device_access import can_open, find_obstacle

NOT_CAMERAS: Final = frozenset(
    ("bcm2835-codec", "bcm2835-isp", "unicam", "rp1-cfe", "pispbe", "rpi-hevc-dec", "rpivid")
)
"""Drivers of a Raspberry Pi whose nodes give no pictures: codecs, image processors, and the raw
side of CSI cameras."""

SETTLE_S: Final = 3.0
"""How long udev may take to give a new node to its group."""

DIFFERENT: Final = 3
"""What `_difference` returns for two different cameras."""


@dataclass(frozen=True, slots=True)
class CameraNode:
    """The device node of a camera.

    Attributes:
        path: E.g. /dev/video0.
        name: Of the camera, as its driver gives it.
        driver: E.g. uvcvideo.
        bus: The port, e.g. usb-0000:01:00.0-1.3.
        serial: Name of the link in /dev/v4l/by-id, which holds maker, model and serial number; ""
            where udev made none.
    """

    path: Path
    name: str
    driver: str
    bus: str = ""
    serial: str = ""


def video_nodes(folder: Path) -> list[Path]:
    """Return the nodes /dev/videoN, lowest number first."""
    return sorted(
        (path for path in folder.glob("video*") if re.fullmatch(r"video\d+", path.name)),
        key=lambda path: int(path.name.removeprefix("video")),
    )


def find_cameras(folder: Path = Path("/dev")) -> list[CameraNode]:
    """List the cameras, lowest number first.

    Nodes for metadata and codecs are left out, and nodes that this user may not open: see
    `why_no_camera`.
    """
    nodes = (query_camera(path) for path in video_nodes(folder))
    return [node for node in nodes if node is not None and node.driver not in NOT_CAMERAS]


def why_no_camera(folder: Path = Path("/dev")) -> str:
    """Return why `find_cameras` finds none: there is none, or this user may not open it."""
    for path in video_nodes(folder):
        if not can_open(path):
            return str(why_closed(path))
    return f"none in {folder}/video*"


def why_closed(path: Path) -> SourceError:
    """Return why a device node cannot be opened, with a remedy unless it helps to wait."""
    try:
        age_s = time.time() - path.stat().st_mtime
    except OSError:
        return SourceError(f"{path} has just gone")
    obstacle = find_obstacle(path, group="video")
    if obstacle is None or 0 <= age_s < SETTLE_S:
        return SourceError(f"{path} has just come")
    return SourceError(obstacle.text, remedy=obstacle.remedy)


def query_camera(path: Path) -> CameraNode | None:
    """Return the camera behind a device node or a link to one.

    None means that the node cannot be opened or captures no video.
    """
    path = path.resolve()
    try:
        with closing(Device(path)) as device:
            driver, card, bus, flags = device.capability()
    except OSError:
        return None
    if not flags & VIDEO_CAPTURE:
        return None
    return CameraNode(path, _short(card), driver, bus, _serial(path))


def choose_camera(
    cameras: Sequence[CameraNode], location: str, known: CameraNode | None = None
) -> CameraNode | None:
    """Choose the camera to open.

    Args:
        cameras: The connected cameras.
        location: The node or a link to it, or a part of the camera's name or by-id link in any
            case.
        known: The camera that was open before. It is chosen wherever it is now, even if it no
            longer matches the location.

    Returns:
        The known camera, else the first that matches, else None.
    """
    if known is not None and cameras:
        best = min(cameras, key=lambda camera: _difference(camera, known))
        if _difference(best, known) < DIFFERENT:
            return best
    if location.startswith("/"):
        path = Path(location).resolve()
        return next((camera for camera in cameras if camera.path == path), None)
    part = location.casefold()
    return next((one for one in cameras if part in f"{one.name}\n{one.serial}".casefold()), None)


def _difference(camera: CameraNode, known: CameraNode) -> int:
    """Return 0 for the same serial number, 1 for the same port, 2 for the same name."""
    if known.serial and camera.serial == known.serial:
        return 0
    if (camera.bus, camera.name) == (known.bus, known.name):
        return 1
    other_serial = camera.serial != known.serial and "" not in (camera.serial, known.serial)
    return 2 if camera.name == known.name and not other_serial else DIFFERENT


def _serial(path: Path) -> str:
    """Return the name of the link in by-id that leads to a node, or ""."""
    links = sorted(path.parent.glob("v4l/by-id/*"))
    return next((link.name for link in links if link.resolve() == path), "")


def _short(card: str) -> str:
    """Return "HD Webcam" for "HD Webcam: HD Web", which uvcvideo joins and cuts at 31 bytes."""
    product, colon, function = card.partition(": ")
    return product if colon and product.startswith(function) else card
