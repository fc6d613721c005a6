"""Which regions of a frame are searched, and which region shows a person."""

from __future__ import annotations

import numpy as np
import pytest
from helpers import person
from hypothesis import given
from hypothesis import strategies as st

from pose_edge.estimators.regions import LEAST_SIDE, MARGIN, person_region, search_regions

sizes = st.integers(16, 4000)
places = st.floats(0.0, 1.0, width=32)


@given(sizes, sizes)
def test_the_whole_frame_comes_first_and_two_overlapping_tiles_cover_it(
    width: int, height: int
) -> None:
    whole, first, second = search_regions(width, height)
    assert (whole.left, whole.top, whole.width, whole.height) == (0, 0, width, height)
    assert (first.left, first.top) == (0, 0)
    assert second.left + second.width == pytest.approx(width)
    assert second.top + second.height == pytest.approx(height)
    for tile in (first, second):
        assert min(tile.width, tile.height) <= min(width, height)
        assert max(tile.width / width, tile.height / height) == 1
    along = "left" if width >= height else "top"
    assert getattr(second, along) < max(first.width, first.height) or width == height


@given(
    st.lists(st.tuples(places, places), min_size=17, max_size=17),
    st.floats(0.0, 1.0, width=32),
    sizes,
    sizes,
)
def test_a_region_holds_all_keypoints_that_count_with_a_margin(
    spots: list[tuple[float, float]], least: float, width: int, height: int
) -> None:
    keypoints = person(0.0, places=None)
    keypoints[:, :2] = spots
    keypoints[:, 2] = np.linspace(0.0, 1.0, 17)
    region = person_region(keypoints, width, height, least)
    counting = keypoints[keypoints[:, 2] >= least]
    for x, y, _score in counting.tolist():
        assert region.left <= x * width + 0.01
        assert x * width <= region.left + region.width + 0.01
        assert region.top <= y * height + 0.01
        assert y * height <= region.top + region.height + 0.01
    assert min(region.width, region.height) >= LEAST_SIDE


def test_weak_keypoints_do_not_stretch_a_region() -> None:
    keypoints = person(0.8)
    region = person_region(keypoints, 1000, 1000, 0.15)
    x0, x1 = 420.0, 580.0
    assert region.width == pytest.approx(MARGIN * (x1 - x0), rel=1e-5)
    keypoints[0] = (0.0, 0.0, 0.1)
    trimmed = person_region(keypoints, 1000, 1000, 0.15)
    assert trimmed.left == pytest.approx(region.left, abs=5)


def test_with_no_keypoint_that_counts_the_best_ones_make_the_region() -> None:
    keypoints = person(0.05)
    keypoints[:4, 2] = 0.1
    region = person_region(keypoints, 1000, 1000, 0.15)
    assert region.height < 100
