"""The part of the picture that the model looks at."""

from __future__ import annotations

import math
from typing import Final

import cv2

from pose_edge.frames import ColourOrder, Image
from pose_edge.overlay.geometry import SHIFT, relative, to_subpixels
from pose_edge.overlay.palette import INK, WHITE, ordered
from pose_edge.poses import Box

LINE: Final = 1 / 360
OUTLINE: Final = 1 / 120


def draw_crop(canvas: Image, order: ColourOrder, crop: Box, *, mirror: bool) -> None:
    """Draw the model's crop as a thin frame.

    Args:
        canvas: uint8 (height, width, 3), drawn on.
        order: Its order of colours.
        crop: x0, y0, x1, y1, normalised to the unmirrored picture; it may reach outside. A crop
            that is not finite is not drawn.
        mirror: Whether the canvas shows the picture mirrored.
    """
    if not all(math.isfinite(edge) for edge in crop):
        return
    x0, y0, x1, y1 = crop
    (left, top), (right, bottom) = to_subpixels([(x0, y0), (x1, y1)], canvas, mirror=mirror)
    for fraction, colour in ((OUTLINE, INK), (LINE, WHITE)):
        cv2.rectangle(
            canvas,
            (int(left), int(top)),
            (int(right), int(bottom)),
            ordered(colour, order),
            relative(canvas, fraction),
            cv2.LINE_AA,
            SHIFT,
        )
