"""The one-euro filter, for all points of a body at once.

G. Casiez, N. Roussel, D. Vogel: "1 EUR Filter: A Simple Speed-based Low-pass Filter for Noisy
Input in Interactive Systems", CHI 2012. It is a low-pass filter whose cut-off frequency rises with
speed: points at rest are held still, and moving points are followed with little lag.

There are three differences from the paper:

* Speed is measured in sizes of the object per second, so that distant and near people are smoothed
  alike (as tfjs does with `disableValueScaling: false`).
* The speed of a point is the length of its velocity, not one speed per axis. A wrist that moves
  sideways is not smoothed vertically either, and the result does not depend on the rotation of the
  picture.
* Speeds up to `STILL_SPEED` do not raise the cut-off frequency. In the paper's filter, jitter
  counts as speed and weakens the smoothing just when it is needed.
"""

from __future__ import annotations

from typing import Final

import numpy as np
from numpy.typing import NDArray

Array = NDArray[np.float64]

# The defaults were chosen on the output of MoveNet and MultiPose for real videos of 5 to 60 frames
# per second: joints at rest (slower than 0.05 sizes / s) jitter 59 to 88 % less, a waving wrist
# lags 28 ms, and no steady motion lags more than 5 % of the body's size.
MIN_CUTOFF_HZ: Final = 0.5
BETA: Final = 8.0
SPEED_CUTOFF_HZ: Final = 4.0
"""Cut-off frequency of the low-pass on the speed itself. A higher one detects the start of a motion
sooner."""
STILL_SPEED: Final = 0.15
"""Speed up to which a point counts as resting, sizes / s."""
MAX_GAP_S: Final = 0.5
"""Time, in seconds, after which the filter of an unseen point is reset."""


class OneEuro:
    """Smooths the points of one object, each one independently."""

    def __init__(
        self, count: int, *, min_cutoff: float = MIN_CUTOFF_HZ, beta: float = BETA
    ) -> None:
        """Create a filter without samples.

        Args:
            count: Number of points.
            min_cutoff: Cut-off frequency at rest, Hz, more than 0 (usually 0.1...10). A lower one
                means less jitter, but more lag of slow motion.
            beta: Increase of the cut-off frequency with speed, Hz per (size / s), 0 or more
                (usually up to 100). A higher one means less lag of fast motion.
        """
        self._min_cutoff = min_cutoff
        self._beta = beta
        self._smooth, self._raw, self._velocity = np.zeros((3, count, 2))
        self._times: Array = np.full(count, -np.inf)

    def apply(self, points: Array, time_s: float, size: float, valid: NDArray[np.bool_]) -> Array:
        """Smooth one sample of all points.

        Args:
            points: float64 (count, 2), in any unit.
            time_s: Time of the sample, seconds.
            size: Size of the object, in the unit of the points, more than 0.
            valid: bool (count,). Invalid points are ignored and returned unchanged.

        Returns:
            float64 (count, 2). The first sample of a point is returned unchanged, as is the first
            one after a gap, or a sample whose time did not advance.
        """
        elapsed = time_s - self._times
        known = valid & (elapsed > 0.0) & (elapsed <= MAX_GAP_S)
        # Computing all points is faster than selecting some. Points without a usable interval get
        # a dummy one of 1 s; their results are discarded below.
        interval = np.where(known, elapsed, 1.0)[:, np.newaxis]
        known, valid = known[:, np.newaxis], valid[:, np.newaxis]
        change = (points - self._raw) / (interval * size) - self._velocity
        moving = self._velocity + _gain(SPEED_CUTOFF_HZ, interval) * change
        speed = np.sqrt((moving * moving).sum(axis=1, keepdims=True))
        cutoff = self._min_cutoff + self._beta * np.maximum(0.0, speed - STILL_SPEED)
        gain = _gain(cutoff, interval)
        # A weighted mean: in this form rounding cannot move a point beyond its sample.
        smooth = np.where(known, (1.0 - gain) * self._smooth + gain * points, points)

        self._velocity = np.where(valid, np.where(known, moving, 0.0), self._velocity)
        self._smooth = np.where(valid, smooth, self._smooth)
        self._raw = np.where(valid, points, self._raw)
        self._times[valid[:, 0]] = time_s
        return np.where(valid, smooth, points)


def _gain(cutoff: float | Array, interval: Array) -> Array:
    """Return the weight, 0...1, of a new sample; `cutoff` in Hz, `interval` in seconds."""
    return np.asarray(1.0 / (1.0 + 1.0 / (2.0 * np.pi * cutoff * interval)))
