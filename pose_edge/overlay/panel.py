"""Panels: a few lines of text on a dark background with round corners."""

from __future__ import annotations

from collections.abc import Sequence
from functools import lru_cache
from typing import Final, Literal, NamedTuple

import numpy as np
from numpy.typing import NDArray

from pose_edge.overlay.palette import GREY, INK, WHITE, YELLOW, Colour
from pose_edge.overlay.typeset import LINE_SPACING, Lettering, rounded_rectangle, wrap

LineKind = Literal["figure", "detail", "fault"]

COLOURS: Final[dict[LineKind, Colour]] = {"figure": WHITE, "detail": GREY, "fault": YELLOW}

SIZES: Final[dict[LineKind, float]] = {"figure": 1.0, "detail": 0.7, "fault": 0.7}
"""Font sizes relative to that of figures, which are to be read from a distance of three metres."""

MAX_ROWS: Final[dict[LineKind, int]] = {"figure": 2, "detail": 2, "fault": 3}
"""Maximum number of rows into which a line is wrapped."""

LEAST_TEXT: Final = 12
"""Minimum size of any font, pixels."""

ASCENT: Final = 0.76
"""Height of letters above their baseline, as a multiple of the font size."""

PADDING: Final = 0.45
"""Space above and below the text, as a multiple of the font size."""

SIDES: Final = 0.6
"""Space on the left and on the right of the text, as a multiple of the font size."""

RADIUS: Final = 0.75
"""Radius of the corners, as a multiple of the font size; a panel of one row has semicircular
ends."""

LABEL_GAP: Final = 0.8
"""Space between the columns of labels and of values, as a multiple of the font size."""

OPACITY: Final = 0.78
"""Opacity of the background, 0...1."""

CACHED_FONTS: Final = 16


class PanelLine(NamedTuple):
    """One line of a panel.

    Attributes:
        kind: "figure" for the main text, "detail" for smaller print, "fault" for errors.
        text: The text. A fault begins with "!", so that it can be recognised without colours.
        label: Label of the text; labels form a column of their own.
    """

    kind: LineKind
    text: str
    label: str = ""


class Typesetter:
    """Renders panels; caches the words that it has rendered."""

    def __init__(self) -> None:
        """Create a typesetter with an empty cache."""
        self._lettering = lru_cache(CACHED_FONTS)(Lettering)

    def panel(
        self,
        lines: Sequence[PanelLine],
        font_size: int,
        room: float,
        *,
        least_width: int = 0,
        opacity: float = OPACITY,
        label_colour: Colour = GREY,
    ) -> NDArray[np.uint8]:
        """Return a panel as the picture of a `Stamp`, uint8 (height, width, 4).

        Args:
            lines: At least one line; long lines are wrapped within their column.
            font_size: Font size of figures, pixels.
            room: Maximum width, pixels.
            least_width: Minimum width, pixels.
            opacity: Opacity of the background, 0...1.
            label_colour: Colour of the labels.
        """
        padding, sides = round(font_size * PADDING), round(font_size * SIDES)
        fonts = {kind: max(LEAST_TEXT, round(font_size * size)) for kind, size in SIZES.items()}
        column = max(self._lettering(fonts[one.kind]).length(one.label) for one in lines)
        column += font_size * LABEL_GAP if column else 0
        rows: list[tuple[PanelLine, float]] = []
        for line in lines:
            font = self._lettering(fonts[line.kind])
            indent = column if line.label else 0.0
            label = line.label
            for text in wrap(
                line.text, font.length, room - 2 * sides - indent, MAX_ROWS[line.kind]
            ):
                rows.append((PanelLine(line.kind, text, label), indent))
                label = ""
        widths = [self._lettering(fonts[row.kind]).length(row.text) + x for row, x in rows]
        width = max(least_width, round(max(widths)) + 2 * sides)
        tops = [padding]
        for row, _ in rows:
            tops.append(tops[-1] + round(fonts[row.kind] * LINE_SPACING))
        last = fonts[rows[-1][0].kind]
        height = tops[-2] + last + padding

        from PIL import Image as PillowImage

        picture = PillowImage.new("RGBA", (width, height), (*INK, 0))
        radius = height // 2 if len(rows) == 1 else round(font_size * RADIUS)
        picture.putalpha(rounded_rectangle(picture.size, radius, opacity))
        # A single row is centred in a panel that is wider than its text.
        spare = (width - 2 * sides - max(widths)) / 2 if len(rows) == 1 else 0.0
        for (row, indent), top in zip(rows, tops, strict=False):
            size = fonts[row.kind]
            font, baseline = self._lettering(size), top + round(size * (0.5 + ASCENT / 2))
            if row.label:
                font.write(picture, sides, baseline, row.label, label_colour)
            font.write(picture, sides + indent + spare, baseline, row.text, COLOURS[row.kind])
        return np.asarray(picture)
