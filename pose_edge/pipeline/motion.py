"""Whether anything moves in a picture, from a tiny grey copy of it."""

from __future__ import annotations

import math
from typing import Final

import cv2
import numpy as np
from numpy.typing import NDArray

from pose_edge.frames import Image

Grey = NDArray[np.float32]
"""Grey levels, float32 (rows, `COLUMNS`), 0...255."""

COLUMNS: Final = 64
"""Width of the tiny picture: a cell of it is a twentieth of a picture of 1280 pixels."""
SAMPLES: Final = 4
"""A cell is the mean of so many pixels across, and as many down: reading all of a large picture
would take ten times as long."""
MEAN_S: Final = 2.0
"""Time constant with which slow changes become the background: dusk, the drift of an exposure."""
NOISE_S: Final = 10.0
"""Time constant of the noise of each cell: that of a camera at night, of leaves, of a lamp."""
FIRST_NOISE: Final = 2.0
"""Grey levels of noise that are assumed until more is known."""
DEVIATIONS: Final = 6.0
"""A cell has changed when it lies so many standard deviations of its noise off its background, and
by `LEAST_LEVELS` at least."""
LEAST_LEVELS: Final = 1.5
LEAST_CELLS: Final = 2
"""So many cells must have changed."""


def tiny_grey(image: Image) -> Grey:
    """Return a picture of `COLUMNS` pixels across, in grey.

    Args:
        image: uint8 (height, width, 3); the order of its colours does not matter.
    """
    height, width = image.shape[:2]
    rows = max(1, round(height * COLUMNS / width))
    size = COLUMNS * SAMPLES, rows * SAMPLES
    pixels = cv2.resize(image, size, interpolation=cv2.INTER_NEAREST)
    cells = cv2.resize(pixels, (COLUMNS, rows), interpolation=cv2.INTER_AREA)
    return np.asarray(cv2.cvtColor(cells, cv2.COLOR_BGR2GRAY), np.float32)


class MotionDetector:
    """Compares each picture with the mean of the last ones, cell by cell.

    Each cell has a noise of its own, which is learnt all the time: so neither a camera's noise nor
    leaves in the wind count for long. A change of the whole picture at once, by a cloud or by the
    camera's exposure, counts only where it differs from that of most cells.
    """

    def __init__(self) -> None:
        """Start without a background."""
        self._mean: Grey | None = None
        self._variance = np.zeros(0, np.float32)
        self._seen = 0
        self._time_s = 0.0

    def reset(self) -> None:
        """Forget background and noise."""
        self._mean = None

    def update(self, grey: Grey, time_s: float) -> bool:
        """Take the next picture, and return whether something moves in it.

        Args:
            grey: See `tiny_grey`. After one of another size all begins anew.
            time_s: Its time, seconds.
        """
        if self._mean is None or self._mean.shape != grey.shape:
            self._mean = grey.copy()
            self._variance = np.full_like(grey, FIRST_NOISE**2)
            self._seen, self._time_s = 1, time_s
            return False
        elapsed_s = max(0.0, time_s - self._time_s)
        self._seen, self._time_s = self._seen + 1, time_s
        change = grey - self._mean
        self._mean += _weight(elapsed_s, MEAN_S) * change
        change -= np.median(change)
        limit = DEVIATIONS * np.sqrt(self._variance) + LEAST_LEVELS
        changed = int(np.count_nonzero(np.abs(change) > limit))
        # Cut off, so that the way of one person through the picture does not count as its noise.
        np.clip(change, -limit, limit, out=change)
        weight = max(_weight(elapsed_s, NOISE_S), 1.0 / self._seen)
        self._variance += weight * (change * change - self._variance)
        return changed >= LEAST_CELLS


def _weight(elapsed_s: float, constant_s: float) -> float:
    """Return the weight, 0...1, of a new sample in a low-pass with a time constant."""
    return -math.expm1(-elapsed_s / constant_s)
