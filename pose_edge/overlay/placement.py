"""Placement of panels and badges: beside the people, and with hysteresis against jumping."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Final

import numpy as np
from numpy.typing import NDArray

from pose_edge.overlay.scene import Rectangle, Size

MEMORY_NS: Final = 2_000_000_000
"""Time constant of the moving average of each place's cost, nanoseconds. A hand that waves across a
place thus also counts while it is elsewhere."""

BETTER: Final = 0.5
"""Hysteresis: how much lower the average cost of another place must be before something moves
there."""

LOOK_NS: Final = 100_000_000
"""Interval between two searches for a better place, nanoseconds."""

CORNERS: Final = ((0, 0), (1, 0), (0, 1), (1, 1))
"""The corners, each as (is right, is bottom); the first one is preferred."""


def shown_part(size: Size, place: Rectangle) -> Rectangle:
    """Return the part of a picture that is on the screen, in the screen's pixels.

    Args:
        size: Size of the screen.
        place: Where the picture lies; it may extend beyond the screen.
    """
    x, y, width, height = place
    left, top = max(0, x), max(0, y)
    right, bottom = min(size[0], x + width), min(size[1], y + height)
    return left, top, max(1, right - left), max(1, bottom - top)


def in_a_bar(panel: Size, size: Size, place: Rectangle, margin: int) -> tuple[int, int] | None:
    """Return the position of a panel in a bar above or left of the picture, or None.

    Args:
        panel: Size of the panel.
        size: Size of the screen.
        place: Where the picture lies.
        margin: Preferred space between the panel and the edges of a bar, pixels. A bar is used if
            at least half of this space remains.
    """
    for axis in (1, 0):  # the bar above the picture, then the one on its left
        spare = place[axis] - panel[axis]
        room = size[1 - axis] - panel[1 - axis]
        if spare >= margin and room >= margin:
            across, along = min(margin, spare // 2), min(margin, room // 2)
            return (along, across) if axis == 1 else (across, along)
    return None


def corner_positions(panel: Size, picture: Rectangle, margin: int) -> list[tuple[int, int]]:
    """Return the position of a panel in each of the `CORNERS` of a picture."""
    x, y, width, height = picture
    rooms = max(0, width - panel[0]), max(0, height - panel[1])
    margins = min(margin, rooms[0] // 2), min(margin, rooms[1] // 2)
    return [
        (
            x + (rooms[0] - margins[0] if right else margins[0]),
            y + (rooms[1] - margins[1] if bottom else margins[1]),
        )
        for right, bottom in CORNERS
    ]


def hidden_points(
    positions: Sequence[tuple[float, float]], size: Size, points: NDArray[np.float32], reach: float
) -> list[int]:
    """Return how many points a rectangle would hide at each of several positions.

    Args:
        positions: Possible positions of the rectangle's upper left corner.
        size: Size of the rectangle.
        points: float32 (n, 2), pixels.
        reach: Distance from the rectangle, pixels, up to which a point also counts as hidden.
    """
    first = np.array(positions, np.float32)[:, None] - reach
    last = first + np.array([size[0] + 2 * reach, size[1] + 2 * reach], np.float32)
    inside = ((points > first) & (points < last)).all(axis=2)
    counts: list[int] = inside.sum(axis=1).tolist()
    return counts


class SteadyChoice:
    """A choice of one of several places, kept until another has been better for some time.

    Attributes:
        chosen: Index of the chosen place.
    """

    def __init__(self) -> None:
        """Choose the first place until the costs are known."""
        self.chosen = 0
        self._averages: list[float] = []
        self._looked_ns = 0

    def due(self, now_ns: int) -> bool:
        """Return whether it is time to search for a better place, see `LOOK_NS`."""
        return not self._averages or now_ns - self._looked_ns >= LOOK_NS

    def update(self, costs: Sequence[float], now_ns: int, *, at_once: bool = False) -> int:
        """Choose the place with the lowest average cost, and return its index.

        The present place is kept unless another one is better by more than `BETTER`. Of equally
        good places, the first one is chosen.

        Args:
            costs: Cost of each place now.
            now_ns: The time, monotonic nanoseconds.
            at_once: Whether to ignore earlier costs and skip the hysteresis, e.g. for still images.
        """
        first = not self._averages
        if first or at_once:
            self._averages = list(costs)
        else:
            weight = 1 - math.exp((self._looked_ns - now_ns) / MEMORY_NS)
            pairs = zip(self._averages, costs, strict=True)
            self._averages = [old + (new - old) * weight for old, new in pairs]
        self._looked_ns = now_ns
        best = min(range(len(costs)), key=self._averages.__getitem__)
        gain = self._averages[self.chosen] - self._averages[best]
        if first or gain > (0 if at_once else BETTER):
            self.chosen = best
        return self.chosen
