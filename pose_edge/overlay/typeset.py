"""Text: fonts of any size, and lines that fit a width."""

from __future__ import annotations

from bisect import bisect_right
from typing import Final

from PIL import ImageFont

LINE_SPACING: Final = 1.4
"""From one baseline to the next, in parts of the font's size."""

ELLIPSIS: Final = "..."


class Typeface:
    """Pillow's built-in font, which no system has to provide, in any size."""

    def __init__(self) -> None:
        """Start with no size loaded."""
        self._fonts: dict[int, ImageFont.FreeTypeFont] = {}

    def font(self, size: int) -> ImageFont.FreeTypeFont:
        """Return the font in a size in pixels; loading it takes some milliseconds, once."""
        if size not in self._fonts:
            font = ImageFont.load_default(size)
            assert isinstance(font, ImageFont.FreeTypeFont)
            self._fonts[size] = font
        return self._fonts[size]


def wrap(text: str, font: ImageFont.FreeTypeFont, width: float, max_rows: int) -> list[str]:
    """Break a text into rows.

    Args:
        text: Any text; what cannot be printed, line breaks too, becomes a space.
        font: The font it will be drawn in.
        width: Pixels that a row may take.
        max_rows: How many rows there may be, at least 1; what is left over is cut off with "...".

    Returns:
        At least one row. Each fits the width, unless that is too small for a single letter.
    """

    def fitting(part: str, room: float) -> int:
        """Return how many of the first letters fit."""
        if font.getlength(part) <= room:  # nearly always, and measuring is slow
            return len(part)
        return bisect_right(range(1, len(part) + 1), room, key=lambda n: font.getlength(part[:n]))

    rest = "".join(letter if letter.isprintable() else " " for letter in text).strip()
    rows: list[str] = []
    while len(rows) < max_rows - 1 and fitting(rest, width) < len(rest):
        count = max(1, fitting(rest, width))
        space = rest.rfind(" ", 1, count + 1)
        cut = space if space > 0 else count
        rows.append(rest[:cut].rstrip())
        rest = rest[cut:].lstrip()
    if fitting(rest, width) < len(rest):
        rest = rest[: fitting(rest, width - font.getlength(ELLIPSIS))].rstrip() + ELLIPSIS
    return [*rows, rest]
