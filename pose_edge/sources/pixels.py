"""Decoding of what a V4L2 camera sends, into memory of the caller."""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Final

import cv2
import numpy as np
import simplejpeg

from pose_edge.frames import Image
from pose_edge.sources.v4l2_device import Mode

JPEG_CODES: Final = ("MJPG", "JPEG")
PADDING: Final = re.compile(r"([0-9]+) extraneous bytes before marker 0xd[0-79]")
"""libjpeg's message about bytes before a restart or end marker. Some webcams (the Logitech C270 is
known for it) put a few there in good pictures."""
MAX_PADDING: Final = 16


class DamagedPicture(Exception):  # noqa: N818 - an event of the device, not a fault of ours
    """A picture that is cut off or garbled."""


def decode(data: memoryview, mode: Mode, memory: Image) -> Image:
    """Decode a picture.

    Args:
        data: What the camera sent; not used after the call.
        mode: How the camera sends it; its code is one of `DECODERS`.
        memory: Where to put the picture, uint8 (height, width, 3).

    Returns:
        The memory, BGR.

    Raises:
        DamagedPicture: The picture is cut off or garbled.
    """
    return DECODERS[mode.code](data, mode, memory)


def _jpeg(data: memoryview, mode: Mode, memory: Image) -> Image:
    # libjpeg-turbo, as it reports garbled pictures; OpenCV's decoder returns them.
    try:
        image = simplejpeg.decode_jpeg(data, "BGR", buffer=memory)
    except ValueError as error:
        padding = PADDING.search(str(error))
        if padding and int(padding[1]) <= MAX_PADDING:
            height, width, *_colours = simplejpeg.decode_jpeg_header(data)
            if (width, height) == (mode.width, mode.height):
                return memory  # decoded to its end all the same
        raise DamagedPicture(str(error)) from None
    if image.shape != memory.shape:
        raise DamagedPicture(f"{image.shape[1]}x{image.shape[0]} pixels")
    return memory


def _packed(conversion: int) -> Callable[[memoryview, Mode, Image], Image]:
    """Return the decoder of a format with two bytes per pixel."""

    def convert(data: memoryview, mode: Mode, memory: Image) -> Image:
        stride = max(mode.stride, mode.width * 2)
        if len(data) < stride * (mode.height - 1) + mode.width * 2:
            raise DamagedPicture(f"{len(data)} bytes only")
        pairs: Image = np.ndarray(
            (mode.height, mode.width, 2), np.uint8, buffer=data, strides=(stride, 2, 1)
        )
        return np.asarray(cv2.cvtColor(pairs, conversion, dst=memory), dtype=np.uint8)

    return convert


DECODERS: Final[dict[str, Callable[[memoryview, Mode, Image], Image]]] = {
    **dict.fromkeys(JPEG_CODES, _jpeg),
    "YUYV": _packed(cv2.COLOR_YUV2BGR_YUYV),
    "UYVY": _packed(cv2.COLOR_YUV2BGR_UYVY),
}
"""What decodes each format, by its code."""
