"""The background behind the skeletons: the camera's picture, a blurred copy of it, or black.

With the last two, no recognisable picture of a person leaves the program. The background is
therefore replaced in the overlay, before screen, recording and snapshot get the picture.
"""

from __future__ import annotations

from typing import Final, Literal

import cv2
import numpy as np

from pose_edge.frames import Image

Background = Literal["camera", "black", "blur"]

BLUR_CELLS: Final = 24
"""Number of cells along the longer side of a picture; only the mean colour of each cell is kept. A
head that fills a third of the picture is then eight cells large, so nobody can be recognised."""

BLUR_SIDE: Final = 320
"""Longer side of a blurred picture, pixels; a smooth picture needs no more."""


def blurred(image: Image) -> Image:
    """Return a small copy of an image, blurred so that nobody can be recognised.

    Args:
        image: uint8 (height, width, 3); not changed.

    Returns:
        uint8 (height, width, 3), with about the same aspect ratio and the same colour order.
    """
    height, width = image.shape[:2]
    longer = max(width, height)

    def scaled(side: int) -> tuple[int, int]:
        return max(1, round(width * side / longer)), max(1, round(height * side / longer))

    cells = cv2.resize(image, scaled(BLUR_CELLS), interpolation=cv2.INTER_AREA)
    cells = cv2.GaussianBlur(cells, (3, 3), 0, borderType=cv2.BORDER_REPLICATE)
    smooth = cv2.resize(cells, scaled(BLUR_SIDE), interpolation=cv2.INTER_CUBIC)
    return np.asarray(smooth, np.uint8)
