"""What lies behind the skeletons: the camera's picture, a blur of it, or nothing.

With the last two no picture of a person leaves the program. That is why the choice is made here,
before screen, recording and snapshot get anything.
"""

from __future__ import annotations

from typing import Final, Literal

import cv2
import numpy as np

from pose_edge.frames import Image

Background = Literal["camera", "black", "blur"]

BLUR_CELLS: Final = 24
"""Fields along the longer side of a picture, of which only the mean colours are kept. A head that
fills a third of the picture is eight fields large then: nobody can be recognised."""

BLUR_SIDE: Final = 320
"""Longer side of a blurred picture, pixels: enough for what is so smooth."""


def blurred(image: Image) -> Image:
    """Return a small picture of the colours of another one, too coarse to recognise anybody.

    Args:
        image: uint8 (height, width, 3); not changed.

    Returns:
        uint8 (height, width, 3) of about the same aspect, in the same order of colours.
    """
    height, width = image.shape[:2]
    longer = max(width, height)

    def scaled(side: int) -> tuple[int, int]:
        return max(1, round(width * side / longer)), max(1, round(height * side / longer))

    cells = cv2.resize(image, scaled(BLUR_CELLS), interpolation=cv2.INTER_AREA)
    cells = cv2.GaussianBlur(cells, (3, 3), 0, borderType=cv2.BORDER_REPLICATE)
    smooth = cv2.resize(cells, scaled(BLUR_SIDE), interpolation=cv2.INTER_CUBIC)
    return np.asarray(smooth, np.uint8)
