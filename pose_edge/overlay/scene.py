"""Scenes and drawings: plain data that OpenCV or a GPU can paint.

Positions are in pixels from the upper left corner of the canvas or screen, x right and y down.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from typing import Final

import numpy as np
from numpy.typing import ArrayLike, NDArray

from pose_edge.frames import ColourOrder, Image

Size = tuple[int, int]
"""Width and height, pixels, both at least 1."""

Rectangle = tuple[int, int, int, int]
"""x, y, width and height, pixels."""

REACH: Final = 4.0
"""Distance from the picture, in picture sizes, to which points are clipped; points farther away
would overflow OpenCV's arithmetic."""


def to_pixels(points: ArrayLike, place: Rectangle, *, mirror: bool) -> NDArray[np.float32]:
    """Convert normalised points to pixels.

    Args:
        points: float (..., 2) as x, y, finite, 0...1 within the unmirrored picture.
        place: Where the picture lies on the canvas or screen.
        mirror: Whether the picture is shown mirrored.

    Returns:
        float32 (..., 2).
    """
    placed = np.asarray(points, dtype=np.float32).clip(-REACH, 1.0 + REACH)
    if mirror:
        placed[..., 0] = 1.0 - placed[..., 0]
    origin, size = np.array(place, dtype=np.float32).reshape(2, 2)
    placed *= size
    placed += origin
    return placed


def relative(size: Size, fraction: float, *, least: int = 1) -> int:
    """Return a fraction of the shorter side in whole pixels, at least `least`."""
    return max(least, round(min(size) * fraction))


@dataclass(frozen=True, slots=True)
class Capsules:
    """Lines and discs, painted in order; a line of length 0 is a disc.

    Painters may draw the ends of lines round or flat, so add a disc wherever an end is visible.

    Attributes:
        ends: float32 (n, 4) as x0, y0, x1, y1.
        radii: float32 (n,), half of a line's width.
        colours: uint8 (n, 3), red, green, blue.
    """

    ends: NDArray[np.float32]
    radii: NDArray[np.float32]
    colours: NDArray[np.uint8]

    def __len__(self) -> int:
        """Return the number of lines."""
        return len(self.radii)


NO_CAPSULES = Capsules(
    np.zeros((0, 4), np.float32), np.zeros(0, np.float32), np.zeros((0, 3), np.uint8)
)


def joined(parts: Sequence[Capsules]) -> Capsules:
    """Concatenate capsules, the first at the bottom."""
    if len(parts) == 1:
        return parts[0]
    parts = [NO_CAPSULES, *parts]
    return Capsules(
        np.concatenate([part.ends for part in parts]),
        np.concatenate([part.radii for part in parts]),
        np.concatenate([part.colours for part in parts]),
    )


@dataclass(frozen=True, slots=True)
class Stamp:
    """A small picture at a position, e.g. a panel or a badge.

    Attributes:
        picture: uint8 (height, width, 4), red, green, blue and opacity. Painters prepare each array
            once (see `StampCache`): to show the same picture again, pass the same array, unchanged.
        x: The left edge; may lie outside the canvas or screen.
        y: The upper edge; may lie outside the canvas or screen.
    """

    picture: NDArray[np.uint8]
    x: int
    y: int

    @property
    def place(self) -> Rectangle:
        """The rectangle that the picture covers."""
        height, width = self.picture.shape[:2]
        return self.x, self.y, width, height


@dataclass(frozen=True, slots=True)
class Drawing:
    """Everything that is painted over a picture, from bottom to top.

    Attributes:
        capsules: Lines and discs in the picture; a screen clips them at the picture's edges.
        stamps: Panels and badges, over the capsules, so that no line crosses a text.
    """

    capsules: Capsules = NO_CAPSULES
    stamps: Sequence[Stamp] = ()


Overlay = Callable[[Size, Rectangle], Drawing]
"""Function of a canvas's or screen's size, and the picture's place on it; returns the drawing."""


@dataclass(frozen=True, slots=True)
class Scene:
    """A picture, and how to draw over it at any size.

    The overlay is called when the scene is painted, with the resolution it is painted at: a screen
    of 1920x1080 gets sharp lines over the picture of a small camera.

    Attributes:
        size: Size of the picture, to which the image is scaled; without an image, the preferred
            size.
        overlay: Returns the drawing.
        image: uint8 (height, width, 3), or None for a black background. It belongs to a frame, and
            must not be read after the frame was released.
        order: The image's colour order.
        mirror: Whether to flip the image left to right; the overlay already takes it into account.
    """

    size: Size
    overlay: Overlay
    image: Image | None = None
    order: ColourOrder = "BGR"
    mirror: bool = False

    def without_image(self) -> Scene:
        """Return a copy without the image, which may outlive the frame."""
        return replace(self, image=None)
