"""Choosing among the formats, sizes and rates of a camera."""

from __future__ import annotations

import math
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import Final

from pose_edge.sources.pixels import DECODABLE, JPEG_CODES
from pose_edge.sources.v4l2_device import Device, Range

NO_HURRY: Final = 0.1
"""What a rate above the wanted one costs, next to one below: it is only more work."""
RAW_LIMIT: Final = 640 * 480
"""Pixels up to which USB 2 carries 30 raw frames a second, for a camera that does not tell."""


@dataclass(frozen=True, slots=True)
class Mode:
    """One way in which a camera can send pictures.

    Attributes:
        code: Format, e.g. MJPG.
        width: Pixels.
        height: Pixels.
        rate: Frames per second; None where the camera does not tell.
    """

    code: str
    width: int
    height: int
    rate: float | None = None

    def __str__(self) -> str:
        """Return it as it is shown."""
        rate = f" at {self.rate:.3g} fps" if self.rate else ""
        return f"{self.width}x{self.height} {self.code}{rate}"


def list_modes(device: Device, width: int, height: int, rate: float) -> list[Mode]:
    """List what a camera offers in formats that can be decoded.

    Of ranges only the value nearest to the wanted one is listed.

    Args:
        device: The camera.
        width: Wanted pixels.
        height: Wanted pixels.
        rate: Wanted frames per second.
    """
    modes = []
    for code in device.codes():
        if code not in DECODABLE:
            continue
        for widths, heights in device.sizes(code):
            size = _nearest(widths, width), _nearest(heights, height)
            rates = device.rates(code, int(size[0]), int(size[1]))
            for one in _rates(rates, rate):
                modes.append(Mode(code, int(size[0]), int(size[1]), one))
    return modes


def choose_mode(modes: Iterable[Mode], width: int, height: int, rate: float) -> Mode | None:
    """Choose what comes nearest to what is wanted.

    Half the wanted rate is as bad as half the width: a webcam that sends 1280x720 raw at 5 frames
    a second and 640x480 at 30 is used at 640x480. Where raw and compressed pictures come at the
    same size and rate, raw ones are chosen: they cost no decoding and lose nothing.

    Args:
        modes: What there is.
        width: Wanted pixels.
        height: Wanted pixels.
        rate: Wanted frames per second.

    Returns:
        The best, or None where there is nothing.
    """

    def cost(mode: Mode) -> tuple[float, bool]:
        size = abs(math.log2(mode.width / width)) + abs(math.log2(mode.height / height))
        doublings = math.log2(mode.rate / rate) if mode.rate else 0.0
        speed = doublings * NO_HURRY if doublings > 0 else -doublings
        return round(size + speed, 2), mode.code in JPEG_CODES

    return min(modes, key=cost, default=None)


def blind_guess(width: int, height: int, rate: float) -> Mode:
    """Return what to ask of a camera that does not list its sizes."""
    return Mode("YUYV" if width * height <= RAW_LIMIT else "MJPG", width, height, rate)


def _rates(offered: list[Range], wanted: float) -> Iterator[float | None]:
    """Yield the rates to choose from: of a size without any, one that is not known."""
    known = [rate for rate in (_nearest(one, wanted) for one in offered) if rate > 0]
    if known:
        yield from known
    else:
        yield None


def _nearest(offered: Range, wanted: float) -> float:
    """Return the value of a range that is nearest to the wanted one."""
    value = min(max(wanted, offered.low), offered.high)
    if offered.step:
        value = offered.low + round((value - offered.low) / offered.step) * offered.step
    return min(value, offered.high)
