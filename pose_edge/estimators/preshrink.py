"""Averages the pixels of a large crop before it is resampled into a model's input.

The warp looks at four pixels of the frame for each of the input. Where many more lie between, most
are never seen, and the noise of a camera goes into the input as it is.
"""

from __future__ import annotations

import math
from typing import Final

import cv2
import numpy as np

from pose_edge.estimators.crop import Crop
from pose_edge.frames import Image
from pose_edge.runtimes import InputSize

FROM: Final = 3.0
"""Pixels of the frame that one of the input spans along a side, from which averaging pays."""
PART: Final = 2
"""Width and height are divided by this: OpenCV averages 2 x 2 pixels many times as fast as 3 x 3,
and more averaging makes people no easier to find."""


class Preshrinker:
    """Makes a crop smaller, in memory that is reused."""

    def __init__(self) -> None:
        """Begin without memory."""
        self._memory = np.empty(0, np.uint8)

    def apply(self, image: Image, crop: Crop, size: InputSize) -> tuple[Image, Crop]:
        """Return a picture and the crop in it, both made smaller where that pays.

        Args:
            image: uint8 (height, width, 3), left alone.
            crop: The part of it that a model is to see.
            size: Height and width of the model's input.

        Returns:
            The arguments, or what lies in the crop, valid until the next call, and the crop in it.
        """
        if crop.width < FROM * size[1]:
            return image, crop
        left, columns = _span(crop.left, crop.width, image.shape[1])
        top, rows = _span(crop.top, crop.height, image.shape[0])
        if columns <= 0 or rows <= 0:  # beside the picture, where all is black
            return image, crop
        part = image[top : top + rows * PART, left : left + columns * PART]
        if self._memory.size < rows * columns * 3:
            self._memory = np.empty(rows * columns * 3, np.uint8)
        smaller = self._memory[: rows * columns * 3].reshape(rows, columns, 3)
        cv2.resize(part, (columns, rows), dst=smaller, interpolation=cv2.INTER_AREA)
        place = (crop.left - left) / PART, (crop.top - top) / PART
        return smaller, Crop(*place, crop.width / PART, crop.height / PART)


def _span(begin: float, length: float, limit: int) -> tuple[int, int]:
    """Return the first pixel of a crop along an axis of a picture, and how many there will be.

    The warp also looks at the pixel beside the crop. The last pixel of an odd number is left out.
    """
    first = max(0, math.floor(begin) - PART)
    end = min(limit, math.ceil(begin + length) + PART)
    return first, (end - first) // PART
