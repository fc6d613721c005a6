"""Text: fonts of any size, and lines that fit a width."""

from __future__ import annotations

from bisect import bisect_right
from dataclasses import dataclass
from typing import Final, Protocol

from PIL import Image as PillowImage
from PIL import ImageDraw, ImageFont

from pose_edge.overlay.palette import Colour

LINE_SPACING: Final = 1.4
"""From one baseline to the next, in parts of the font's size."""

ELLIPSIS: Final = "..."

KEPT_SIZES: Final = 4
KEPT_WORDS: Final = 512
"""Of one size; numbers that are not shown any more need not be kept for ever."""


@dataclass(frozen=True, slots=True)
class _Word:
    """A word as it is drawn.

    Attributes:
        mask: Its opacity, 8 bit.
        left: Of the mask, pixels from where the word begins.
        top: Of the mask, pixels from the baseline.
        length: Pixels to where what follows begins.
    """

    mask: PillowImage.Image
    left: int
    top: int
    length: float


class Lettering:
    """Writes rows of text word by word, each set once: most of a row stays when numbers change."""

    def __init__(self, font: ImageFont.FreeTypeFont) -> None:
        """Write in this font."""
        self._font = font
        self._space = font.getlength(" ")
        self._words: dict[str, _Word] = {}

    def getlength(self, text: str) -> float:
        """Return the pixels that a row takes."""
        words = text.split(" ")
        return sum(self._word(word).length for word in words) + self._space * (len(words) - 1)

    def write(
        self, picture: PillowImage.Image, x: float, baseline: int, text: str, colour: Colour
    ) -> None:
        """Write a row on an RGBA picture.

        Args:
            picture: Drawn on.
            x: Where the row begins, pixels.
            baseline: On which the letters stand, pixels from the upper edge.
            text: The row.
            colour: Of the letters.
        """
        for name in text.split(" "):
            word = self._word(name)
            corner = round(x) + word.left, baseline + word.top
            picture.paste((*colour, 255), corner, word.mask)
            x += word.length + self._space

    def _word(self, text: str) -> _Word:
        word = self._words.get(text)
        if word is None:
            if len(self._words) >= KEPT_WORDS:
                self._words.clear()
            word = self._words[text] = self._set(text)
        return word

    def _set(self, text: str) -> _Word:
        left, top, right, bottom = (round(edge) for edge in self._font.getbbox(text, anchor="ls"))
        mask = PillowImage.new("L", (max(1, right - left), max(1, bottom - top)))
        ImageDraw.Draw(mask).text((-left, -top), text, fill=255, font=self._font, anchor="ls")
        return _Word(mask, left, top, self._font.getlength(text))


class Typeface:
    """Pillow's built-in font, which no system has to provide, in any size."""

    def __init__(self) -> None:
        """Start with no size loaded."""
        self._fonts: dict[int, ImageFont.FreeTypeFont] = {}
        self._letterings: dict[int, Lettering] = {}

    def font(self, size: int) -> ImageFont.FreeTypeFont:
        """Return the font in a size in pixels; loading it takes some milliseconds, once."""
        if size not in self._fonts:
            font = ImageFont.load_default(size)
            assert isinstance(font, ImageFont.FreeTypeFont)
            self._fonts[size] = font
        return self._fonts[size]

    def lettering(self, size: int) -> Lettering:
        """Return what writes in a size in pixels, for texts that change a little and often."""
        if size not in self._letterings:
            if len(self._letterings) >= KEPT_SIZES:
                self._letterings.clear()
            self._letterings[size] = Lettering(self.font(size))
        return self._letterings[size]


class Measured(Protocol):
    """What can say how long a text is."""

    def getlength(self, text: str) -> float:
        """Return the pixels that a row of text takes."""


def wrap(text: str, font: Measured, width: float, max_rows: int) -> list[str]:
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
