"""Choice of the format, size and frame rate of a V4L2 camera."""

from __future__ import annotations

import math
from collections.abc import Iterable
from typing import Final

from pose_edge.sources.pixels import DECODERS, JPEG_CODES
from pose_edge.sources.v4l2_device import Device, Mode, Range

TOO_FAST_COST: Final = 0.1
"""Cost of twice the wanted rate, where half the wanted rate costs 1: a higher rate only causes more
work."""
RAW_LIMIT: Final = 640 * 480
"""Largest size for which raw frames are tried if a camera lists no modes, pixels. USB 2 carries 30
of them a second."""


def list_modes(device: Device, width: int, height: int, rate: float) -> list[Mode]:
    """List the modes of a camera in formats that can be decoded.

    From a range, only the value nearest to the wanted width, height (pixels) or rate (frames per
    second) is listed.
    """
    modes: list[Mode] = []
    for code in [code for code in device.codes() if code in DECODERS]:
        for widths, heights in device.sizes(code):
            size = int(_nearest(widths, width)), int(_nearest(heights, height))
            rates = [_nearest(offered, rate) for offered in device.rates(code, *size)]
            known = [one for one in rates if one > 0]
            modes += [Mode(code, *size, one) for one in known] or [Mode(code, *size)]
    return modes


def choose_mode(modes: Iterable[Mode], width: int, height: int, rate: float) -> Mode:
    """Choose the mode nearest to the wanted size and rate.

    Half the wanted rate costs as much as half the width: a webcam that offers raw 1280x720 at 5
    frames a second and 640x480 at 30 is used at 640x480. If raw and compressed pictures are offered
    at the same size and rate, raw is chosen: it needs no decoding and has no compression loss.

    Args:
        modes: The modes that the camera lists.
        width: Wanted width, pixels.
        height: Wanted height, pixels.
        rate: Wanted frames per second.

    Returns:
        The best mode; for a camera that lists none, a mode to try.
    """

    def cost(mode: Mode) -> tuple[float, bool]:
        size = abs(math.log2(mode.width / width)) + abs(math.log2(mode.height / height))
        doublings = math.log2(mode.rate / rate) if mode.rate else 0.0
        speed = doublings * TOO_FAST_COST if doublings > 0 else -doublings
        return round(size + speed, 2), mode.code in JPEG_CODES

    guess = Mode("YUYV" if width * height <= RAW_LIMIT else "MJPG", width, height, rate)
    return min(modes, key=cost, default=guess)


def _nearest(offered: Range, wanted: float) -> float:
    """Return the value of a range that is nearest to the wanted one."""
    value = min(max(wanted, offered.low), offered.high)
    if offered.step:
        value = offered.low + round((value - offered.low) / offered.step) * offered.step
    return min(value, offered.high)
