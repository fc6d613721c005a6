"""Text: the font, wrapping into rows, and rounded rectangles as backgrounds."""

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
"""Distance between two baselines, as a multiple of the font size."""

ELLIPSIS: Final = "..."

CACHED_WORDS: Final = 512
"""Maximum number of rendered words cached for one font size; old numbers are evicted."""


def load_font(size: int) -> ImageFont.FreeTypeFont:
    """Return Pillow's built-in font in a size in pixels; the system need not provide a font."""
    from PIL import ImageFont

    font = ImageFont.load_default(size)
    assert isinstance(font, ImageFont.FreeTypeFont)
    return font


class Lettering:
    """Writes rows of text from cached words, because most words stay while numbers change."""

    def __init__(self, size: int) -> None:
        """Create the lettering for a font size in pixels."""
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
            picture: The picture, changed in place.
            x: Left end of the row, pixels.
            baseline: The row's baseline, pixels from the upper edge.
            text: The row.
            colour: Colour of the letters.
        """
        for word in text.split(" "):
            mask, (left, top), length = self._word(word)
            picture.paste((*colour, 255), (round(x) + left, baseline + top), mask)
            x += length + self._space

    def _render(self, word: str) -> tuple[PillowImage.Image, tuple[int, int], float]:
        """Return a word's mask, its offset from the start of the baseline, and the word's width."""
        left, top, right, bottom = (round(edge) for edge in self._font.getbbox(word, anchor="ls"))
        from PIL import Image as PillowImage
        from PIL import ImageDraw

        mask = PillowImage.new("L", (max(1, right - left), max(1, bottom - top)))
        ImageDraw.Draw(mask).text((-left, -top), word, fill=255, font=self._font, anchor="ls")
        return mask, (left, top), self._font.getlength(word)


def wrap(text: str, length: Callable[[str], float], width: float, max_rows: int) -> list[str]:
    """Wrap a text into rows.

    Args:
        text: Any text; unprintable characters, including line breaks, become spaces.
        length: Returns the width of a row in the font of the text, pixels.
        width: Maximum width of a row, pixels.
        max_rows: Maximum number of rows, at least 1; the rest of the text is replaced by "...".

    Returns:
        At least one row. Each fits the width, unless that is too small for a single letter.
    """

    def fitting(part: str, room: float) -> int:
        """Return how many of the first letters fit."""
        if length(part) <= room:  # the usual case; measuring is slow
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
    """Return the opacity mask of a rectangle with anti-aliased round corners, 8 bits a pixel.

    Args:
        size: Size of the rectangle.
        radius: Radius of the corners, pixels; limited to half of the shorter side.
        opacity: Opacity inside the rectangle, 0...1.
    """
    width, height = size
    radius = min(radius, width // 2, height // 2)
    inset = np.append(np.arange(radius, 0, -1) - 0.5, 0)  # 0: beyond the corner's radius
    corner = np.clip(radius + 0.5 - np.hypot(inset[:, None], inset), 0, 1)
    alpha = np.rint(corner * opacity * 255).astype(np.uint8)

    def from_edge(length: int) -> NDArray[np.int64]:
        """Return each pixel's distance from the nearer edge, limited to the radius."""
        place = np.arange(length)
        return np.minimum(np.minimum(place, place[::-1]), radius)

    from PIL import Image as PillowImage

    return PillowImage.fromarray(alpha[from_edge(height)[:, None], from_edge(width)])
