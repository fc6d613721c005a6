"""Orientation of pictures from EXIF, and their rotation to upright."""

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
"""EXIF tag of the orientation in which the camera was held."""
EXIF: Final = b"Exif\0\0"
"""Identifier at the start of a JPEG's EXIF segment."""
HEAD: Final = 1024
"""Number of bytes of a JPEG in which the EXIF segment begins, as only other short segments may
precede it."""
TURNS: Final = {
    3: cv2.ROTATE_180,
    6: cv2.ROTATE_90_CLOCKWISE,
    8: cv2.ROTATE_90_COUNTERCLOCKWISE,
}
"""Codes of `cv2.rotate`, by the orientation."""
SIDEWAYS: Final = range(5, 9)
"""Orientations that swap height and width."""
FLIPS: Final = {2: 1, 4: 0}
"""Codes of `cv2.flip`, by the orientation."""


def read_orientation(picture: PillowImage.Image) -> int:
    """Return the EXIF orientation of an open picture, 1 to 8; 1 (upright) if it has none."""
    try:
        told = picture.getexif().get(ORIENTATION, 1)
    except (SyntaxError, ValueError, TypeError, KeyError, OSError, struct.error):  # damaged EXIF
        return 1
    return told if told in range(1, 9) else 1


def jpeg_orientation(data: bytes) -> int:
    """Return the EXIF orientation of an encoded JPEG, 1 to 8; 1 (upright) if it has none."""
    if EXIF not in data[:HEAD]:  # true for nearly all pictures from network cameras
        return 1
    from PIL import Image as PillowImage

    try:
        with PillowImage.open(io.BytesIO(data), formats=["JPEG"]) as picture:
            return read_orientation(picture)
    except (SyntaxError, ValueError, TypeError, OSError, struct.error):
        return 1


def turned_upright(image: Image, orientation: int) -> Image:
    """Return a picture rotated and mirrored to upright.

    Args:
        image: Picture as stored, uint8 (height, width, 3).
        orientation: EXIF orientation, 1 to 8.

    Returns:
        `image` itself for orientation 1, otherwise a new picture; 5 to 8 swap height and width.
    """
    if orientation == 1:
        return image
    if orientation in FLIPS:
        turned = cv2.flip(image, FLIPS[orientation])
    elif orientation in TURNS:
        turned = cv2.rotate(image, TURNS[orientation])
    else:
        turned = cv2.transpose(image)
        if orientation == 7:  # mirrored along the other diagonal
            turned = cv2.rotate(turned, cv2.ROTATE_180)
    return np.asarray(turned, dtype=np.uint8)
