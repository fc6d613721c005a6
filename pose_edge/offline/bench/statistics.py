"""Statistics of measured times."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np


@dataclass(frozen=True, slots=True)
class Spread:
    """Distribution of measured values.

    Attributes:
        best: The smallest value, which other load on the machine has disturbed least.
        median: The median.
        p95: The 95th percentile, interpolated linearly.
        worst: The largest value.
    """

    best: float
    median: float
    p95: float
    worst: float

    @classmethod
    def of(cls, values: Sequence[float]) -> Spread:
        """Return the spread of a non-empty sequence of values.

        >>> Spread.of([3.0, 1.0, 2.0])
        Spread(best=1.0, median=2.0, p95=2.9, worst=3.0)
        """
        return cls(min(values), median(values), percentile(values, 95), max(values))


@dataclass(frozen=True, slots=True)
class RatioRange:
    """Range of the ratios of pairs of values, each pair measured close together in time.

    Attributes:
        median: The median ratio.
        low: The smallest ratio.
        high: The largest ratio.
    """

    median: float
    low: float
    high: float

    @classmethod
    def of(cls, first: Sequence[float], second: Sequence[float]) -> RatioRange:
        """Return the range of the ratios first[i] / second[i].

        Args:
            first: The numerators, at least one, all greater than 0.
            second: The denominators, as many, all greater than 0.

        >>> RatioRange.of([1.0, 4.0, 9.0], [1.0, 2.0, 3.0])
        RatioRange(median=2.0, low=1.0, high=3.0)
        """
        ratios = [one / other for one, other in zip(first, second, strict=True)]
        return cls(median(ratios), min(ratios), max(ratios))


def median(values: Sequence[float]) -> float:
    """Return the median of a non-empty sequence of values.

    >>> median([1.0, 10.0, 2.0, 4.0])
    3.0
    """
    return percentile(values, 50)


def percentile(values: Sequence[float], share: float) -> float:
    """Return a percentile of a non-empty sequence of values, interpolated linearly.

    Args:
        values: Measured values, in any order.
        share: Which percentile, 0...100.
    """
    return float(np.percentile(values, share))
