"""Painting on images in memory with OpenCV, for recordings and annotated files."""

from __future__ import annotations

from collections.abc import Callable
from typing import Final, Generic, TypeVar

import cv2
import numpy as np
from numpy.typing import NDArray

from pose_edge.frames import ColourOrder, Image
from pose_edge.overlay.scene import Capsules, Drawing, Stamp

SHIFT: Final = 4
"""Fractional bits of a position: a resolution of 1/16 pixel, so that lines move smoothly."""

SUBPIXELS: Final = 1 << SHIFT

LEAST_LENGTH: Final = 1e-3
"""Lower bound of a line's length, pixels, which avoids a division by zero."""

Prepared = TypeVar("Prepared")


class StampCache(Generic[Prepared]):
    """Caches pictures of stamps in the form that a painter needs, while the stamps are in use.

    `cache[stamp]` returns the prepared picture of a stamp of the last drawing.
    """

    def __init__(
        self,
        prepare: Callable[[NDArray[np.uint8]], Prepared],
        discard: Callable[[Prepared], object] = lambda _prepared: None,
    ) -> None:
        """Create an empty cache.

        Args:
            prepare: Converts a stamp's picture to the form that the painter needs.
            discard: Frees what `prepare` returned.
        """
        self._prepare = prepare
        self._discard = discard
        # Keys are ids of pictures; each picture is stored too, so that its id is not reused.
        self._cached: dict[int, tuple[NDArray[np.uint8], Prepared]] = {}

    def update(self, drawing: Drawing) -> None:
        """Prepare the new pictures of a drawing, and discard the pictures that it does not use."""
        before, self._cached = self._cached, {}
        for stamp in drawing.stamps:
            key = id(stamp.picture)
            if key not in self._cached:
                known = before.pop(key, None)
                self._cached[key] = known or (stamp.picture, self._prepare(stamp.picture))
        for _, prepared in before.values():
            self._discard(prepared)

    def __getitem__(self, stamp: Stamp) -> Prepared:
        """Return the prepared picture of a stamp of the last drawing."""
        return self._cached[id(stamp.picture)][1]


class Painter:
    """Paints drawings on images of one colour order, so that no image has to be converted.

    Attributes:
        order: The colour order.
    """

    def __init__(self, order: ColourOrder) -> None:
        """Create a painter for images of a colour order."""
        self.order: Final[ColourOrder] = order
        self._stamps = StampCache(self._prepare)

    def paint(self, canvas: Image, drawing: Drawing) -> None:
        """Paint a drawing; parts outside the canvas are clipped.

        Args:
            canvas: uint8 (height, width, 3), painted in place.
            drawing: The drawing, in the canvas's pixels.
        """
        self._stamps.update(drawing)
        self._draw_capsules(canvas, drawing.capsules)
        for stamp in drawing.stamps:
            _blend(canvas, stamp, *self._stamps[stamp])

    def _draw_capsules(self, canvas: Image, capsules: Capsules) -> None:
        # OpenCV's origin is the centre of the first pixel, that of capsules is its corner. OpenCV's
        # thick lines have integer widths and slow round ends, so lines are painted as rectangles.
        corners = _to_subpixels(_rectangles(capsules) - 0.5)
        centres = _to_subpixels(capsules.ends[:, :2] - 0.5).tolist()
        radii = _to_subpixels(capsules.radii).tolist()
        colours = capsules.colours[:, :: 1 if self.order == "RGB" else -1].tolist()
        discs = (capsules.ends[:, :2] == capsules.ends[:, 2:]).all(axis=1).tolist()
        for index, disc in enumerate(discs):
            colour = colours[index]
            if disc:
                centre, radius = centres[index], radii[index]
                cv2.circle(canvas, centre, radius, colour, cv2.FILLED, cv2.LINE_AA, SHIFT)
            else:
                cv2.fillConvexPoly(canvas, corners[index], colour, cv2.LINE_AA, SHIFT)

    def _prepare(self, rgba: NDArray[np.uint8]) -> tuple[NDArray[np.uint8], NDArray[np.uint8]]:
        """Convert a stamp's picture for `_blend`.

        Returns:
            keep: uint8 (height, width, 3), weight of the canvas; 255 where it shows through fully.
            paint: uint8 (height, width, 3), colours times opacity, in the canvas's colour order.
        """
        opacity = cv2.cvtColor(rgba[:, :, 3], cv2.COLOR_GRAY2RGB)
        code = cv2.COLOR_RGBA2RGB if self.order == "RGB" else cv2.COLOR_RGBA2BGR
        paint = cv2.multiply(cv2.cvtColor(rgba, code), opacity, scale=1 / 255)
        return np.asarray(255 - opacity, np.uint8), np.asarray(paint, np.uint8)


def _to_subpixels(values: NDArray[np.float32]) -> NDArray[np.int32]:
    return np.asarray(np.rint(values * SUBPIXELS), np.int32)


def _rectangles(capsules: Capsules) -> NDArray[np.float32]:
    """Return the corners of each line as a rectangle, float32 (n, 4, 2), in order around it."""
    ends = capsules.ends
    along = ends[:, 2:] - ends[:, :2]
    scale = capsules.radii / np.maximum(np.hypot(along[:, 0], along[:, 1]), LEAST_LENGTH)
    x, y = (along * scale[:, None]).T
    across = np.stack([-y, x, y, -x, y, -x, -y, x], axis=1)
    corners: NDArray[np.float32] = ends[:, [0, 1, 0, 1, 2, 3, 2, 3]] + across
    return corners.reshape(-1, 4, 2)


def _blend(canvas: Image, stamp: Stamp, keep: NDArray[np.uint8], paint: NDArray[np.uint8]) -> None:
    """Set the canvas to canvas * keep / 255 + paint where the stamp lies."""
    x, y = stamp.x, stamp.y
    left, top = max(0, -x), max(0, -y)
    part = canvas[max(0, y) : max(0, y + len(keep)), max(0, x) :]
    part = part[:, : max(0, keep.shape[1] - left)]
    height, width = part.shape[:2]
    if height and width:
        inside = slice(top, top + height), slice(left, left + width)
        cv2.multiply(part, keep[inside], dst=part, scale=1 / 255)
        cv2.add(part, paint[inside], dst=part)
