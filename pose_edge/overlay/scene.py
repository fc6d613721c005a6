"""What is to be seen: a picture, and how to draw over it at any size."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace

from pose_edge.frames import ColourOrder, Image
from pose_edge.overlay.shapes import Drawing, Rectangle, Size

Overlay = Callable[[Size, Rectangle], Drawing]
"""Says what to draw, given the size of what is drawn on and the picture's place there."""


@dataclass(frozen=True, slots=True)
class Scene:
    """What a screen shows or a recording gets.

    The drawing is asked for only when it is painted, and for the resolution it is painted at: a
    screen of 1920x1080 gets sharp lines over the picture of a small camera.

    Attributes:
        size: Of the picture; where there is none, the size that suits best.
        overlay: What is drawn over it.
        image: uint8 (height, width, 3), or None for a dark ground. It belongs to its frame: nobody
            may read it when that was released.
        order: The image's order of colours.
        mirror: Whether left and right are flipped; the overlay knows of that.
    """

    size: Size
    overlay: Overlay
    image: Image | None = None
    order: ColourOrder = "BGR"
    mirror: bool = False

    def without_image(self) -> Scene:
        """Return a scene that may outlive the frame."""
        return replace(self, image=None)
