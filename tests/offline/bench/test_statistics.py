from __future__ import annotations

import pytest

from pose_edge.offline.bench.statistics import RatioRange, Spread, median, percentile


def test_the_median_of_an_even_number_lies_between_the_two_in_the_middle() -> None:
    assert median([4.0, 1.0, 3.0]) == 3.0
    assert median([4.0, 1.0, 3.0, 2.0]) == 2.5
    assert median([7.0]) == 7.0


def test_a_percentile_is_interpolated() -> None:
    values = [float(number) for number in range(101)]
    assert percentile(values[::-1], 95) == 95.0
    assert percentile([0.0, 10.0], 95) == 9.5
    assert (percentile(values, 0), percentile(values, 100)) == (0.0, 100.0)


def test_a_spread_is_in_order() -> None:
    spread = Spread.of([5.0, 1.0, 2.0, 100.0, 3.0])
    assert spread.median == 3.0
    assert spread.best == 1.0
    assert spread.median < spread.p95 < spread.worst == 100.0
    assert Spread.of([2.0]) == Spread(2.0, 2.0, 2.0, 2.0)


def test_ratios_are_formed_pair_by_pair() -> None:
    # A slow moment affects both runs of a pair, so the pair's ratio stays the same.
    assert RatioRange.of([2.0, 20.0, 2.2], [1.0, 10.0, 1.1]) == RatioRange(2.0, 2.0, 2.0)
    assert RatioRange.of([3.0, 1.0, 4.0], [1.0, 1.0, 2.0]) == RatioRange(2.0, 1.0, 3.0)
    with pytest.raises(ValueError, match="shorter"):
        RatioRange.of([1.0, 2.0], [1.0])
