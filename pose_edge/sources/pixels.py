"""Decoding of camera pictures, JPEG or raw, into the caller's memory."""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Final

import cv2
import numpy as np
import simplejpeg

from pose_edge.frames import Image
from pose_edge.sources.v4l2_device import Mode
from pose_edge.util.text import counted

JPEG_CODES: Final = ("MJPG", "JPEG")
PADDING: Final = re.compile(r"([0-9]+) extraneous bytes before marker 0xd[0-79]")
"""Pattern of libjpeg's message about extra bytes before a restart or end marker. Some webcams (the
Logitech C270 is known for it) put a few there in intact pictures."""
MAX_PADDING: Final = 16
"""Largest number of such bytes that is tolerated."""
MAX_PIXELS: Final = 50_000_000
"""Largest number of pixels that is decoded (150 MB), as a short header can claim any size."""

Buffer = bytes | memoryview

Decoder = Callable[[memoryview, Mode, Image, int], Image]


class DamagedPicture(Exception):  # noqa: N818 - an event of the device, not a fault of ours
    """A picture that is truncated or corrupt."""


def decode(data: memoryview, mode: Mode, memory: Image, scale: int = 1) -> Image:
    """Decode a picture from a V4L2 camera.

    Args:
        data: The bytes that the camera sent; not used after the call.
        mode: The camera's mode; its code is one of `DECODERS`.
        memory: Memory for the result, uint8 (height, width, 3), of the size that `picture_size` and
            then `reduced` return.
        scale: Divisor of width and height: 1; for a JPEG also 2 or 4.

    Returns:
        `memory`, with the picture in BGR.

    Raises:
        DamagedPicture: The picture is truncated or corrupt.
    """
    return DECODERS[mode.code](data, mode, memory, scale)


def reduced(size: tuple[int, int], scale: int) -> tuple[int, int]:
    """Return the width and height of a JPEG decoded at 1/`scale` of its size, pixels."""
    width, height = size
    return -(-width // scale), -(-height // scale)


def jpeg_size(data: Buffer) -> tuple[int, int]:
    """Return the width and height in a JPEG's header, pixels.

    Raises:
        DamagedPicture: The data is not a JPEG, or it is too large to be decoded.
    """
    try:
        height, width, *_colours = simplejpeg.decode_jpeg_header(data)
    except ValueError as error:
        raise DamagedPicture(str(error)) from None
    if width * height > MAX_PIXELS:
        raise DamagedPicture(f"{width}x{height} pixels are too many")
    return width, height


def decode_jpeg(data: Buffer, memory: Image, scale: int = 1) -> Image:
    """Decode a JPEG to BGR into memory of its `reduced` size, and return that memory.

    libjpeg-turbo is used because it reports corrupt pictures; OpenCV returns them without an error.

    Raises:
        DamagedPicture: The picture is truncated or corrupt, or does not have the memory's size.
    """
    try:
        # simplejpeg ignores min_factor unless a minimum size is given.
        rows, columns = memory.shape[:2] if scale > 1 else (0, 0)
        image = simplejpeg.decode_jpeg(
            data, "BGR", min_height=rows, min_width=columns, min_factor=scale, buffer=memory
        )
    except ValueError as error:
        padding = PADDING.search(str(error))
        if padding and int(padding[1]) <= MAX_PADDING:
            width, height = reduced(jpeg_size(data), scale)
            if (height, width) == memory.shape[:2]:
                return memory  # it was decoded completely all the same
        raise DamagedPicture(str(error)) from None
    if image.shape != memory.shape:
        raise DamagedPicture(f"{image.shape[1]}x{image.shape[0]} pixels")
    return memory


def picture_size(data: memoryview, mode: Mode) -> tuple[int, int]:
    """Return the width and height of a picture from a V4L2 camera, pixels.

    For a JPEG, its header counts: some cameras send another size than was negotiated.

    Raises:
        DamagedPicture: The mode is JPEG, but the data is not, or it is too large to be decoded.
    """
    return jpeg_size(data) if mode.code in JPEG_CODES else (mode.width, mode.height)


def _jpeg(data: memoryview, mode: Mode, memory: Image, scale: int) -> Image:
    del mode
    return decode_jpeg(data, memory, scale)


def _packed(conversion: int) -> Decoder:
    """Return the decoder of a format with two bytes per pixel; it ignores the scale."""

    def convert(data: memoryview, mode: Mode, memory: Image, scale: int) -> Image:
        del scale
        stride = max(mode.stride, mode.width * 2)
        if len(data) < stride * (mode.height - 1) + mode.width * 2:
            raise DamagedPicture(f"{counted(len(data), 'byte')} only")
        pairs: Image = np.ndarray(
            (mode.height, mode.width, 2), np.uint8, buffer=data, strides=(stride, 2, 1)
        )
        return np.asarray(cv2.cvtColor(pairs, conversion, dst=memory), dtype=np.uint8)

    return convert


DECODERS: Final[dict[str, Decoder]] = {
    **dict.fromkeys(JPEG_CODES, _jpeg),
    "YUYV": _packed(cv2.COLOR_YUV2BGR_YUYV),
    "UYVY": _packed(cv2.COLOR_YUV2BGR_UYVY),
}
"""Decoder of each format, by its code."""
