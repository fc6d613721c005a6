"""Draws on a picture in memory, by OpenCV: for recordings and annotated files."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

import cv2
import numpy as np
from numpy.typing import NDArray

from pose_edge.frames import ColourOrder, Image
from pose_edge.overlay.palette import ordered
from pose_edge.overlay.shapes import Capsules, Drawing
from pose_edge.overlay.stamp_cache import Kept

SHIFT: Final = 4
"""Fractional bits of a position: lines move by 1/16 pixel, so they glide instead of jumping."""

SUBPIXELS: Final = 1 << SHIFT


@dataclass(frozen=True, slots=True)
class Panel:
    """A stamp's picture ready to be blended: canvas * `keep` + `paint`.

    Attributes:
        keep: uint8 (height, width, 3), 255 where the canvas shows through fully.
        paint: uint8 (height, width, 3), what is added, in the canvas's order of colours.
    """

    keep: NDArray[np.uint8]
    paint: NDArray[np.uint8]

    def blend(self, canvas: Image, x: int, y: int) -> None:
        """Lay the panel over the canvas; what does not fit is cut off."""
        left, top = max(0, -x), max(0, -y)
        part = canvas[max(0, y) : max(0, y + len(self.keep)), max(0, x) :]
        part = part[:, : max(0, self.keep.shape[1] - left)]
        height, width = part.shape[:2]
        if height and width:
            inside = slice(top, top + height), slice(left, left + width)
            cv2.multiply(part, self.keep[inside], dst=part, scale=1 / 255)
            cv2.add(part, self.paint[inside], dst=part)


class Painter:
    """Draws on pictures of one order of colours."""

    def __init__(self, order: ColourOrder) -> None:
        """Draw in this order of colours, so that no picture is ever converted."""
        self._order: ColourOrder = order
        self._panels = Kept(self._prepare)

    @property
    def order(self) -> ColourOrder:
        """The pictures' order of colours."""
        return self._order

    def paint(self, canvas: Image, drawing: Drawing) -> None:
        """Draw; what lies outside the canvas is left out.

        Args:
            canvas: uint8 (height, width, 3), drawn on.
            drawing: What to draw, in the canvas's pixels.
        """
        below = len(drawing.panels)
        stamps = list(self._panels.of((*drawing.panels, *drawing.stamps)))
        for stamp, panel in stamps[:below]:
            panel.blend(canvas, stamp.x, stamp.y)
        self._draw_capsules(canvas, drawing.capsules)
        for stamp, panel in stamps[below:]:
            panel.blend(canvas, stamp.x, stamp.y)

    def _draw_capsules(self, canvas: Image, capsules: Capsules) -> None:
        # OpenCV counts from the middle of the first pixel, we from its edge.
        ends = np.rint((capsules.ends - 0.5) * SUBPIXELS).astype(np.int32).tolist()
        radii = np.rint(capsules.radii * SUBPIXELS).astype(np.int32).tolist()
        widths = np.maximum(np.rint(capsules.radii * 2), 1).astype(np.int32).tolist()
        for (x0, y0, x1, y1), radius, width, colour in zip(
            ends, radii, widths, capsules.colours.tolist(), strict=True
        ):
            paint = ordered(tuple(colour), self._order)
            if (x0, y0) == (x1, y1):
                cv2.circle(canvas, (x0, y0), radius, paint, cv2.FILLED, cv2.LINE_AA, SHIFT)
            else:
                cv2.line(canvas, (x0, y0), (x1, y1), paint, width, cv2.LINE_AA, SHIFT)

    def _prepare(self, rgba: NDArray[np.uint8]) -> Panel:
        opacity = cv2.cvtColor(rgba[:, :, 3], cv2.COLOR_GRAY2RGB)
        colours = cv2.cvtColor(
            rgba, cv2.COLOR_RGBA2RGB if self._order == "RGB" else cv2.COLOR_RGBA2BGR
        )
        paint = cv2.multiply(colours, opacity, scale=1 / 255)
        return Panel(np.asarray(255 - opacity, np.uint8), np.asarray(paint, np.uint8))
