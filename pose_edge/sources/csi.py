"""Helpers for CSI cameras: load picamera2, list the modules, choose sensor mode and controls.

picamera2 0.3.22 and 0.3.38 are supported.
"""

from __future__ import annotations

import importlib
import importlib.util
import logging
import os
import re
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, Final

from pose_edge.config.schema import CameraSettings
from pose_edge.errors import SourceError
from pose_edge.sources.cameras import explain_unopenable
from pose_edge.util.device_access import can_open
from pose_edge.util.text import one_line

log = logging.getLogger(__name__)

LOG_VARIABLE: Final = "LIBCAMERA_LOG_LEVELS"

USB_ID: Final = re.compile(r"/usb|-[0-9a-f]{4}:[0-9a-f]{4}$")
"""Pattern of libcamera's id for a USB camera: its place on the bus, then vendor:product."""

WIDE_ENOUGH: Final = 0.95
"""Fraction of the widest visible area from which a mode counts as equally wide, as some modes leave
out a few rows."""

AF_MANUAL, AF_CONTINUOUS = 0, 2
"""Values of libcamera's AfModeEnum."""

REMEDY: Final = (
    "`sudo apt install python3-picamera2`, then script/run makes .venv anew with the system's "
    "packages (a virtual environment of your own needs --system-site-packages)"
)

SEATING: Final = (
    "power off, seat the ribbon cable at both ends (modules are looked for at boot only), "
    "start again; `rpicam-hello --list-cameras` lists them"
)

Ranges = Mapping[str, tuple[Any, Any, Any]]
"""Smallest, largest and default value of each control, by its name."""


def load_library() -> tuple[Any, Any]:
    """Import picamera2 and libcamera, with their logs off unless the log level is debug.

    Returns:
        The two modules.

    Raises:
        SourceError: They cannot be imported.
    """
    if not log.isEnabledFor(logging.DEBUG):
        os.environ.setdefault(LOG_VARIABLE, "*:FATAL")  # libcamera reads it at its import
        logging.getLogger("picamera2").setLevel(logging.CRITICAL)
    try:
        return importlib.import_module("picamera2"), importlib.import_module("libcamera")
    except ModuleNotFoundError as error:
        raise SourceError(f"this Python has no module {error.name}", remedy=REMEDY) from error
    except Exception as error:  # modules built for another NumPy or Python raise any error
        what = one_line(f"{type(error).__name__}: {error}")
        raise SourceError(f"picamera2 cannot be imported ({what})", remedy=REMEDY) from error


def find_picameras() -> dict[int, str]:
    """Return the sensor (e.g. imx708) of each camera module by its number, without opening it.

    USB cameras, which libcamera also lists, are left out: they are better read through V4L2.

    Raises:
        SourceError: There is no camera module, or the modules cannot be listed.
    """
    if importlib.util.find_spec("picamera2") is None:
        raise SourceError("picamera2 is not installed")
    picamera2, _libcamera = load_library()
    try:
        listed = picamera2.Picamera2.global_camera_info()
    except (RuntimeError, OSError) as error:
        raise SourceError(one_line(error)) from error
    cameras = {
        number: str(info.get("Model", "unknown"))
        for number, info in enumerate(listed)
        if not USB_ID.search(str(info["Id"]))
    }
    if not cameras:
        raise _none_found()
    return cameras


def _none_found() -> SourceError:
    """Return the error for an empty list: no module, or none that this user may open."""
    media = sorted(Path("/dev").glob("media*"))
    if media and not any(map(can_open, media)):
        return explain_unopenable(media[0])
    return SourceError("no camera module found", remedy=SEATING)


def flips(settings: CameraSettings) -> tuple[bool, bool]:
    """Return whether the camera must flip horizontally, and whether vertically.

    The camera rotates by 0 or 180 degrees only; `PiCamera` makes quarter turns in software.
    `settings.flip` refers to the picture after `settings.rotation`.
    """
    horizontal = settings.flip in ("horizontal", "both")
    vertical = settings.flip in ("vertical", "both")
    if settings.rotation in (90, 270):  # the camera flips before the quarter turn
        horizontal, vertical = vertical, horizontal
    half_turn = settings.rotation == 180
    return horizontal != half_turn, vertical != half_turn


def choose_mode(
    modes: Sequence[Mapping[str, Any]], size: tuple[int, int], fps: float
) -> Mapping[str, Any] | None:
    """Choose the sensor mode: fast enough, then the widest view, then the fewest pixels needed.

    picamera2 itself takes the mode nearest to the wanted size. At 1280x720, that mode of most
    sensors shows only the middle of the picture, which cuts people off.

    Args:
        modes: `Picamera2.sensor_modes`.
        size: Wanted width and height, pixels.
        fps: Wanted frames per second; if no mode is that fast, the fastest ones are considered.

    Returns:
        The mode, or None if picamera2 gives no mode with its size, rate and crop.
    """
    known = [mode for mode in modes if {"size", "fps", "crop_limits"} <= mode.keys()]
    if not known:
        return None
    enough = min(fps, max(mode["fps"] for mode in known)) * 0.99
    fast = [mode for mode in known if mode["fps"] >= enough]
    widest = max(_visible_area(mode, size) for mode in fast)
    wide = [mode for mode in fast if _visible_area(mode, size) >= widest * WIDE_ENOUGH]

    def cost(mode: Mapping[str, Any]) -> tuple[bool, int, int]:
        width, height = mode["size"]
        small = width < size[0] or height < size[1]
        pixels = width * height
        return small, -pixels if small else pixels, -mode.get("bit_depth", 0)

    return min(wide, key=cost)


def _visible_area(mode: Mapping[str, Any], size: tuple[int, int]) -> float:
    """Return the number of sensor pixels of a mode, cropped to the aspect ratio of `size`."""
    _x, _y, width, height = mode["crop_limits"]
    shape = size[0] / size[1]
    return float(min(width, height * shape) * min(height, width / shape))


def choose_controls(settings: CameraSettings, known: Ranges) -> dict[str, Any]:
    """Convert the settings to libcamera controls; controls that the camera lacks are left out."""
    frame_us = round(1e6 / settings.fps)
    wanted = {
        # libcamera silently cuts an exposure to the longest frame duration.
        "FrameDurationLimits": (frame_us, max(frame_us, settings.exposure or 0)),
        "ExposureTime": settings.exposure,
        "AnalogueGain": settings.gain,
        "AfMode": AF_CONTINUOUS if settings.focus is None else AF_MANUAL,
        "LensPosition": settings.focus,
    }
    return {name: value for name, value in wanted.items() if name in known and value is not None}


def fastest_rate(known: Ranges) -> float | None:
    """Return the highest frame rate of a configured camera, Hz; None where unknown."""
    shortest_us = known["FrameDurationLimits"][0] if "FrameDurationLimits" in known else 0
    return 1e6 / shortest_us if shortest_us else None


def unmet(settings: CameraSettings, known: Ranges) -> list[str]:
    """Return a remark for each setting that the camera cannot follow.

    Args:
        settings: Wanted rate, exposure, gain and focus.
        known: The controls of the configured camera; their ranges depend on the sensor mode.
    """
    remarks = []
    if settings.focus is not None and "LensPosition" not in known:
        remarks.append("has a fixed focus: camera.focus does nothing")
    fastest = fastest_rate(known)
    if fastest is not None and settings.fps > fastest * 1.01:
        remarks.append(f"gives {fastest:.1f} frames a second at most")
    for key, value, name in (
        ("exposure", settings.exposure, "ExposureTime"),
        ("gain", settings.gain, "AnalogueGain"),
        ("focus", settings.focus, "LensPosition"),
    ):
        if value is None or name not in known:
            continue
        low, high, _default = known[name]
        if value < low or (high and value > high):
            nearest = low if value < low else high
            remarks.append(f"cannot follow camera.{key} {value:g}, {nearest:g} is used")
    return remarks


def explain(error: BaseException) -> tuple[str, str | None]:
    """Return the root cause of an error of picamera2, and a remedy or None.

    An error of picamera2 may hide the one of libcamera that caused it.
    """
    while error.__cause__ or error.__context__:
        error = error.__cause__ or error.__context__  # type: ignore[assignment]
    text = str(error) or type(error).__name__
    if "busy" in text.lower():
        return (
            "another program is using it, or a call of this one that hangs",
            "`fuser -v /dev/media*` tells which program",
        )
    if isinstance(error, MemoryError) or "allocat" in text.lower():
        return text, "a smaller camera.width and camera.height need less memory"
    return text, None
