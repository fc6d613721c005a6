"""A message that is shown in place of the picture, e.g. while there is no camera."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

import numpy as np
from numpy.typing import NDArray

from pose_edge.overlay.palette import GREY, INK, WHITE, YELLOW
from pose_edge.overlay.scene import Size, relative
from pose_edge.overlay.typeset import LINE_SPACING, load_font, wrap

TITLE: Final = 1 / 11
"""Font size of the title, as a fraction of the picture's shorter side."""
TEXT: Final = 1 / 21
"""Font size of the text, as a fraction of the picture's shorter side."""
RULE: Final = 1 / 120
"""Height of the rule between title and text, as a fraction of the picture's shorter side."""

LEAST_TITLE: Final = 12
LEAST_TEXT: Final = 10
"""Minimum font sizes of title and text, pixels."""

WIDTH: Final = 0.86
"""Maximum width of the text, as a fraction of the picture's width."""

TITLE_SPACING: Final = 1.2
"""Line height of the title, as a multiple of its font size."""
GAP: Final = 1.2
"""Space above the rule, as a multiple of the text's font size."""

TITLE_ROWS: Final = 2
TEXT_ROWS: Final = 3
"""Maximum number of rows of the title, and of each line of the text."""


def message_picture(size: Size, title: str, lines: Sequence[str]) -> NDArray[np.uint8]:
    """Return a picture with a message, to be shown instead of a stale or black picture.

    This takes some milliseconds: call it when the message changes, not for every picture shown.

    Args:
        size: Size of the picture.
        title: A few words, e.g. "No camera".
        lines: Details; long lines are wrapped.

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
