from __future__ import annotations

import numpy as np
from canvases import EXTREME, GREEN, SIZES, Picture, framed, ground, untouched_outside
from hypothesis import given, settings
from hypothesis import strategies as st

from pose_edge.frames import ColourOrder
from pose_edge.overlay import Drawing
from pose_edge.overlay.crop import crop_frame
from pose_edge.overlay.paint import Painter
from pose_edge.poses import Box


def draw_crop(canvas: Picture, order: ColourOrder, crop: Box, *, mirror: bool) -> None:
    """Draw the outline of a crop on a picture that fills the canvas."""
    height, width = canvas.shape[:2]
    Painter(order).paint(canvas, Drawing(crop_frame(crop, (0, 0, width, height), mirror=mirror)))


@settings(max_examples=60, deadline=None)
@given(SIZES, st.tuples(EXTREME, EXTREME, EXTREME, EXTREME), st.booleans())
def test_any_crop_can_be_drawn(
    size: tuple[int, int], crop: tuple[float, float, float, float], mirror: bool
) -> None:
    canvas, whole = framed(*size)
    draw_crop(canvas, "RGB", crop, mirror=mirror)
    assert untouched_outside(whole)


def test_a_crop_is_a_frame_that_may_reach_outside() -> None:
    canvas = ground(640, 480)
    draw_crop(canvas, "RGB", (0.25, -0.5, 0.75, 1.5), mirror=False)
    changed = (canvas != GREEN).any(axis=2)
    assert changed[:, 155:165].any(axis=1).all()
    assert changed[:, 475:485].any(axis=1).all()
    assert not changed[:, 170:470].any()
    draw_crop(mirrored := ground(640, 480), "RGB", (0.0, 0.1, 0.25, 0.9), mirror=True)
    columns = np.nonzero((mirrored != GREEN).any(axis=2))[1]
    assert columns.min() > 470
