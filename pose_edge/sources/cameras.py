"""Which V4L2 cameras there are, asked of the kernel without opening a stream."""

from __future__ import annotations

import fcntl
import os
import re
import struct
from dataclasses import dataclass
from pathlib import Path
from typing import Final

# linux/videodev2.h: _IOR('V', 0, struct v4l2_capability), which has 104 bytes.
VIDIOC_QUERYCAP: Final = 0x80685600
CAPABILITY: Final = struct.Struct("16s32s32sIII12x")
V4L2_CAP_VIDEO_CAPTURE: Final = 0x00000001

NOT_CAMERAS: Final = frozenset(
    ("bcm2835-codec", "bcm2835-isp", "unicam", "rp1-cfe", "pispbe", "rpi-hevc-dec", "rpivid")
)
"""Drivers of a Raspberry Pi whose nodes give no pictures by themselves: codecs, image processors,
and the raw end of CSI cameras."""


@dataclass(frozen=True, slots=True)
class CameraNode:
    """A device that gives pictures.

    Attributes:
        path: E.g. /dev/video0.
        name: What the driver calls it.
        driver: E.g. uvcvideo.
    """

    path: Path
    name: str
    driver: str


def find_cameras(folder: Path = Path("/dev")) -> list[CameraNode]:
    """List the cameras, lowest number first; nodes for metadata and codecs are left out.

    A node that may not be opened is left out too: its owner is told when it is asked for by name.
    """
    numbered = sorted(
        (path for path in folder.glob("video*") if re.fullmatch(r"video\d+", path.name)),
        key=lambda path: int(path.name.removeprefix("video")),
    )
    nodes = (query_camera(path) for path in numbered)
    return [node for node in nodes if node is not None and node.driver not in NOT_CAMERAS]


def query_camera(path: Path) -> CameraNode | None:
    """Ask a node what it is.

    Returns:
        The camera, or None when the node cannot be opened or captures no video.
    """
    try:
        descriptor = os.open(path, os.O_RDWR | os.O_NONBLOCK)
    except OSError:
        return None
    try:
        answer = fcntl.ioctl(descriptor, VIDIOC_QUERYCAP, bytes(CAPABILITY.size))
    except OSError:
        return None
    finally:
        os.close(descriptor)
    driver, card, _bus, _version, _all_caps, device_caps = CAPABILITY.unpack(answer)
    if not device_caps & V4L2_CAP_VIDEO_CAPTURE:
        return None
    return CameraNode(path, _text(card), _text(driver))


def _text(raw: bytes) -> str:
    return raw.split(b"\0", 1)[0].decode("utf-8", "replace")
