from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pytest
from numpy.typing import NDArray

from pose_edge.sources.display_geometry import MAX_SIDE, display_size, orientation_filters

Picture = NDArray[np.int_]
PICTURE = np.arange(6).reshape(2, 3)
FILTERS: dict[tuple[str, str], Callable[[Picture], Picture]] = {
    ("hflip", ""): np.fliplr,
    ("vflip", ""): np.flipud,
    ("transpose", "clock"): lambda image: np.rot90(image, -1),
    ("transpose", "cclock"): np.rot90,
    ("transpose", "cclock_flip"): np.transpose,
    ("transpose", "clock_flip"): lambda image: np.rot90(np.transpose(image), 2),
}


@pytest.mark.parametrize(("a", "b", "c", "d"), [(s, 0, 0, t) for s in (1, -1) for t in (1, -1)])
@pytest.mark.parametrize("turned", [False, True])
def test_pixels_go_where_the_matrix_says(a: int, b: int, c: int, d: int, turned: bool) -> None:
    if turned:
        a, b, c, d = b, a, d, c
    one = 1 << 16
    image = PICTURE
    for name in orientation_filters([a * one, b * one, 0, c * one, d * one, 0, 5, 7, 1 << 30]):
        image = FILTERS[name](image)
    height, width = PICTURE.shape
    at = {
        (a * p + c * q, b * p + d * q): PICTURE[q, p] for p in range(width) for q in range(height)
    }
    left, top = min(x for x, _ in at), min(y for _, y in at)
    for (x, y), value in at.items():
        assert image[y - top, x - left] == value


def test_other_angles_are_rounded() -> None:
    assert orientation_filters([60000, 20000, 0, -20000, 60000]) == []
    assert orientation_filters([20000, 60000, 0, -60000, 20000]) == [("transpose", "clock")]
    assert orientation_filters([0, 0, 0, 0, 0]) == []


@pytest.mark.parametrize(
    ("size", "aspect", "expected"),
    [
        ((360, 288), 64 / 45, (512, 288)),
        ((720, 480), 8 / 9, (640, 480)),
        ((1440, 1080), 4 / 3, (1920, 1080)),
        ((161, 121), 0, (161, 121)),
        ((161, 121), 1, (161, 121)),
        ((640, 480), 1 / 1000, (640, 480)),
        ((640, 480), 1000, (640, 480)),
    ],
)
def test_pixels_are_made_square(
    size: tuple[int, int], aspect: float, expected: tuple[int, int]
) -> None:
    assert display_size(*size, aspect) == expected


def test_a_picture_is_never_larger_than_can_be_processed() -> None:
    assert display_size(65_532, 100, 1) == (MAX_SIDE, 50)
