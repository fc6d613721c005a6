"""Where things lie on a screen, which may be mounted turned."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final, Literal

import numpy as np
from numpy.typing import NDArray

from pose_edge.overlay import Rectangle, Size

Rotation = Literal[0, 90, 180, 270]
Fit = Literal["contain", "fill"]

QUARTER_TURN: Final = np.array([[0, -1], [1, 0]], np.float32)
"""The matrix of a rotation by 90 degrees clockwise, where y goes down."""


def placed_picture(size: Size, room: Size, fit: Fit = "contain") -> Rectangle:
    """Fit a picture into a room, keeping its aspect.

    Args:
        size: Of the picture.
        room: Size of the room.
        fit: "contain" to show all of it, "fill" to leave no room beside it.

    Returns:
        The place of the centred picture. It touches two opposite sides of the room, or, where it
        fills the room, reaches beyond the other two.
    """
    choose = min if fit == "contain" else max
    scale = choose(room[0] / size[0], room[1] / size[1])
    fitted = max(1, round(size[0] * scale)), max(1, round(size[1] * scale))
    return (room[0] - fitted[0]) // 2, (room[1] - fitted[1]) // 2, *fitted


@dataclass(frozen=True, slots=True)
class ScreenLayout:
    """A screen that may be mounted turned: all is placed upright, and turned when it is drawn.

    Attributes:
        screen: Size of the screen as the GPU sees it.
        rotation: Degrees clockwise by which everything is turned.
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
        """Convert upright points, float32 (n, 2), to points as the GPU sees them."""
        if self.rotation == 0:
            return points
        turn = np.linalg.matrix_power(QUARTER_TURN, self.rotation // 90)
        middle, screen_middle = (
            np.array(size, np.float32) / 2 for size in (self.size, self.screen)
        )
        return np.ascontiguousarray((points - middle) @ turn.T + screen_middle)

    def centred(self, place: Rectangle) -> tuple[float, float, float, float]:
        """Return x, y, width and height of a rectangle that covers a place when turned.

        SDL turns what it draws about the middle of the rectangle that it gets.
        """
        x, y, width, height = place
        middle = np.array([[x + width / 2, y + height / 2]], np.float32)
        ((middle_x, middle_y),) = self.turned(middle).tolist()
        return middle_x - width / 2, middle_y - height / 2, width, height

    def bounds(self, place: Rectangle) -> Rectangle:
        """Return the rectangle that a place covers, as the GPU sees it."""
        x, y, width, height = place
        corners = self.turned(np.array([[x, y], [x + width, y + height]], np.float32))
        left, top = np.rint(corners.min(axis=0)).astype(int).tolist()
        right, bottom = np.rint(corners.max(axis=0)).astype(int).tolist()
        return left, top, right - left, bottom - top
