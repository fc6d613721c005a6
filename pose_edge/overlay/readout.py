"""The read-out: rates, latency, model and faults, in a panel at the upper left."""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import Final, Literal, NamedTuple

import numpy as np
from numpy.typing import NDArray
from PIL import Image as PillowImage

from pose_edge.overlay.palette import GREY, INK, WHITE, YELLOW, Colour
from pose_edge.overlay.scene import Size, Stamp, relative
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
"""Height of letters above their baseline, as a multiple of the font's size."""

PADDING: Final = 0.6
"""Space inside the panel, likewise."""

MARGIN: Final = 0.6
"""Space between the panel and the edges of the picture, likewise."""

RADIUS: Final = 0.55
"""Radius of the panel's corners, likewise."""

OPACITY: Final = 0.7
"""Of the panel, 0...1."""

GAP: Final = "  \N{MIDDLE DOT}  "
"""Between the figures of one line."""

REFRESH_NS: Final = 250_000_000
"""Time between two renderings of the panel."""

CACHED_SIZES: Final = 4
"""Enough for the screen, the recording, and some sizes of a window that is being resized."""


class ReadoutLine(NamedTuple):
    """One line of the read-out.

    Attributes:
        kind: "figure" for numbers, "detail" for names, "fault" for what is wrong.
        text: The text. A fault begins with "!", so that it is recognised without colours.
    """

    kind: LineKind
    text: str


@dataclass(frozen=True, slots=True)
class _Panel:
    """A rendered panel.

    Attributes:
        picture: As in `Stamp`.
        rendered_ns: When it was rendered.
        content: The provenance and the faults that it shows.
        text_width: Greatest width so far with this content, pixels: the panel does not change its
            width with every digit.
    """

    picture: NDArray[np.uint8]
    rendered_ns: int
    content: tuple[Provenance, dict[str, str]]
    text_width: int


class Readout:
    """The read-out of one run.

    Typesetting is slow and flickering numbers cannot be read, so the panel is rendered a few times
    a second only; in between the same picture is laid over each frame.
    """

    def __init__(
        self,
        telemetry: Telemetry,
        *,
        source: Callable[[], str],
        live: bool,
        clock_ns: Callable[[], int] = time.monotonic_ns,
    ) -> None:
        """Show the numbers of a run.

        Args:
            telemetry: The rates of the camera, the poses and the screen, the median of "latency" in
                milliseconds, and the faults.
            source: Returns where the pictures come from; a camera may return as another device.
            live: Whether latency counts from exposure; a file's counts from handing the frame over.
            clock_ns: Nanoseconds that only increase.
        """
        self._telemetry = telemetry
        self._source = source
        self._live = live
        self._clock_ns = clock_ns
        self._lettering = lru_cache(2 * CACHED_SIZES)(Lettering)
        self._panels: dict[Size, _Panel] = {}

    def lines(self, provenance: Provenance, *, skipped: int) -> list[ReadoutLine]:
        """Return the text: figures, details, then one line for each fault.

        Args:
            provenance: Which model found the poses, and on what.
            skipped: Frames that were captured but not processed.
        """
        events = Event.CAPTURED, Event.PROCESSED, Event.SHOWN
        camera, poses, screen = map(self._telemetry.rate, events)
        faults = self._telemetry.faults()
        # In a recording while there is no screen, the latencies measured before are out of date.
        latency = self._telemetry.summary("latency") if DISPLAY not in faults else None
        milliseconds = "-" if latency is None else f"{latency.median:.0f}"
        origin, begin = ("camera", "exposure") if self._live else ("file", "frame")
        rates = f"{origin} {camera:.1f}{GAP}poses {poses:.1f}{GAP}screen {screen:.1f} fps"
        return [
            ReadoutLine("figure", rates),
            ReadoutLine("figure", f"{milliseconds} ms {begin} to screen{GAP}skipped {skipped}"),
            ReadoutLine(
                "detail", f"{provenance.models} on {provenance.place}{GAP}{self._source()}"
            ),
            *(ReadoutLine("fault", f"! {part}: {message}") for part, message in faults.items()),
        ]

    def stamp(self, size: Size, provenance: Provenance, *, skipped: int) -> Stamp:
        """Return the panel for a canvas or screen of a size; other arguments as for `lines`.

        Figures change at most four times a second, but a fault that comes or goes and a change
        of the backend show at once.
        """
        now_ns = self._clock_ns()
        font_size = relative(size, TEXT, least=LEAST_TEXT)
        content = provenance, self._telemetry.faults()
        panel = self._panels.get(size)
        unchanged = panel is not None and panel.content == content
        if panel is None or not unchanged or now_ns - panel.rendered_ns >= REFRESH_NS:
            lines = self.lines(provenance, skipped=skipped)
            least_width = panel.text_width if panel is not None and unchanged else 0
            picture, text_width = self._render(size[0], font_size, lines, least_width)
            if panel is None and len(self._panels) >= CACHED_SIZES:
                self._panels.clear()
            panel = self._panels[size] = _Panel(picture, now_ns, content, text_width)
        margin = round(font_size * MARGIN)
        return Stamp(panel.picture, margin, margin)

    def _render(
        self, width: int, font_size: int, lines: Sequence[ReadoutLine], least_width: int
    ) -> tuple[NDArray[np.uint8], int]:
        """Return a panel for a picture of a width, and the width of its text."""
        padding = round(font_size * PADDING)
        room = MAX_WIDTH * width - round(font_size * MARGIN) - 2 * padding
        detail_size = max(LEAST_TEXT, round(font_size * DETAIL))
        rows = []
        for kind, text in lines:
            row_size = detail_size if kind == "detail" else font_size
            font = self._lettering(row_size)
            for row in wrap(text, font.length, room, MAX_ROWS[kind]):
                rows.append((row.strip(GAP), font, row_size, COLOURS[kind]))
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
