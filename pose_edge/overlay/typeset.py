"""Text: the font, rows that fit a width, and the rounded background behind them."""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Callable
from functools import lru_cache
from typing import TYPE_CHECKING, Final

import numpy as np
from numpy.typing import NDArray

from pose_edge.overlay.palette import Colour
from pose_edge.overlay.scene import Size

if TYPE_CHECKING:
    from PIL import Image as PillowImage
    from PIL import ImageFont

LINE_SPACING: Final = 1.4
"""From one baseline to the next, as a multiple of the font's size."""

ELLIPSIS: Final = "..."

CACHED_WORDS: Final = 512
"""Words of one font size that are kept; old numbers in them are not shown again."""


def load_font(size: int) -> ImageFont.FreeTypeFont:
    """Return Pillow's built-in font, which no system has to provide, in a size in pixels."""
    from PIL import ImageFont

    font = ImageFont.load_default(size)
    assert isinstance(font, ImageFont.FreeTypeFont)
    return font


class Lettering:
    """Writes rows of text word by word, each rendered once: numbers change, most words stay."""

    def __init__(self, size: int) -> None:
        """Write in a size in pixels."""
        self._font = load_font(size)
        self._space = self._font.getlength(" ")
        self._word = lru_cache(CACHED_WORDS)(self._render)

    def length(self, text: str) -> float:
        """Return the width of a row, pixels."""
        lengths = [self._word(word)[2] for word in text.split(" ")]
        return sum(lengths) + self._space * (len(lengths) - 1)

    def write(
        self, picture: PillowImage.Image, x: float, baseline: int, text: str, colour: Colour
    ) -> None:
        """Write a row on an RGBA picture.

        Args:
            picture: Written on.
            x: Where the row begins, pixels.
            baseline: Where the letters stand, pixels from the upper edge.
            text: The row.
            colour: Of the letters.
        """
        for word in text.split(" "):
            mask, (left, top), length = self._word(word)
            picture.paste((*colour, 255), (round(x) + left, baseline + top), mask)
            x += length + self._space

    def _render(self, word: str) -> tuple[PillowImage.Image, tuple[int, int], float]:
        """Return a word's opacity, its offset from the start of the baseline, and its length."""
        left, top, right, bottom = (round(edge) for edge in self._font.getbbox(word, anchor="ls"))
        from PIL import Image as PillowImage
        from PIL import ImageDraw

        mask = PillowImage.new("L", (max(1, right - left), max(1, bottom - top)))
        ImageDraw.Draw(mask).text((-left, -top), word, fill=255, font=self._font, anchor="ls")
        return mask, (left, top), self._font.getlength(word)


def wrap(text: str, length: Callable[[str], float], width: float, max_rows: int) -> list[str]:
    """Break a text into rows.

    Args:
        text: Any text; what cannot be printed, line breaks too, becomes a space.
        length: Returns the width of a row in the font it will be drawn in, pixels.
        width: Pixels that a row may take.
        max_rows: How many rows there may be, at least 1; the rest is cut off with "...".

    Returns:
        At least one row. Each fits the width, unless that is too small for a single letter.
    """

    def fitting(part: str, room: float) -> int:
        """Return how many of the first letters fit."""
        if length(part) <= room:  # nearly always, and measuring is slow
            return len(part)
        return bisect_right(range(1, len(part) + 1), room, key=lambda n: length(part[:n]))

    rest = "".join(letter if letter.isprintable() else " " for letter in text).strip()
    rows: list[str] = []
    while len(rows) < max_rows - 1 and fitting(rest, width) < len(rest):
        count = max(1, fitting(rest, width))
        space = rest.rfind(" ", 1, count + 1)
        cut = space if space > 0 else count
        rows.append(rest[:cut].rstrip())
        rest = rest[cut:].lstrip()
    if fitting(rest, width) < len(rest):
        rest = rest[: fitting(rest, width - length(ELLIPSIS))].rstrip() + ELLIPSIS
    return [*rows, rest]


def rounded_rectangle(size: Size, radius: int, opacity: float) -> PillowImage.Image:
    """Return the opacity of a rectangle with smooth round corners, as an 8-bit picture.

    Args:
        size: Of the rectangle.
        radius: Of the corners, pixels; limited to half of the shorter side.
        opacity: 0...1 inside.
    """
    width, height = size
    radius = min(radius, width // 2, height // 2)
    inset = np.append(np.arange(radius, 0, -1) - 0.5, 0)  # 0: further inside than the corner
    corner = np.clip(radius + 0.5 - np.hypot(inset[:, None], inset), 0, 1)
    alpha = np.rint(corner * opacity * 255).astype(np.uint8)

    def from_edge(length: int) -> NDArray[np.int64]:
        """Return each pixel's distance from the nearer end, at most the radius."""
        place = np.arange(length)
        return np.minimum(np.minimum(place, place[::-1]), radius)

    from PIL import Image as PillowImage

    return PillowImage.fromarray(alpha[from_edge(height)[:, None], from_edge(width)])
