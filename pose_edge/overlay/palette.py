"""All colours of the overlay.

They are based on the palette of Okabe and Ito, which people with any kind of colour blindness can
tell apart: blue and orange differ for all of them, and white differs from both in brightness.
"""

from __future__ import annotations

from typing import Final

from pose_edge.poses import Keypoint

Colour = tuple[int, int, int]
"""Red, green, blue, each 0...255."""

SKY_BLUE: Final[Colour] = (86, 180, 233)
ORANGE: Final[Colour] = (240, 160, 0)
YELLOW: Final[Colour] = (240, 228, 66)
GREEN: Final[Colour] = (0, 178, 130)
VERMILION: Final[Colour] = (232, 94, 20)
PURPLE: Final[Colour] = (222, 140, 184)
WHITE: Final[Colour] = (255, 255, 255)
GREY: Final[Colour] = (200, 206, 212)
INK: Final[Colour] = (16, 19, 23)
"""Nearly black, for outlines, panels and the background of a message."""

LEFT: Final = SKY_BLUE
"""Colour of the person's own left side, mirrored or not."""
RIGHT: Final = ORANGE
MIDDLE: Final = WHITE
"""Colour of the nose, and of limbs between two keypoints of different colours."""

KEYPOINT_COLOURS: Final[dict[Keypoint, Colour]] = {
    # In COCO's order the left keypoints are odd and the right ones even, but for the nose.
    point: MIDDLE if point is Keypoint.NOSE else LEFT if point % 2 else RIGHT
    for point in Keypoint
}

PERSON_COLOURS: Final = (ORANGE, SKY_BLUE, YELLOW, GREEN, PURPLE, VERMILION)
"""Colours of people, by their numbers, where skeletons are coloured by person."""


def limb_colour(a: Keypoint, b: Keypoint) -> Colour:
    """Return the colour of the line between two keypoints."""
    colour = KEYPOINT_COLOURS[a]
    return colour if colour == KEYPOINT_COLOURS[b] else MIDDLE


def person_colour(number: int | None) -> Colour:
    """Return the colour of the person with a number, from 1; `MIDDLE` without a number."""
    return MIDDLE if number is None else PERSON_COLOURS[(number - 1) % len(PERSON_COLOURS)]
