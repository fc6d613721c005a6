"""Badges: numbers beside people's heads that tell several people apart."""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from functools import lru_cache
from typing import Final

import numpy as np
from numpy.typing import NDArray

from pose_edge.overlay.figures import FACE, HEAD, NECK, Figures
from pose_edge.overlay.palette import INK, WHITE, Colour, person_colour
from pose_edge.overlay.placement import SteadyChoice, hidden_points, shown_part
from pose_edge.overlay.scene import Rectangle, Size, Stamp
from pose_edge.overlay.skeleton import ColourBy
from pose_edge.overlay.typeset import load_font, rounded_rectangle

BADGE: Final = 1 / 18
"""Height of a badge, as a fraction of the picture's shorter side."""

LEAST_BADGE: Final = 18
"""Minimum height of a badge, pixels: smaller digits are illegible."""

DIGITS: Final = 0.7
"""Font size of the digits, as a fraction of the badge's height."""

SIDES: Final = 0.6
"""Space beside the digits, sum of both sides, as a fraction of the badge's height."""

RIM: Final = 0.07
"""Width of the rim, as a fraction of the badge's height; it makes badges visible on dark areas."""

HEAD_RADIUS: Final = 0.075
"""Radius that includes a head, as a fraction of the person's height: half of a head's height, and
more than half of its width."""

GAP: Final = 0.2
"""Space between a badge and the head, as a fraction of the badge's height."""

CACHED_BADGES: Final = 64
"""Maximum number of rendered badges in the cache: enough for everybody in view, on a screen and in
a recording of another size."""

HALVES: Final = (0.0, 0.5, 1.0)
"""Grid, as fractions of a badge's width and height, of the points that later badges must not
cover."""

OUTSIDE: Final = 1000
"""Cost of a position outside the picture, higher than that of any position inside."""

UNSEEN_NS: Final = 2_000_000_000
"""How long the side of a person's badge is remembered after it was last drawn, nanoseconds."""


class Badges:
    """The badges of a run, each on the side of the head where it hides the least of the people."""

    def __init__(self, clock_ns: Callable[[], int] = time.monotonic_ns) -> None:
        """Create the badges, with nobody known; `clock_ns` returns monotonic nanoseconds."""
        self._clock_ns = clock_ns
        self._sides: dict[int, tuple[SteadyChoice, int]] = {}

    def stamps(
        self, numbers: Sequence[int | None], figures: Figures, size: Size, colour_by: ColourBy
    ) -> list[Stamp]:
        """Return a badge for each person with a number, the first person's on top.

        Args:
            numbers: Number of each person, or None; a single person gets no badge.
            figures: The same people, placed on the canvas or screen.
            size: Size of the canvas or screen.
            colour_by: See `skeletons`.
        """
        if len(numbers) < 2:
            return []
        now_ns = self._clock_ns()
        picture = shown_part(size, figures.place)
        height = max(LEAST_BADGE, round(min(figures.place[2:]) * BADGE))
        heights = figures.heights()
        people = figures.outline()
        stamps: list[Stamp] = []
        for index, number in enumerate(numbers):
            if number is None or not figures.visible[index].any():
                continue
            colour = INK if colour_by == "side" else person_colour(number)
            badge = _badge(number, height, colour)
            area = badge.shape[1], badge.shape[0]
            positions = _positions(figures, index, float(heights[index]), area)
            side, _ = self._sides.get(number, (SteadyChoice(), 0))
            self._sides[number] = side, now_ns
            if side.due(now_ns):
                hidden = hidden_points(positions, area, people, height / 8)
                side.update(
                    [
                        cost + OUTSIDE * (not _within(position, area, picture))
                        for position, cost in zip(positions, hidden, strict=True)
                    ],
                    now_ns,
                )
            x, y = _kept_inside(positions[side.chosen], area, picture)
            stamps.append(Stamp(badge, round(x), round(y)))
            taken = [(x + area[0] * i, y + area[1] * j) for i in HALVES for j in HALVES]
            people = np.concatenate([people, np.array(taken, np.float32)])
        self._forget(now_ns)
        return stamps[::-1]

    def _forget(self, now_ns: int) -> None:
        sides = self._sides.items()
        self._sides = {one: kept for one, kept in sides if now_ns - kept[1] < UNSEEN_NS}


@lru_cache(CACHED_BADGES)  # `Stamp` needs the same array each time
def _badge(number: int, height: int, colour: Colour) -> NDArray[np.uint8]:
    """Return the picture of a badge, with a rim and digits that contrast with its colour."""
    other = WHITE if colour == INK else INK
    rim = max(1, round(height * RIM))
    font = load_font(round(height * DIGITS))
    width = max(height, round(font.getlength(str(number)) + height * SIDES))
    from PIL import Image as PillowImage
    from PIL import ImageDraw

    badge = PillowImage.new("RGBA", (width, height), (*other, 0))
    badge.putalpha(rounded_rectangle((width, height), height // 2, 1.0))
    inner = width - 2 * rim, height - 2 * rim
    badge.paste((*colour, 255), (rim, rim), rounded_rectangle(inner, inner[1] // 2, 1.0))
    ImageDraw.Draw(badge).text(
        (width / 2, height / 2), str(number), fill=other, font=font, anchor="mm"
    )
    return np.asarray(badge)


def _positions(figures: Figures, index: int, tall: float, area: Size) -> list[tuple[float, float]]:
    """Return the possible positions of a badge: right of the head, left of it, and above it.

    Args:
        figures: The people.
        index: Index of the person.
        tall: The person's height, pixels.
        area: Size of the badge.
    """
    points, visible = figures.points[index], figures.visible[index]
    width, height = area
    anchor = HEAD if visible[HEAD] else NECK if visible[NECK] else None
    x, y = (points[anchor] if anchor is not None else points[visible].mean(axis=0)).tolist()
    face = points[FACE][visible[FACE]]
    right, left = (face[:, 0].max(), face[:, 0].min()) if len(face) else (x, x)
    radius, gap = max(tall * HEAD_RADIUS, height / 3), height * GAP
    middle = y - radius * 0.4 - height / 2  # the nose is below the middle of the head
    return [
        (max(float(right), x + radius) + gap, middle),
        (min(float(left), x - radius) - gap - width, middle),
        (x - width / 2, y - 1.3 * radius - gap - height),
    ]


def _within(position: tuple[float, float], area: Size, picture: Rectangle) -> bool:
    x, y = position
    left, top, width, height = picture
    return left <= x <= left + width - area[0] and top <= y <= top + height - area[1]


def _kept_inside(
    position: tuple[float, float], area: Size, picture: Rectangle
) -> tuple[float, float]:
    """Return the nearest position at which a badge lies inside the picture."""
    x, y = position
    left, top, width, height = picture
    return (
        min(max(x, left), max(left, left + width - area[0])),
        min(max(y, top), max(top, top + height - area[1])),
    )
