"""The one-euro filter, for all points of a body at once.

G. Casiez, N. Roussel, D. Vogel: "1 EUR Filter: A Simple Speed-based Low-pass Filter for Noisy
Input in Interactive Systems", CHI 2012. A low-pass filter whose cut-off frequency rises with the
speed: what rests is held still, what moves is followed without lag.

Three things differ from the paper:

* Speed is measured in sizes of the object per second, so that a distant person and a near one are
  smoothed alike (as tfjs does with `disableValueScaling: false`).
* The speed of a point is the length of its velocity, not one speed for each axis: a wrist that
  moves sideways needs no smoothing across either, and turning the picture changes nothing.
* Speeds up to `STILL_SPEED` leave the filter closed. Jitter itself looks like a speed, and opens
  the paper's filter just when it should be closed.
"""

from __future__ import annotations

from typing import Final

import numpy as np
from numpy.typing import NDArray

Array = NDArray[np.float64]

# The defaults were chosen on MoveNet's and MultiPose's answers to real videos of 5 to 60 frames a
# second: joints at rest (slower than 0.05 sizes / s) jitter 59 to 88 % less, a waving wrist lags
# 28 ms, and no steady motion lags more than 5 % of the body's size.
MIN_CUTOFF_HZ: Final = 0.5
BETA: Final = 8.0
SPEED_CUTOFF_HZ: Final = 4.0
"""Cut-off of the speed's own low-pass. Higher: the start of a motion is noticed sooner."""
STILL_SPEED: Final = 0.15
"""Speed up to which a point counts as resting, sizes / s."""
MAX_GAP_S: Final = 0.5
"""Time after which a point that was not seen starts again without its past."""


class OneEuro:
    """Smooths the points of one object, each by itself."""

    def __init__(
        self, count: int, *, min_cutoff: float = MIN_CUTOFF_HZ, beta: float = BETA
    ) -> None:
        """Start without samples.

        Args:
            count: Number of points.
            min_cutoff: Cut-off frequency at rest, Hz, more than 0 (0.1...10). Lower: less jitter,
                and more lag of slow motion.
            beta: Rise of the cut-off frequency with the speed, Hz per (size / s), 0 or more
                (0...100). Higher: less lag of fast motion.
        """
        self._min_cutoff = min_cutoff
        self._beta = beta
        self._smooth, self._raw, self._velocity = np.zeros((3, count, 2))
        self._times: Array = np.full(count, -np.inf)

    def apply(self, points: Array, time_s: float, size: float, valid: NDArray[np.bool_]) -> Array:
        """Smooth the points of one moment.

        Args:
            points: float64 (count, 2), in any unit.
            time_s: The moment, seconds.
            size: Of the object, in the points' unit, more than 0.
            valid: bool (count,); the filter returns other points as they are and ignores them.

        Returns:
            float64 (count, 2). A point's first sample, and the first after a gap or after time
            that did not advance, is returned unchanged: there is nothing to smooth it with.
        """
        elapsed = time_s - self._times
        known = valid & (elapsed > 0.0) & (elapsed <= MAX_GAP_S)
        # All points are computed, for that is faster than choosing; 1 s stands where there is no
        # interval.
        interval = np.where(known, elapsed, 1.0)[:, np.newaxis]
        known, valid = known[:, np.newaxis], valid[:, np.newaxis]
        change = (points - self._raw) / (interval * size) - self._velocity
        moving = self._velocity + _gain(SPEED_CUTOFF_HZ, interval) * change
        speed = np.sqrt((moving * moving).sum(axis=1, keepdims=True))
        cutoff = self._min_cutoff + self._beta * np.maximum(0.0, speed - STILL_SPEED)
        gain = _gain(cutoff, interval)
        # Written as a mean, so that rounding never carries a point beyond its sample.
        smooth = np.where(known, (1.0 - gain) * self._smooth + gain * points, points)

        self._velocity = np.where(valid, np.where(known, moving, 0.0), self._velocity)
        self._smooth = np.where(valid, smooth, self._smooth)
        self._raw = np.where(valid, points, self._raw)
        self._times[valid[:, 0]] = time_s
        return np.where(valid, smooth, points)


def _gain(cutoff: float | Array, interval: Array) -> Array:
    """Return the weight, 0...1, of a new sample: cut-off in Hz, seconds since the last sample."""
    return np.asarray(1.0 / (1.0 + 1.0 / (2.0 * np.pi * cutoff * interval)))
