from __future__ import annotations

import numpy as np
from canvases import SIZES, framed, untouched_outside
from hypothesis import given, settings
from hypothesis import strategies as st

from pose_edge.overlay import Drawing, Stamp
from pose_edge.overlay.paint import Painter


@settings(max_examples=60, deadline=None)
@given(SIZES, SIZES, st.integers(-400, 400), st.integers(-400, 400))
def test_a_stamp_is_cut_off_at_the_edges(
    size: tuple[int, int], stamp_size: tuple[int, int], x: int, y: int
) -> None:
    canvas, whole = framed(*size)
    stamp = np.full((stamp_size[1], stamp_size[0], 4), 255, np.uint8)
    Painter("RGB").paint(canvas, Drawing(stamps=(Stamp(stamp, x, y),)))
    assert untouched_outside(whole)
    expected = np.zeros(canvas.shape[:2], bool)
    expected[max(0, y) : max(0, y + stamp_size[1]), max(0, x) : max(0, x + stamp_size[0])] = True
    assert ((canvas == 255).all(axis=2) == expected).all()


def test_a_stamp_lets_the_picture_through_by_its_opacity() -> None:
    stamp = np.zeros((1, 3, 4), np.uint8)
    stamp[0, :, 0] = 200
    stamp[0, :, 3] = 0, 128, 255
    for order in ("RGB", "BGR"):
        canvas = np.full((1, 3, 3), 100, np.uint8)
        Painter(order).paint(canvas, Drawing(stamps=(Stamp(stamp, 0, 0),)))
        red, others = (0, [1, 2]) if order == "RGB" else (2, [0, 1])
        assert np.abs(canvas[0, :, red].astype(int) - [100, 150, 200]).max() <= 1
        assert np.abs(canvas[0, :, others].astype(int) - [100, 50, 0]).max() <= 1
