"""Decoding of what a V4L2 camera sends, into memory of the caller."""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Final

import cv2
import numpy as np
import simplejpeg

from pose_edge.frames import Image
from pose_edge.sources.v4l2_device import Format

JPEG_CODES: Final = ("MJPG", "JPEG")
PADDING: Final = re.compile(r"([0-9]+) extraneous bytes before marker 0xd[0-79]")
"""libjpeg's message about bytes before a restart or end marker. Some webcams (the Logitech C270 is
known for it) put a few there in good pictures."""
MAX_PADDING: Final = 16


class DamagedPicture(Exception):  # noqa: N818 - an event of the device, not a fault of ours
    """A picture that is cut off or garbled."""


def fitting(memory: Image | None, width: int, height: int) -> Image:
    """Return memory for a picture: the given memory if it fits, else new memory.

    Args:
        memory: uint8 (height, width, 3), or None.
        width: Pixels.
        height: Pixels.
    """
    if memory is not None and memory.shape == (height, width, 3) and memory.flags["C_CONTIGUOUS"]:
        return memory
    return np.empty((height, width, 3), dtype=np.uint8)


def decode(data: memoryview, form: Format, memory: Image | None) -> Image:
    """Decode a picture.

    Args:
        data: What the camera sent; not used after the call.
        form: Its format; the code is one of `DECODABLE`.
        memory: Where to put the picture, used if it fits.

    Returns:
        uint8 (height, width, 3) BGR.

    Raises:
        DamagedPicture: The picture is cut off or garbled.
    """
    return DECODERS[form.code](data, form, fitting(memory, form.width, form.height))


def _jpeg(data: memoryview, form: Format, memory: Image) -> Image:
    # libjpeg-turbo, as it reports garbled pictures; OpenCV's decoder returns them.
    try:
        image = simplejpeg.decode_jpeg(data, "BGR", buffer=memory)
    except ValueError as error:
        if _only_padding(str(error)) and _size(data) == (form.width, form.height):
            return memory  # decoded to its end all the same
        raise DamagedPicture(str(error)) from None
    if image.shape != memory.shape:
        raise DamagedPicture(f"{image.shape[1]}x{image.shape[0]} pixels")
    return memory


def _only_padding(message: str) -> bool:
    found = PADDING.search(message)
    return found is not None and int(found[1]) <= MAX_PADDING


def _size(jpeg: memoryview) -> tuple[int, int]:
    height, width, _space, _sampling = simplejpeg.decode_jpeg_header(jpeg)
    return int(width), int(height)


def _packed(conversion: int) -> Callable[[memoryview, Format, Image], Image]:
    """Return the decoder of a format with two bytes per pixel."""

    def convert(data: memoryview, form: Format, memory: Image) -> Image:
        stride = max(form.stride, form.width * 2)
        if len(data) < stride * (form.height - 1) + form.width * 2:
            raise DamagedPicture(f"{len(data)} bytes only")
        pairs: Image = np.ndarray(
            (form.height, form.width, 2), np.uint8, buffer=data, strides=(stride, 2, 1)
        )
        return np.asarray(cv2.cvtColor(pairs, conversion, dst=memory), dtype=np.uint8)

    return convert


DECODERS: Final[dict[str, Callable[[memoryview, Format, Image], Image]]] = {
    **dict.fromkeys(JPEG_CODES, _jpeg),
    "YUYV": _packed(cv2.COLOR_YUV2BGR_YUYV),
    "UYVY": _packed(cv2.COLOR_YUV2BGR_UYVY),
}

DECODABLE: Final = tuple(DECODERS)
"""Codes of the formats that `decode` can decode."""
