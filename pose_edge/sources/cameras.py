"""Discovery of the connected V4L2 cameras, which are recognised when they are reconnected.

No stream is started. A USB camera that is unplugged and plugged in again gets another /dev/videoN
while a program still holds the old one. It is recognised by its serial number (from the links that
udev makes in /dev/v4l/by-id), otherwise by its port and name, otherwise by its name alone.
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
"""Raspberry Pi drivers whose nodes deliver no usable pictures: codecs, image signal processors, and
the raw side of CSI cameras."""

SETTLE_S: Final = 3.0
"""Time that udev may take to assign a new node to its group, seconds."""

DIFFERENT: Final = 3
"""Result of `_difference` for two different cameras."""


@dataclass(frozen=True, slots=True)
class CameraNode:
    """The device node of a camera.

    Attributes:
        path: Path of the node, e.g. /dev/video0.
        name: Name of the camera, from its driver.
        driver: Name of the driver, e.g. uvcvideo.
        bus: Port of the camera, e.g. usb-0000:01:00.0-1.3.
        serial: Name of its link in /dev/v4l/by-id, which contains vendor, model and serial number;
            "" where udev made none.
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
    """List the cameras that this user may open, lowest number first.

    Nodes for metadata and codecs are left out. `why_no_camera` explains an empty list.
    """
    nodes = (query_camera(path) for path in video_nodes(folder))
    return [node for node in nodes if node is not None and node.driver not in NOT_CAMERAS]


def why_no_camera(folder: Path = Path("/dev")) -> str:
    """Return why `find_cameras` is empty: no camera, or none that this user may open."""
    for path in video_nodes(folder):
        if not can_open(path):
            return str(explain_unopenable(path))
    return f"none in {folder}/video*"


def explain_unopenable(path: Path) -> SourceError:
    """Return an error that says why a device node cannot be opened.

    The error has a remedy, unless the node has just appeared or disappeared, so that waiting helps.
    """
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

    The result is None if the node cannot be opened or does not capture video.
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
        location: Path of the node or of a link to it; or a part of the camera's name or by-id
            link, in upper or lower case.
        known: The camera that was open before. It is chosen under whatever number it has now, even
            if it no longer matches `location`.

    Returns:
        The known camera if it is connected; otherwise the first match, or None without a match.
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
    """Return 0 for the same serial number, 1 for the same port and name, 2 for the name only."""
    if known.serial and camera.serial == known.serial:
        return 0
    if (camera.bus, camera.name) == (known.bus, known.name):
        return 1
    other_serial = camera.serial != known.serial and "" not in (camera.serial, known.serial)
    return 2 if camera.name == known.name and not other_serial else DIFFERENT


def _serial(path: Path) -> str:
    """Return the name of the by-id link that leads to a node, or ""."""
    links = sorted(path.parent.glob("v4l/by-id/*"))
    return next((link.name for link in links if link.resolve() == path), "")


def _short(card: str) -> str:
    """Shorten "HD Webcam: HD Web", which uvcvideo joins and cuts at 31 bytes, to "HD Webcam"."""
    product, colon, function = card.partition(": ")
    return product if colon and product.startswith(function) else card
