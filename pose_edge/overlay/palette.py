"""The colours of the overlay.

From the palette of Okabe and Ito, which people with any kind of colour blindness can tell apart:
blue against orange differs for all of them, and white differs from both in brightness.
"""

from __future__ import annotations

from typing import Final

from pose_edge.frames import ColourOrder

Colour = tuple[int, int, int]
"""Red, green, blue, each 0...255."""

SKY_BLUE: Final[Colour] = (86, 180, 233)
ORANGE: Final[Colour] = (240, 160, 0)
YELLOW: Final[Colour] = (240, 228, 66)
WHITE: Final[Colour] = (255, 255, 255)
GREY: Final[Colour] = (200, 206, 212)
INK: Final[Colour] = (16, 19, 23)
"""Nearly black: outlines, panels and the ground of a message."""


def ordered(colour: Colour, order: ColourOrder) -> Colour:
    """Return a colour with its parts in the picture's order."""
    red, green, blue = colour
    return colour if order == "RGB" else (blue, green, red)
