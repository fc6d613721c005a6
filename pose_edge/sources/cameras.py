"""Which V4L2 cameras there are, and how one is recognised when it comes back under another number.

The kernel is asked without a stream being opened. A USB camera that is pulled and plugged again is
another /dev/videoN when a program still held the old one; what stays is its serial number (in
/dev/v4l/by-id, made by udev), else the port that it is plugged into, else its name.
"""

from __future__ import annotations

import re
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from pose_edge.sources.v4l2_device import VIDEO_CAPTURE, query_capability
from pose_edge.util.device_access import can_open

NOT_CAMERAS: Final = frozenset(
    ("bcm2835-codec", "bcm2835-isp", "unicam", "rp1-cfe", "pispbe", "rpi-hevc-dec", "rpivid")
)
"""Drivers of a Raspberry Pi whose nodes give no pictures by themselves: codecs, image processors,
and the raw end of CSI cameras."""

MAY_NOT: Final = "may not be opened by this user; `sudo usermod -aG video $USER`, then log in again"

SETTLE_S: Final = 3.0
"""So long udev may take to give a new node to its group."""

BY_ID: Final = Path("v4l") / "by-id"


@dataclass(frozen=True, slots=True)
class CameraNode:
    """A device that gives pictures.

    Attributes:
        path: E.g. /dev/video0.
        name: What the driver calls it.
        driver: E.g. uvcvideo.
        bus: Where it is plugged in, e.g. usb-0000:01:00.0-1.3.
        serial: Name of its link in /dev/v4l/by-id, which holds maker, model and serial number; ""
            where udev made none.
    """

    path: Path
    name: str
    driver: str
    bus: str = ""
    serial: str = ""


def find_cameras(folder: Path = Path("/dev")) -> list[CameraNode]:
    """List the cameras, lowest number first; nodes for metadata and codecs are left out.

    A node that may not be opened is left out too: its owner is told when it is asked for by name.
    """
    nodes = (query_camera(path) for path in _numbered(folder))
    return [node for node in nodes if node is not None and node.driver not in NOT_CAMERAS]


def why_no_camera(folder: Path = Path("/dev")) -> str:
    """Say why `find_cameras` finds none: there is none, or this user may not look."""
    for path in _numbered(folder):
        if not can_open(path):
            return f"{path} {why_closed(path)}"
    return f"none in {folder}/video*"


def why_closed(path: Path) -> str:
    """Say why this user may not open a node, as the end of a sentence that begins with its path."""
    try:
        age_s = time.time() - path.stat().st_mtime
    except OSError:
        return "has just gone"
    return "has just come" if 0 <= age_s < SETTLE_S else MAY_NOT


def query_camera(path: Path) -> CameraNode | None:
    """Ask a node what it is.

    Args:
        path: The node, or a link to it.

    Returns:
        The camera, or None when the node cannot be opened or captures no video.
    """
    path = path.resolve()
    try:
        capability = query_capability(path)
    except OSError:
        return None
    if not capability.flags & VIDEO_CAPTURE:
        return None
    return CameraNode(
        path,
        _short(capability.card),
        capability.driver,
        capability.bus,
        _link_to(path, path.parent / BY_ID),
    )


def choose_camera(
    cameras: Sequence[CameraNode],
    wanted: Callable[[CameraNode], bool],
    known: CameraNode | None = None,
) -> CameraNode | None:
    """Choose the camera to open.

    Args:
        cameras: Those that are there.
        wanted: Whether a camera is one of those that were asked for.
        known: The camera that was open before. It is chosen wherever it is now, also where it is
            no longer at the place that was asked for.

    Returns:
        The known camera, else the first that is wanted, else None.
    """
    if known is not None:
        for same in (_same_serial, _same_port, _same_name):
            for camera in cameras:
                if same(camera, known):
                    return camera
    return next((camera for camera in cameras if wanted(camera)), None)


def is_called(camera: CameraNode, name: str) -> bool:
    """Tell whether a part of the camera's name or by-id link is `name`, in any case of letters."""
    words = name.casefold()
    return words in camera.name.casefold() or words in camera.serial.casefold()


def list_cameras(cameras: Sequence[CameraNode]) -> str:
    """Return the cameras as a list to be shown."""
    return ", ".join(f"{camera.path} ({camera.name})" for camera in cameras) or "none"


def _numbered(folder: Path) -> list[Path]:
    """Return the nodes /dev/videoN, lowest number first."""
    return sorted(
        (path for path in folder.glob("video*") if re.fullmatch(r"video\d+", path.name)),
        key=lambda path: int(path.name.removeprefix("video")),
    )


def _same_serial(camera: CameraNode, known: CameraNode) -> bool:
    return known.serial != "" and camera.serial == known.serial


def _same_port(camera: CameraNode, known: CameraNode) -> bool:
    return (camera.bus, camera.name) == (known.bus, known.name)


def _same_name(camera: CameraNode, known: CameraNode) -> bool:
    another = camera.serial != known.serial and "" not in (camera.serial, known.serial)
    return camera.name == known.name and not another


def _link_to(path: Path, folder: Path) -> str:
    """Return the name of the link in a folder that leads to a path, or ""."""
    try:
        links = sorted(folder.iterdir())
    except OSError:
        return ""
    return next((link.name for link in links if link.resolve() == path), "")


def _short(card: str) -> str:
    """Return a name without its repetition: uvcvideo joins product and function, cut at 31 bytes.

    "HD Webcam C525: HD Webcam C525" is "HD Webcam C525".
    """
    product, colon, function = card.partition(": ")
    return product if colon and product.startswith(function) else card
