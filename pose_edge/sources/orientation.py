"""How a camera was held, as EXIF tells, and pictures turned upright."""

from __future__ import annotations

import io
import struct
from typing import TYPE_CHECKING, Final

import cv2
import numpy as np

from pose_edge.frames import Image

if TYPE_CHECKING:
    from PIL import Image as PillowImage

ORIENTATION: Final = 0x0112
"""The tag of EXIF that says how the camera was held."""
EXIF: Final = b"Exif\0\0"
"""How the part of a JPEG begins that holds EXIF."""
HEAD: Final = 1024
"""Bytes of a JPEG in which that part begins; only other short ones may be before it."""
TURNS: Final = {
    3: cv2.ROTATE_180,
    6: cv2.ROTATE_90_CLOCKWISE,
    8: cv2.ROTATE_90_COUNTERCLOCKWISE,
}
SIDEWAYS: Final = range(5, 9)
"""Orientations for which height and width are exchanged."""
FLIPS: Final = {2: 1, 4: 0}
"""Codes of `cv2.flip`, by the orientation."""


def read_orientation(picture: PillowImage.Image) -> int:
    """Return the orientation of an open picture, 1...8; 1 (upright) where it does not tell."""
    try:
        told = picture.getexif().get(ORIENTATION, 1)
    except (SyntaxError, ValueError, TypeError, KeyError, OSError, struct.error):  # damaged EXIF
        return 1
    return told if told in range(1, 9) else 1


def jpeg_orientation(data: bytes) -> int:
    """Return the orientation of a JPEG, 1...8; 1 (upright) where it does not tell."""
    if EXIF not in data[:HEAD]:  # nearly all that cameras send
        return 1
    from PIL import Image as PillowImage

    try:
        with PillowImage.open(io.BytesIO(data), formats=["JPEG"]) as picture:
            return read_orientation(picture)
    except (SyntaxError, ValueError, TypeError, OSError, struct.error):
        return 1


def turned_upright(image: Image, orientation: int) -> Image:
    """Return a picture as its camera saw it.

    Args:
        image: uint8 (height, width, 3), as it is stored.
        orientation: From `read_orientation`.

    Returns:
        A new picture, height and width exchanged for 5...8; for 1 the same.
    """
    if orientation == 1:
        return image
    if orientation in FLIPS:
        turned = cv2.flip(image, FLIPS[orientation])
    elif orientation in TURNS:
        turned = cv2.rotate(image, TURNS[orientation])
    else:
        turned = cv2.transpose(image)
        if orientation == 7:  # mirrored at the other diagonal
            turned = cv2.rotate(turned, cv2.ROTATE_180)
    return np.asarray(turned, dtype=np.uint8)
