"""Painting on pictures in memory, by OpenCV: for recordings and annotated files."""

from __future__ import annotations

from typing import Final

import cv2
import numpy as np
from numpy.typing import NDArray

from pose_edge.frames import ColourOrder, Image
from pose_edge.overlay.palette import ordered
from pose_edge.overlay.scene import Capsules, Drawing, Stamp
from pose_edge.overlay.stamp_cache import StampCache

SHIFT: Final = 4
"""Fractional bits of a position: lines move by 1/16 pixel, so they glide instead of jumping."""

SUBPIXELS: Final = 1 << SHIFT


def compose(image: Image, canvas: Image, *, mirror: bool) -> None:
    """Copy a frame's image to the canvas, so that the frame itself is never drawn on.

    Args:
        image: uint8 (height, width, 3).
        canvas: uint8 (height, width, 3), the size of the image; overwritten.
        mirror: Flip left and right.

    Raises:
        ValueError: The canvas has another size than the image.
    """
    if canvas.shape != image.shape:
        raise ValueError(f"a canvas {canvas.shape} cannot take a picture {image.shape}")
    if mirror:
        cv2.flip(image, 1, dst=canvas)
    else:
        np.copyto(canvas, image)


class Painter:
    """Paints drawings on pictures in one order of colours, so that no picture is converted.

    Attributes:
        order: The order of colours.
    """

    def __init__(self, order: ColourOrder) -> None:
        """Start with no stamp prepared."""
        self.order: Final[ColourOrder] = order
        self._stamps = StampCache(self._prepare)

    def paint(self, canvas: Image, drawing: Drawing) -> None:
        """Paint a drawing; parts outside the canvas are cut off.

        Args:
            canvas: uint8 (height, width, 3), painted on.
            drawing: In the canvas's pixels.
        """
        panels, stamps = self._stamps.of(drawing)
        for stamp, (keep, paint) in panels:
            _blend(canvas, stamp, keep, paint)
        self._draw_capsules(canvas, drawing.capsules)
        for stamp, (keep, paint) in stamps:
            _blend(canvas, stamp, keep, paint)

    def _draw_capsules(self, canvas: Image, capsules: Capsules) -> None:
        # OpenCV counts from the middle of the first pixel, capsules from its edge.
        ends = np.rint((capsules.ends - 0.5) * SUBPIXELS).astype(np.int32).tolist()
        radii = np.rint(capsules.radii * SUBPIXELS).astype(np.int32).tolist()
        widths = np.maximum(np.rint(capsules.radii * 2), 1).astype(np.int32).tolist()
        for (x0, y0, x1, y1), radius, width, colour in zip(
            ends, radii, widths, capsules.colours.tolist(), strict=True
        ):
            paint = ordered(tuple(colour), self.order)
            if (x0, y0) == (x1, y1):
                cv2.circle(canvas, (x0, y0), radius, paint, cv2.FILLED, cv2.LINE_AA, SHIFT)
            else:
                cv2.line(canvas, (x0, y0), (x1, y1), paint, width, cv2.LINE_AA, SHIFT)

    def _prepare(self, rgba: NDArray[np.uint8]) -> tuple[NDArray[np.uint8], NDArray[np.uint8]]:
        """Return what `_blend` needs of a stamp's picture, both uint8 (height, width, 3).

        Returns:
            keep: 255 where the canvas shows through fully.
            paint: The colours times the opacity, in the canvas's order of colours.
        """
        opacity = cv2.cvtColor(rgba[:, :, 3], cv2.COLOR_GRAY2RGB)
        colours = cv2.cvtColor(
            rgba, cv2.COLOR_RGBA2RGB if self.order == "RGB" else cv2.COLOR_RGBA2BGR
        )
        paint = cv2.multiply(colours, opacity, scale=1 / 255)
        return np.asarray(255 - opacity, np.uint8), np.asarray(paint, np.uint8)


def _blend(canvas: Image, stamp: Stamp, keep: NDArray[np.uint8], paint: NDArray[np.uint8]) -> None:
    """Set the canvas to canvas * keep + paint, where the stamp lies."""
    x, y = stamp.x, stamp.y
    left, top = max(0, -x), max(0, -y)
    part = canvas[max(0, y) : max(0, y + len(keep)), max(0, x) :]
    part = part[:, : max(0, keep.shape[1] - left)]
    height, width = part.shape[:2]
    if height and width:
        inside = slice(top, top + height), slice(left, left + width)
        cv2.multiply(part, keep[inside], dst=part, scale=1 / 255)
        cv2.add(part, paint[inside], dst=part)
