"""The numbers that tell several people apart, each on a dark badge above a head."""

from __future__ import annotations

from collections.abc import Sequence
from functools import lru_cache
from typing import Final

import numpy as np
from numpy.typing import NDArray
from PIL import Image as PillowImage
from PIL import ImageDraw

from pose_edge.overlay.palette import INK, WHITE
from pose_edge.overlay.scene import Stamp
from pose_edge.overlay.skeleton import HEAD, Figures
from pose_edge.overlay.typeset import load_font, rounded_rectangle
from pose_edge.poses import Pose

HEIGHT: Final = 1 / 22
"""Height of a badge, as a fraction of the picture's shorter side."""

LEAST_HEIGHT: Final = 14
"""Least height of a badge, pixels: smaller digits cannot be read."""

TEXT: Final = 0.82
"""Size of the font, as a fraction of the badge's height."""

SIDES: Final = 0.6
"""Space beside the digits, both sides together, as a fraction of the badge's height."""

CACHED_BADGES: Final = 64
"""Enough for all people in sight, on a screen and in a recording of another size."""


def number_stamps(poses: Sequence[Pose], figures: Figures) -> list[Stamp]:
    """Return a badge for each person with a number, the first person's on top.

    Args:
        poses: The people; a single person needs no number.
        figures: The same people, placed.
    """
    if len(poses) < 2:
        return []
    height = max(LEAST_HEIGHT, round(min(figures.place[2:]) * HEIGHT))
    stamps = []
    for index in reversed(range(len(poses))):
        number = poses[index].id
        if number is not None and figures.visible[index].any():
            badge = _badge(number, height)
            x, y = _above(figures, index, height)
            stamps.append(Stamp(badge, round(x - badge.shape[1] / 2), round(y - height)))
    return stamps


@lru_cache(CACHED_BADGES)  # the same array each time, as `Stamp` asks for
def _badge(number: int, height: int) -> NDArray[np.uint8]:
    font = load_font(round(height * TEXT))
    width = max(height, round(font.getlength(str(number)) + height * SIDES))
    badge = PillowImage.new("RGBA", (width, height), (*INK, 0))
    badge.putalpha(rounded_rectangle((width, height), height // 2, 1.0))
    ImageDraw.Draw(badge).text(
        (width / 2, height / 2), str(number), fill=WHITE, font=font, anchor="mm"
    )
    return np.asarray(badge)


def _above(figures: Figures, index: int, height: int) -> tuple[float, float]:
    """Return the middle of a badge's lower edge: above the head, or above the highest keypoint."""
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
