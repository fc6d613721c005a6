"""Averages the pixels of a large crop before it is resampled into a model's input.

The warp looks at four pixels of the frame for each of the input. Where many more lie between, most
are never seen, and the noise of a camera goes into the input as it is.
"""

from __future__ import annotations

import math
from typing import Final

import cv2
import numpy as np
from numpy.typing import NDArray

from pose_edge.estimators.crop import Crop
from pose_edge.frames import Image
from pose_edge.runtimes import InputSize

FROM: Final = 4.0
"""Pixels of the frame that one of the input spans along a side, above which averaging pays.

With a sensor's noise, AP of Lightning INT8 rises from .61 to .63 at 4 pixels and from .625 to .646
at 6. Below, some models gain on clean pictures what others lose (models/README.md).
"""
ENOUGH: Final = 3.0
"""Such crops are halved until fewer pixels than this remain."""


def halvings(shrink: float) -> int:
    """Return how often width and height are halved before the warp.

    Args:
        shrink: Pixels of the frame that one of the input spans along a side.
    """
    return 0 if shrink <= FROM else 1 + math.floor(math.log2(shrink / ENOUGH))


class Preshrinker:
    """Makes a crop smaller, in memory that is reused."""

    def __init__(self) -> None:
        """Begin without memory."""
        self._memory: list[NDArray[np.uint8]] = []

    def apply(self, image: Image, crop: Crop, size: InputSize) -> tuple[Image, Crop]:
        """Return a picture and the crop in it, both made smaller where that pays.

        Args:
            image: uint8 (height, width, 3), left alone.
            crop: The part of it that a model is to see.
            size: Height and width of the model's input.

        Returns:
            The arguments, or what lies in the crop, valid until the next call, and the crop in it.
        """
        for level in range(halvings(crop.width / size[1])):
            image, crop = self._halve(image, crop, level)
        return image, crop

    def _halve(self, image: Image, crop: Crop, level: int) -> tuple[Image, Crop]:
        """Return the means of 2 x 2 pixels, many times as fast as those of 3 x 3 in OpenCV."""
        left, columns = _pairs(crop.left, crop.width, image.shape[1])
        top, rows = _pairs(crop.top, crop.height, image.shape[0])
        if columns <= 0 or rows <= 0:  # beside the picture, where all is black
            return image, crop
        part = image[top : top + 2 * rows, left : left + 2 * columns]
        half = self._space(level, rows * columns * 3).reshape(rows, columns, 3)
        cv2.resize(part, (columns, rows), dst=half, interpolation=cv2.INTER_AREA)
        place = (crop.left - left) / 2, (crop.top - top) / 2
        return half, Crop(*place, crop.width / 2, crop.height / 2)

    def _space(self, level: int, count: int) -> NDArray[np.uint8]:
        """Return memory for so many bytes; each level has its own, as the next one reads it."""
        if level == len(self._memory):
            self._memory.append(np.empty(count, np.uint8))
        elif self._memory[level].size < count:
            self._memory[level] = np.empty(count, np.uint8)
        return self._memory[level][:count]


def _pairs(begin: float, length: float, limit: int) -> tuple[int, int]:
    """Return the first pixel of a crop along an axis of a picture, and the number of pairs.

    The warp also looks at the pixel beside the crop. The last pixel of an odd number is left out.
    """
    first = max(0, math.floor(begin) - 2)
    end = min(limit, math.ceil(begin + length) + 2)
    return first, (end - first) // 2
