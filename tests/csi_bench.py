"""The hardware that the fakes of picamera2 and libcamera find: camera modules and their faults.

It is described by a file, so that a test can unplug a cable while the program runs in another
process. The environment variable FAKE_CAMERAS holds the path of the file.
"""

from __future__ import annotations

import json
import os
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any, Final

VARIABLE: Final = "FAKE_CAMERAS"

IMX708: Final = {
    "model": "imx708",
    "id": "/base/axi/pcie@120000/rp1/i2c@88000/imx708@1a",
    "autofocus": True,
    # (width, height), bits, frames per second, crop of the sensor as (x, y, width, height).
    "modes": [
        [[1536, 864], 10, 120.13, [768, 432, 3072, 1728]],
        [[2304, 1296], 10, 56.03, [0, 0, 4608, 2592]],
        [[4608, 2592], 10, 14.35, [0, 0, 4608, 2592]],
    ],
}
"""Camera Module 3, with the values that rpicam-hello --list-cameras prints."""

IMX219: Final = {
    "model": "imx219",
    "id": "/base/axi/pcie@120000/rp1/i2c@80000/imx219@10",
    "autofocus": False,
    "modes": [
        [[640, 480], 10, 103.33, [1000, 752, 1280, 960]],
        [[1640, 1232], 10, 41.85, [0, 0, 3280, 2464]],
        [[1920, 1080], 10, 47.57, [680, 692, 1920, 1080]],
        [[3280, 2464], 10, 21.19, [0, 0, 3280, 2464]],
    ],
}
"""Camera Module 2."""

WEBCAM: Final = {
    "model": "UVC Camera (046d:0825)",
    "id": "/base/axi/pcie@120000/rp1/usb@200000-1:1.0-046d:0825",
    "autofocus": False,
    "modes": [[[640, 480], 8, 30.0, [0, 0, 640, 480]]],
}
"""A USB camera, which libcamera lists, too."""


@dataclass
class Hardware:
    """The connected cameras, and their faults.

    Attributes:
        version: Version of picamera2.
        cameras: The cameras, in the order in which libcamera finds them.
        video: Video that every camera plays; without one they deliver `scene`.
        dislodged: Whether the cable is loose. There are no frames until it is connected *and* the
            camera is restarted, because libcamera's pipeline handler stays in its error state.
        deaf: Whether the sensor does not answer when the camera is started.
        busy: Whether another process holds the cameras.
        hang: Calls that do not return while they are listed here: "open", "start", "stop".
        fail: Calls that raise while they are listed here: "stop", "requeue", "loop".
        size: Frame size that the image processor delivers, whatever is requested.
        pixel_format: Pixel format that the image processor delivers, whatever is requested.
    """

    version: tuple[int, ...] = (0, 3, 38)
    cameras: list[dict[str, Any]] = field(default_factory=lambda: [dict(IMX708)])
    video: str | None = None
    dislodged: bool = False
    deaf: bool = False
    busy: bool = False
    hang: list[str] = field(default_factory=list)
    fail: list[str] = field(default_factory=list)
    size: tuple[int, int] | None = None
    pixel_format: str | None = None


class Bench:
    """Lets a test change the file that describes the hardware."""

    def __init__(self, path: Path, **hardware: object) -> None:
        self.path = path
        self.hardware = Hardware(**hardware)  # type: ignore[arg-type]
        self.set()

    def set(self, **changes: object) -> None:
        """Change attributes of the hardware; the program sees them at once."""
        for name, value in changes.items():
            assert hasattr(self.hardware, name), name
            setattr(self.hardware, name, value)
        new = self.path.with_suffix(".new")
        new.write_text(json.dumps(asdict(self.hardware)))
        new.replace(self.path)


def look() -> Hardware:
    """Read the present state of the hardware."""
    name = os.environ.get(VARIABLE)
    hardware = Hardware(**json.loads(Path(name).read_text())) if name else Hardware(cameras=[])
    hardware.version = tuple(hardware.version)
    return hardware
