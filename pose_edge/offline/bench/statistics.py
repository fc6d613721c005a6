"""Statistics of measured times."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np


@dataclass(frozen=True, slots=True)
class Spread:
    """How measured values are distributed.

    Attributes:
        best: The smallest: what other load on the machine has disturbed least.
        median: Half of them are at most this.
        p95: 95 % of them are at most this, interpolated between two values.
        worst: The largest.
    """

    best: float
    median: float
    p95: float
    worst: float

    @classmethod
    def of(cls, values: Sequence[float]) -> Spread:
        """Return the spread of at least one value.

        >>> Spread.of([3.0, 1.0, 2.0])
        Spread(best=1.0, median=2.0, p95=2.9, worst=3.0)
        """
        return cls(min(values), median(values), percentile(values, 95), max(values))


@dataclass(frozen=True, slots=True)
class RatioRange:
    """Ratios of pairs that were measured one after the other.

    Attributes:
        median: Of all ratios.
        low: The smallest.
        high: The largest.
    """

    median: float
    low: float
    high: float

    @classmethod
    def of(cls, first: Sequence[float], second: Sequence[float]) -> RatioRange:
        """Return the ratios of each value to its partner.

        Args:
            first: At least one value; more than 0 like all others.
            second: Their partners, in the same order.

        >>> RatioRange.of([1.0, 4.0, 9.0], [1.0, 2.0, 3.0])
        RatioRange(median=2.0, low=1.0, high=3.0)
        """
        ratios = [one / other for one, other in zip(first, second, strict=True)]
        return cls(median(ratios), min(ratios), max(ratios))


def median(values: Sequence[float]) -> float:
    """Return the median of at least one value.

    >>> median([1.0, 10.0, 2.0, 4.0])
    3.0
    """
    return percentile(values, 50)


def percentile(values: Sequence[float], share: float) -> float:
    """Return the value that a share of at least one value does not exceed.

    Args:
        values: Measured values, in any order.
        share: Percent, 0...100. Between two values it is interpolated.
    """
    return float(np.percentile(values, share))
