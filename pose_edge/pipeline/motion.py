"""Detect whether anything moves in a picture, from a tiny grey copy of it."""

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
"""Width of the tiny picture, in cells; a cell spans 20 pixels of a picture 1280 pixels wide."""
SAMPLES: Final = 4
"""Pixels sampled across a cell, and as many down it; the cell is their mean. Reading every pixel of
a large picture would take ten times as long."""
MEAN_S: Final = 2.0
"""Time constant, in seconds, with which slow changes (dusk, exposure drift) become background."""
NOISE_S: Final = 10.0
"""Time constant of each cell's noise estimate, seconds. Noise comes from a camera at night, leaves,
or a lamp."""
FIRST_NOISE: Final = 2.0
"""Standard deviation of the noise that is assumed at first, grey levels."""
DEVIATIONS: Final = 6.0
"""A cell has changed if it differs from its background by more than this many standard deviations
of its noise, plus `LEAST_LEVELS`."""
LEAST_LEVELS: Final = 1.5
"""Change that is tolerated in a cell without any noise, grey levels."""
LEAST_CELLS: Final = 2
"""Least number of changed cells that counts as motion."""


MAX_ROWS: Final = 4 * COLUMNS
"""Most rows of cells; the cells of a picture that is narrower still are not square."""


def tiny_grey(image: Image) -> Grey:
    """Return a grey copy of a picture that is `COLUMNS` cells wide.

    Args:
        image: uint8 (height, width, 3), in either colour order.
    """
    height, width = image.shape[:2]
    rows = min(MAX_ROWS, max(1, round(height * COLUMNS / width)))
    size = COLUMNS * SAMPLES, rows * SAMPLES
    pixels = cv2.resize(image, size, interpolation=cv2.INTER_NEAREST)
    cells = cv2.resize(pixels, (COLUMNS, rows), interpolation=cv2.INTER_AREA)
    return np.asarray(cv2.cvtColor(cells, cv2.COLOR_BGR2GRAY), np.float32)


class MotionDetector:
    """Compares each picture with a moving average of the earlier ones, cell by cell.

    The noise of each cell is estimated all the time, so neither camera noise nor leaves in the wind
    count as motion for long. When the whole picture changes at once (a cloud, the camera's
    exposure), a cell counts by how much its change differs from the median change.
    """

    def __init__(self) -> None:
        """Create the detector; the first picture becomes the background."""
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
            grey: See `tiny_grey`. A picture of another size resets the detector.
            time_s: Time of the picture, seconds.
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
        # Clipped, so that one person who crosses the picture does not count as noise.
        np.clip(change, -limit, limit, out=change)
        weight = max(_weight(elapsed_s, NOISE_S), 1.0 / self._seen)
        self._variance += weight * (change * change - self._variance)
        return changed >= LEAST_CELLS


def _weight(elapsed_s: float, constant_s: float) -> float:
    """Return the weight, 0...1, of a new sample in a low-pass filter with a time constant."""
    return -math.expm1(-elapsed_s / constant_s)
