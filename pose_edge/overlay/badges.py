"""Numbers that tell several people apart, beside their heads."""

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
"""Least height of a badge, pixels: smaller digits cannot be read."""

DIGITS: Final = 0.7
"""Size of the font, as a fraction of the badge's height."""

SIDES: Final = 0.6
"""Space beside the digits, both sides together, likewise."""

RIM: Final = 0.07
"""Width of the rim, likewise: without it a badge cannot be seen on what is dark."""

HEAD_RADIUS: Final = 0.075
"""Half of a head's height, and more than half of its width, as a fraction of a person's."""

GAP: Final = 0.2
"""Space between a badge and the head, as a fraction of the badge's height."""

CACHED_BADGES: Final = 64
"""Enough for all people in sight, on a screen and in a recording of another size."""

HALVES: Final = (0.0, 0.5, 1.0)
"""Where in a badge the points lie that other badges keep off."""

OUTSIDE: Final = 1000
"""Cost of a place outside the picture: more than that of any place inside."""

UNSEEN_NS: Final = 2_000_000_000
"""How long the side of a person's badge is kept after it was last drawn."""


class Badges:
    """The badges of a run, each on the side of the head where it hides the least."""

    def __init__(self, clock_ns: Callable[[], int] = time.monotonic_ns) -> None:
        """Start without a person; `clock_ns` gives nanoseconds that only increase."""
        self._clock_ns = clock_ns
        self._sides: dict[int, tuple[SteadyChoice, int]] = {}

    def stamps(
        self, numbers: Sequence[int | None], figures: Figures, size: Size, colour_by: ColourBy
    ) -> list[Stamp]:
        """Return a badge for each person with a number, the first person's on top.

        Args:
            numbers: Of the people; a single person needs none.
            figures: The same people, placed.
            size: Of the canvas or screen.
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


@lru_cache(CACHED_BADGES)  # the same array each time, as `Stamp` asks for
def _badge(number: int, height: int, colour: Colour) -> NDArray[np.uint8]:
    """Return a badge in a colour, with a rim and digits that differ from it."""
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
    """Return where a badge may lie: right and left of the head, above it.

    Args:
        figures: The people.
        index: Which of them.
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
    """Return the position next to another one at which a badge lies inside the picture."""
    x, y = position
    left, top, width, height = picture
    return (
        min(max(x, left), max(left, left + width - area[0])),
        min(max(y, top), max(top, top + height - area[1])),
    )
