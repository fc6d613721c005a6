"""The numbers that tell several people apart, each on a dark badge above a head."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

import numpy as np
from numpy.typing import NDArray
from PIL import Image as PillowImage
from PIL import ImageDraw

from pose_edge.overlay.badge import rounded
from pose_edge.overlay.palette import INK, WHITE
from pose_edge.overlay.shapes import Stamp
from pose_edge.overlay.skeleton import HEAD, Figures
from pose_edge.overlay.typeset import Typeface
from pose_edge.poses import Pose

HEIGHT: Final = 1 / 22
"""Of the badge, in parts of the picture's shorter side."""

LEAST_HEIGHT: Final = 14
"""Pixels; smaller digits cannot be read."""

TEXT: Final = 0.82
"""Size of the font, in parts of the badge's height."""

KEPT: Final = 64
"""Badges that are kept: a number seldom changes, the size hardly ever."""


class Numbers:
    """Makes the badges, each once."""

    def __init__(self) -> None:
        """Start with none."""
        self._typeface = Typeface()
        self._badges: dict[tuple[int, int], NDArray[np.uint8]] = {}

    def stamps(self, poses: Sequence[Pose], figures: Figures) -> list[Stamp]:
        """Return a badge for each person with a number, the first person's on top.

        Args:
            poses: The persons; somebody alone needs no number.
            figures: The same persons, placed.
        """
        if len(poses) < 2:
            return []
        size = max(LEAST_HEIGHT, round(min(figures.place[2:]) * HEIGHT))
        found = []
        for index in reversed(range(len(poses))):
            number, visible = poses[index].id, figures.visible[index]
            if number is not None and visible.any():
                badge = self._badge(number, size)
                x, y = _above(figures, index, size)
                found.append(Stamp(badge, round(x - badge.shape[1] / 2), round(y - size)))
        return found

    def _badge(self, number: int, height: int) -> NDArray[np.uint8]:
        key = number, height
        if key not in self._badges:
            if len(self._badges) >= KEPT:
                self._badges.clear()
            self._badges[key] = self._render(str(number), height)
        return self._badges[key]

    def _render(self, text: str, height: int) -> NDArray[np.uint8]:
        font = self._typeface.font(round(height * TEXT))
        width = max(height, round(font.getlength(text) + height * 0.6))
        badge = PillowImage.new("RGBA", (width, height), (*INK, 0))
        badge.putalpha(rounded(width, height, height // 2, 1.0))
        ImageDraw.Draw(badge).text(
            (width / 2, height / 2), text, fill=WHITE, font=font, anchor="mm"
        )
        return np.asarray(badge)


def _above(figures: Figures, index: int, height: int) -> tuple[float, float]:
    """Return the middle of the badge's lower edge: above the head, or above whatever is highest."""
    points, visible = figures.points[index], figures.visible[index]
    head = points[HEAD][visible[HEAD]]
    anchors = head if len(head) else points[visible]
    x = float(anchors[:, 0].mean())
    # The face's keypoints end at the eyes; the top of the head is about as far above them as the
    # head is wide.
    y = float(anchors[:, 1].min() - (np.ptp(head[:, 0]) if len(head) else 0)) - height / 2
    left, top, width, _ = figures.place
    if left <= x < left + width:
        y = max(y, top + height + 1.0)  # a head at the upper edge keeps its number in the picture
    return x, y
