"""The V4L2 cameras that are connected, and recognising one that comes back under another number.

The kernel is asked without a stream being opened. A USB camera that is unplugged and plugged in
again becomes another /dev/videoN while a program still holds the old one; what stays is its serial
number (in /dev/v4l/by-id, made by udev), else the port that it is plugged into, else its name.
"""

from __future__ import annotations

import re
import time
from collections.abc import Callable, Sequence
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from pose_edge.sources.v4l2_device import VIDEO_CAPTURE, Device
from pose_edge.util.device_access import can_open, how_to_join

NOT_CAMERAS: Final = frozenset(
    ("bcm2835-codec", "bcm2835-isp", "unicam", "rp1-cfe", "pispbe", "rpi-hevc-dec", "rpivid")
)
"""Drivers of a Raspberry Pi whose nodes give no pictures by themselves: codecs, image processors,
and the raw side of CSI cameras."""

FORBIDDEN: Final = "may not be opened by this user"

SETTLE_S: Final = 3.0
"""How long udev may take to give a new node to its group."""

DIFFERENT: Final = 3
"""What `_difference` returns for two different cameras."""

BY_ID: Final = Path("v4l") / "by-id"


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


def find_cameras(folder: Path = Path("/dev")) -> list[CameraNode]:
    """List the cameras, lowest number first.

    Nodes for metadata and codecs are left out, and nodes that this user may not open: see
    `why_no_camera`.
    """
    nodes = (query_camera(path) for path in _numbered(folder))
    return [node for node in nodes if node is not None and node.driver not in NOT_CAMERAS]


def why_no_camera(folder: Path = Path("/dev")) -> str:
    """Return why `find_cameras` finds none: there is none, or this user may not open it."""
    for path in _numbered(folder):
        if not can_open(path):
            reason, remedy = why_closed(path)
            return f"{path} {reason}; {remedy}" if remedy else f"{path} {reason}"
    return f"none in {folder}/video*"


def why_closed(path: Path) -> tuple[str, str | None]:
    """Return why this user may not open a device node.

    Returns:
        The reason, as the end of a sentence that begins with the path; and the remedy, None where
        waiting helps.
    """
    try:
        age_s = time.time() - path.stat().st_mtime
    except OSError:
        return "has just gone", None
    if 0 <= age_s < SETTLE_S:
        return "has just come", None
    return FORBIDDEN, how_to_join("video")


def query_camera(path: Path) -> CameraNode | None:
    """Return the camera behind a device node.

    Args:
        path: The node, or a link to it.

    Returns:
        The camera, or None when the node cannot be opened or captures no video.
    """
    path = path.resolve()
    try:
        with closing(Device(path)) as device:
            driver, card, bus, flags = device.capability()
    except OSError:
        return None
    if not flags & VIDEO_CAPTURE:
        return None
    return CameraNode(path, _short(card), driver, bus, _link_to(path, path.parent / BY_ID))


def choose_camera(
    cameras: Sequence[CameraNode],
    wanted: Callable[[CameraNode], bool],
    known: CameraNode | None = None,
) -> CameraNode | None:
    """Choose the camera to open.

    Args:
        cameras: Those that are connected.
        wanted: Returns whether a camera matches the source's name.
        known: The camera that was open before. It is chosen wherever it is now, even if it no
            longer matches the source's name.

    Returns:
        The known camera, else the first that is wanted, else None.
    """
    if known is not None and cameras:
        best = min(cameras, key=lambda camera: _difference(camera, known))
        if _difference(best, known) < DIFFERENT:
            return best
    return next((camera for camera in cameras if wanted(camera)), None)


def is_called(camera: CameraNode, name: str) -> bool:
    """Tell whether the camera's name or by-id link contains `name`, ignoring case."""
    name = name.casefold()
    return name in camera.name.casefold() or name in camera.serial.casefold()


def _numbered(folder: Path) -> list[Path]:
    """Return the nodes /dev/videoN, lowest number first."""
    return sorted(
        (path for path in folder.glob("video*") if re.fullmatch(r"video\d+", path.name)),
        key=lambda path: int(path.name.removeprefix("video")),
    )


def _difference(camera: CameraNode, known: CameraNode) -> int:
    """Return 0 for the same serial number, 1 for the same port, 2 for the same name."""
    if known.serial and camera.serial == known.serial:
        return 0
    if (camera.bus, camera.name) == (known.bus, known.name):
        return 1
    other_serial = camera.serial != known.serial and "" not in (camera.serial, known.serial)
    return 2 if camera.name == known.name and not other_serial else DIFFERENT


def _link_to(path: Path, folder: Path) -> str:
    """Return the name of the link in a folder that leads to a path, or ""."""
    try:
        links = sorted(folder.iterdir())
    except OSError:
        return ""
    return next((link.name for link in links if link.resolve() == path), "")


def _short(card: str) -> str:
    """Return a name without its repetition: uvcvideo joins product and function, cut at 31 bytes.

    "HD Webcam C525: HD Webcam C525" becomes "HD Webcam C525".
    """
    product, colon, function = card.partition(": ")
    return product if colon and product.startswith(function) else card
