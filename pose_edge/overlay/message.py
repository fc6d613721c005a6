"""A picture that says why there is no picture."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

import numpy as np
from numpy.typing import NDArray

from pose_edge.overlay.palette import GREY, INK, WHITE, YELLOW
from pose_edge.overlay.scene import Size, relative
from pose_edge.overlay.typeset import LINE_SPACING, load_font, wrap

TITLE: Final = 1 / 11
"""Size of the title's font, as a fraction of the picture's shorter side."""
TEXT: Final = 1 / 21
"""Size of the text's font, likewise."""
RULE: Final = 1 / 120
"""Height of the rule between title and text, likewise."""

LEAST_TITLE: Final = 12
LEAST_TEXT: Final = 10
"""Least sizes of the fonts, pixels."""

WIDTH: Final = 0.86
"""Fraction of the picture's width that the text may take."""

TITLE_SPACING: Final = 1.2
"""From one row of the title to the next, as a multiple of the font's size."""
GAP: Final = 1.2
"""Space above the rule, as a multiple of the text's size."""

TITLE_ROWS: Final = 2
TEXT_ROWS: Final = 3
"""Most rows of the title, and of each line of the text."""


def message_picture(size: Size, title: str, lines: Sequence[str]) -> NDArray[np.uint8]:
    """Return a picture with a message, to be shown instead of a stale or black one.

    It takes some milliseconds: call it when the message changes, not for every picture shown.

    Args:
        size: Of the picture.
        title: A few words, e.g. "No camera".
        lines: What is known about it; long ones are broken.

    Returns:
        uint8 (height, width, 4) as in `Stamp`, opaque.
    """
    width, height = size
    title_font = load_font(relative(size, TITLE, least=LEAST_TITLE))
    font = load_font(relative(size, TEXT, least=LEAST_TEXT))
    room = width * WIDTH
    title_rows = wrap(title, title_font.getlength, room, TITLE_ROWS)
    rows = [row for line in lines for row in wrap(line, font.getlength, room, TEXT_ROWS)]

    from PIL import Image as PillowImage
    from PIL import ImageDraw

    picture = PillowImage.new("RGBA", (width, height), (*INK, 255))
    draw = ImageDraw.Draw(picture)
    title_step, step = title_font.size * TITLE_SPACING, font.size * LINE_SPACING
    rule = relative(size, RULE)
    gap = font.size * GAP
    total = len(title_rows) * title_step + rule + 2 * gap + len(rows) * step
    y = (height - total) / 2
    for row in title_rows:
        y += title_step
        draw.text((width / 2, y), row, fill=WHITE, font=title_font, anchor="ms")
    y += gap
    top = round(y)
    draw.rectangle((width / 2 - gap * 2, top, width / 2 + gap * 2, top + rule - 1), fill=YELLOW)
    y += rule + gap * 0.6  # a row adds its own space above the letters
    for row in rows:
        y += step
        draw.text((width / 2, y), row, fill=GREY, font=font, anchor="ms")

    return np.asarray(picture)
