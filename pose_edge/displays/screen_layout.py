"""Layout of a screen that may be mounted rotated."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final, Literal

import numpy as np
from numpy.typing import NDArray

from pose_edge.overlay import Rectangle, Size

Rotation = Literal[0, 90, 180, 270]
Fit = Literal["contain", "fill"]

QUARTER_TURN: Final = np.array([[0, -1], [1, 0]], np.float32)
"""Matrix of a rotation by 90 degrees clockwise, in coordinates whose y axis points down."""


def placed_picture(size: Size, room: Size, fit: Fit = "contain") -> Rectangle:
    """Return where a picture lies when it is scaled to an area, keeping its aspect ratio.

    Args:
        size: Size of the picture.
        room: Size of the area.
        fit: "contain" shows the whole picture, with bars beside it; "fill" covers the area, and
            cuts off what extends beyond it.

    Returns:
        The rectangle of the centred picture, in coordinates of the area; with "fill" it may extend
        beyond two opposite sides.
    """
    choose = min if fit == "contain" else max
    scale = choose(room[0] / size[0], room[1] / size[1])
    fitted = max(1, round(size[0] * scale)), max(1, round(size[1] * scale))
    return (room[0] - fitted[0]) // 2, (room[1] - fitted[1]) // 2, *fitted


@dataclass(frozen=True, slots=True)
class ScreenLayout:
    """A screen that may be mounted rotated.

    Everything is laid out upright, as a person sees it, and rotated when it is drawn.

    Attributes:
        screen: Size of the screen as the GPU sees it.
        rotation: Degrees clockwise by which everything is rotated.
        fit: See `placed_picture`.
    """

    screen: Size
    rotation: Rotation = 0
    fit: Fit = "contain"

    @property
    def size(self) -> Size:
        """The screen's size as a person sees it."""
        width, height = self.screen
        return (height, width) if self.rotation in (90, 270) else (width, height)

    def turned(self, points: NDArray[np.float32]) -> NDArray[np.float32]:
        """Convert upright points, float32 (n, 2), to the GPU's coordinates, same shape."""
        if self.rotation == 0:
            return points
        turn = np.linalg.matrix_power(QUARTER_TURN, self.rotation // 90)
        middle, screen_middle = (
            np.array(size, np.float32) / 2 for size in (self.size, self.screen)
        )
        return np.ascontiguousarray((points - middle) @ turn.T + screen_middle)

    def centred(self, place: Rectangle) -> tuple[float, float, float, float]:
        """Return the rectangle (x, y, width, height) to pass to SDL for an upright place.

        SDL rotates what it draws about the centre of that rectangle.
        """
        x, y, width, height = place
        middle = np.array([[x + width / 2, y + height / 2]], np.float32)
        ((middle_x, middle_y),) = self.turned(middle).tolist()
        return middle_x - width / 2, middle_y - height / 2, width, height

    def bounds(self, place: Rectangle) -> Rectangle:
        """Return the rectangle that an upright place covers in the GPU's coordinates."""
        x, y, width, height = place
        corners = self.turned(np.array([[x, y], [x + width, y + height]], np.float32))
        left, top = np.rint(corners.min(axis=0)).astype(int).tolist()
        right, bottom = np.rint(corners.max(axis=0)).astype(int).tolist()
        return left, top, right - left, bottom - top
