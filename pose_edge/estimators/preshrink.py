"""Downscale a large crop by averaging before it is resampled into a model's input.

The bilinear warp reads only four frame pixels for each input pixel. When the crop is much larger
than the input, most frame pixels are skipped, and camera noise reaches the input unfiltered.
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

MIN_SHRINK: Final = 4.0
"""Downscaling factor (frame pixels per input pixel, per side) above which averaging pays.

With sensor noise, the AP of Lightning INT8 rises from .61 to .63 at a factor of 4, and from .625 to
.646 at 6. Below 4, some models gain on clean pictures and others lose (models/README.md).
"""
TARGET_SHRINK: Final = 3.0
"""Crops above `MIN_SHRINK` are halved until the remaining factor is below this."""


def halvings(shrink: float) -> int:
    """Return how often width and height are halved before the warp.

    Args:
        shrink: Downscaling factor (frame pixels per input pixel, per side).
    """
    return 0 if shrink <= MIN_SHRINK else 1 + math.floor(math.log2(shrink / TARGET_SHRINK))


class Preshrinker:
    """Downscales crops into buffers that are reused."""

    def __init__(self) -> None:
        """Create the preshrinker; buffers are allocated on first use."""
        self._memory: list[NDArray[np.uint8]] = []

    def apply(self, image: Image, crop: Crop, size: InputSize) -> tuple[Image, Crop]:
        """Downscale a crop if it is much larger than the model's input.

        Args:
            image: uint8 (height, width, 3); not changed.
            crop: The part of the image that the model is to see.
            size: Height and width of the model's input, pixels.

        Returns:
            A downscaled image of the crop, valid until the next call, and the crop in its pixels;
            or the arguments `image` and `crop` if downscaling does not pay.
        """
        for level in range(halvings(crop.width / size[1])):
            image, crop = self._halve(image, crop, level)
        return image, crop

    def _halve(self, image: Image, crop: Crop, level: int) -> tuple[Image, Crop]:
        """Average 2 x 2 pixels, for which OpenCV is many times faster than for 3 x 3."""
        left, columns = _pairs(crop.left, crop.width, image.shape[1])
        top, rows = _pairs(crop.top, crop.height, image.shape[0])
        if columns <= 0 or rows <= 0:  # the crop lies outside the picture: all black
            return image, crop
        part = image[top : top + 2 * rows, left : left + 2 * columns]
        half = self._space(level, rows * columns * 3).reshape(rows, columns, 3)
        cv2.resize(part, (columns, rows), dst=half, interpolation=cv2.INTER_AREA)
        place = (crop.left - left) / 2, (crop.top - top) / 2
        return half, Crop(*place, crop.width / 2, crop.height / 2)

    def _space(self, level: int, count: int) -> NDArray[np.uint8]:
        """Return a buffer of `count` bytes; each level has its own, because the next reads it."""
        if level == len(self._memory):
            self._memory.append(np.empty(count, np.uint8))
        elif self._memory[level].size < count:
            self._memory[level] = np.empty(count, np.uint8)
        return self._memory[level][:count]


def _pairs(begin: float, length: float, limit: int) -> tuple[int, int]:
    """Return the first pixel and the number of pixel pairs that cover a crop along one axis.

    They reach beyond the crop, because the warp also reads the pixels beside it. With an odd number
    of pixels the last one is left out.
    """
    first = max(0, math.floor(begin) - 2)
    end = min(limit, math.ceil(begin + length) + 2)
    return first, (end - first) // 2
