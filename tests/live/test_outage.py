"""How the tests in a virtual machine measure the duration of outages."""

from __future__ import annotations

import pytest
from system.outage import absence, longest_gap


def test_a_picture_that_never_was_away() -> None:
    assert absence([(0.0, True), (0.2, True), (0.4, True)]) == (0, None)


def test_an_absence_lasts_from_there_to_there() -> None:
    samples = [(0.0, True), (1.0, True), (2.0, False), (3.0, False), (4.0, True), (5.0, True)]
    assert absence(samples) == (3.0, 4.0)


def test_absences_add_up_and_the_last_one_counts_for_the_return() -> None:
    samples = [(0.0, True), (1.0, False), (2.0, True), (3.0, True), (4.0, False), (5.0, True)]
    assert absence(samples) == (4.0, 5.0)


def test_one_that_is_still_away_is_not_back_before_now() -> None:
    assert absence([(0.0, True), (1.0, False), (2.0, False)]) == (2.0, 2.0)


def test_poses_without_a_gap() -> None:
    moments = [number / 10 for number in range(100)]
    assert longest_gap(moments, 1.0, 9.0) == (0, None)


def test_the_longest_gap_and_the_end_of_the_last() -> None:
    moments = [0.0, 0.5, 3.5, 4.0, 5.5, 6.0]
    assert longest_gap(moments, 0.25, 6.5, 1.0) == (3.0, 5.5)
    assert longest_gap(moments, 0.25, 6.5, 2.0) == (3.0, 3.5)


@pytest.mark.parametrize(("moments", "gap"), [([0.0, 0.5], 3.5), ([], 4.0)])
def test_poses_that_have_not_come_yet(moments: list[float], gap: float) -> None:
    assert longest_gap(moments, 0.0, 4.0) == (gap, 4.0)
