"""The read-out: rates, latency, model and faults, in a panel at the upper left.

Typesetting is slow and flickering numbers cannot be read, so the panel is rendered a few times a
second only; in between the same picture is laid over each frame.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import Final, Literal

import numpy as np
from numpy.typing import NDArray
from PIL import Image as PillowImage

from pose_edge.overlay.geometry import Size, relative
from pose_edge.overlay.palette import GREY, INK, WHITE, YELLOW, Colour
from pose_edge.overlay.scene import Stamp
from pose_edge.overlay.typeset import LINE_SPACING, Lettering, rounded_rectangle, wrap
from pose_edge.poses import Provenance
from pose_edge.telemetry import DISPLAY, Event, Telemetry

LineKind = Literal["figure", "detail", "fault"]

COLOURS: Final[dict[LineKind, Colour]] = {"figure": WHITE, "detail": GREY, "fault": YELLOW}

MAX_ROWS: Final[dict[LineKind, int]] = {"figure": 2, "detail": 2, "fault": 3}
"""Into how many rows a line may be broken where the picture is narrow."""

MAX_WIDTH: Final = 0.8
"""Fraction of the picture's width that margin and panel may take."""

TEXT: Final = 1 / 26
"""Size of the font, as a fraction of the shorter side of the canvas or screen."""

LEAST_TEXT: Final = 12
"""Least size of any font, pixels."""

DETAIL: Final = 0.75
"""Size of the letters of details, which are read from nearby, relative to those of figures."""

ASCENT: Final = 0.85
"""Height of letters above their baseline, as all that follow in multiples of the font's size."""

PADDING: Final = 0.6
"""Space inside the panel."""

MARGIN: Final = 0.6
"""Space between the panel and the edges of the picture."""

RADIUS: Final = 0.55
"""Radius of the panel's corners."""

OPACITY: Final = 0.7
"""Of the panel, 0...1."""

GAP: Final = "  \N{MIDDLE DOT}  "
"""Between the figures of one line."""

REFRESH_NS: Final = 250_000_000
"""How long figures stand before the panel is rendered again."""

CACHED_SIZES: Final = 4
"""Enough for the screen, the recording, and some sizes of a window that is being resized."""


@dataclass(frozen=True, slots=True)
class ReadoutLine:
    """One line of the read-out.

    Attributes:
        text: The text. A fault begins with "!", so that it is seen without colours.
        kind: "figure" for numbers, "detail" for names, "fault" for what is wrong.
    """

    text: str
    kind: LineKind


def readout_lines(
    telemetry: Telemetry, *, provenance: Provenance, skipped: int, source: str, live: bool
) -> list[ReadoutLine]:
    """Return the text of the read-out.

    Args:
        telemetry: The numbers of the run: rates of "camera", "inference" and "screen", the median
            of "latency" in milliseconds, and the faults.
        provenance: Which model found the poses, and on what.
        skipped: Frames that were captured but not processed.
        source: Where the pictures come from.
        live: Whether latency counts from exposure; a file's counts from handing the frame over.

    Returns:
        Figures, details, then one line for each fault.
    """
    camera, poses, screen = (
        telemetry.rate(event) for event in (Event.CAPTURED, Event.PROCESSED, Event.SHOWN)
    )
    # In a recording while the screen is away, the times of before are true no more.
    latency = telemetry.summary("latency") if DISPLAY not in telemetry.faults() else None
    milliseconds = "-" if latency is None else f"{latency.median:.0f}"
    origin, begin = ("camera", "exposure") if live else ("file", "frame")
    return [
        ReadoutLine(
            f"{origin} {camera:.1f}{GAP}poses {poses:.1f}{GAP}screen {screen:.1f} fps", "figure"
        ),
        ReadoutLine(f"{milliseconds} ms {begin} to screen{GAP}skipped {skipped}", "figure"),
        ReadoutLine(f"{provenance.model} on {provenance.place}{GAP}{source}", "detail"),
        *(
            ReadoutLine(f"! {part}: {message}", "fault")
            for part, message in telemetry.faults().items()
        ),
    ]


@dataclass(slots=True)
class _Panel:
    """A rendered panel.

    Attributes:
        picture: As in `Stamp`.
        rendered_ns: When it was rendered.
        content: The provenance and the faults that it shows.
        text_width: The greatest so far with this content, so that it does not twitch with every
            digit.
    """

    picture: NDArray[np.uint8]
    rendered_ns: int
    content: tuple[Provenance, dict[str, str]]
    text_width: int


class Readout:
    """Renders the read-out of one run."""

    def __init__(
        self,
        telemetry: Telemetry,
        *,
        source: Callable[[], str],
        live: bool,
        clock_ns: Callable[[], int] = time.monotonic_ns,
    ) -> None:
        """Show these numbers.

        Args:
            telemetry: The numbers of the run.
            source: Returns where the pictures come from; a camera may return as another device.
            live: Whether the source is a camera or stream.
            clock_ns: Nanoseconds that only increase.
        """
        self._telemetry = telemetry
        self._source = source
        self._live = live
        self._clock_ns = clock_ns
        self._lettering = lru_cache(2 * CACHED_SIZES)(Lettering)
        self._panels: dict[Size, _Panel] = {}

    def stamp(self, size: Size, *, provenance: Provenance, skipped: int) -> Stamp:
        """Return the read-out for the upper left of a canvas or screen.

        Figures change at most four times a second, but a fault that comes or goes and a change
        of the backend show at once.

        Args:
            size: Of the canvas or screen.
            provenance: See `readout_lines`.
            skipped: See `readout_lines`.
        """
        now_ns = self._clock_ns()
        content = provenance, self._telemetry.faults()
        panel = self._panels.get(size)
        unchanged = panel is not None and panel.content == content
        if panel is None or not unchanged or now_ns - panel.rendered_ns >= REFRESH_NS:
            lines = readout_lines(
                self._telemetry,
                provenance=provenance,
                skipped=skipped,
                source=self._source(),
                live=self._live,
            )
            least_width = panel.text_width if panel is not None and unchanged else 0
            picture, text_width = self._render(size, lines, least_width)
            if panel is None and len(self._panels) >= CACHED_SIZES:
                self._panels.clear()
            panel = self._panels[size] = _Panel(picture, now_ns, content, text_width)
        margin = round(_font_size(size) * MARGIN)
        return Stamp(panel.picture, margin, margin)

    def _render(
        self, size: Size, lines: Sequence[ReadoutLine], least_width: int
    ) -> tuple[NDArray[np.uint8], int]:
        font_size = _font_size(size)
        margin, padding = round(font_size * MARGIN), round(font_size * PADDING)
        room = MAX_WIDTH * size[0] - margin - 2 * padding
        rows = []
        for line in lines:
            row_size = (
                max(LEAST_TEXT, round(font_size * DETAIL)) if line.kind == "detail" else font_size
            )
            font = self._lettering(row_size)
            for row in wrap(line.text, font.length, room, MAX_ROWS[line.kind]):
                rows.append((row.strip(GAP), font, row_size, COLOURS[line.kind]))
        text_width = max(least_width, *(round(font.length(row)) for row, font, _, _ in rows))

        steps = [round(row_size * LINE_SPACING) for _, _, row_size, _ in rows]
        height = 2 * padding + sum(steps) - (steps[-1] - rows[-1][2])
        panel = PillowImage.new("RGBA", (text_width + 2 * padding, height), (*INK, 0))
        panel.putalpha(rounded_rectangle(panel.size, round(font_size * RADIUS), OPACITY))
        top = padding
        for (row, font, row_size, colour), step in zip(rows, steps, strict=True):
            font.write(panel, padding, top + round(row_size * ASCENT), row, colour)
            top += step
        return np.asarray(panel), text_width


def _font_size(size: Size) -> int:
    return relative(size, TEXT, least=LEAST_TEXT)
