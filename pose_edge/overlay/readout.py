"""The read-out: rates, latency, model, and what is wrong, in a panel at the upper left.

Setting text is slow and numbers that flicker cannot be read, so the panel is made anew a few times
a second only; in between it is laid on each picture as it is.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Final, Literal

import numpy as np
from numpy.typing import NDArray
from PIL import Image as PillowImage

from pose_edge.overlay.badge import rounded
from pose_edge.overlay.geometry import relative
from pose_edge.overlay.palette import GREY, INK, WHITE, YELLOW, Colour
from pose_edge.overlay.shapes import Size, Stamp
from pose_edge.overlay.typeset import LINE_SPACING, Typeface, wrap
from pose_edge.poses import Provenance
from pose_edge.telemetry import DISPLAY, Event, Telemetry

Kind = Literal["figure", "detail", "fault"]

COLOURS: Final[dict[Kind, Colour]] = {"figure": WHITE, "detail": GREY, "fault": YELLOW}

MAX_ROWS: Final[dict[Kind, int]] = {"figure": 2, "detail": 2, "fault": 3}
"""How often a line may be broken where the picture is narrow."""

MAX_WIDTH: Final = 0.8
"""Part of the picture's width that margin and panel may take."""

TEXT: Final = 1 / 26
LEAST_TEXT: Final = 12
"""Size of the font, in parts of the shorter side of what it is drawn on, and in pixels."""

DETAIL: Final = 0.75
"""Names are read from nearby: their letters are this much smaller than those of figures."""

PADDING: Final = 0.6
MARGIN: Final = 0.6
RADIUS: Final = 0.55
"""Space inside and outside the panel and the radius of its corners, in parts of the font's size."""

GAP: Final = "  \N{MIDDLE DOT}  "
"""Between the figures of one line."""

OPACITY: Final = 0.7

REFRESH_NS: Final = 250_000_000

KEPT: Final = 4
"""Sizes of which a panel is kept: the screen's, the recording's, and those of a resized window."""


@dataclass(frozen=True, slots=True)
class ReadoutLine:
    """One line of the read-out.

    Attributes:
        text: What it says. A fault begins with "!", so that it needs no colour to be seen.
        kind: "figure" for numbers, "detail" for names, "fault" for what is wrong.
    """

    text: str
    kind: Kind


def readout_lines(
    telemetry: Telemetry, *, provenance: Provenance, skipped: int, source: str, live: bool
) -> list[ReadoutLine]:
    """Say how the run is doing.

    Args:
        telemetry: The numbers of the run: rates of "camera", "inference" and "screen", the median
            of "latency" in milliseconds, and the faults.
        provenance: Which model found the poses, and on what.
        skipped: Frames that were captured but not looked at.
        source: Where the pictures come from.
        live: Whether times count from exposure; a file's count from handing the frame over.

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
    """A panel of one size.

    Attributes:
        picture: As of `Stamp`.
        made_ns: When it was made.
        made_for: The provenance and the faults that it shows.
        text_width: The greatest that it had, or it would twitch with every digit.
    """

    picture: NDArray[np.uint8]
    made_ns: int
    made_for: tuple[Provenance, dict[str, str]]
    text_width: int


class Readout:
    """Makes the read-out of one run."""

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
            source: Says where the pictures come from; a camera may come back as another.
            live: Whether that is a camera or stream.
            clock_ns: Nanoseconds that only increase.
        """
        self._telemetry = telemetry
        self._source = source
        self._live = live
        self._clock_ns = clock_ns
        self._typeface = Typeface()
        self._panels: dict[Size, _Panel] = {}

    def stamp(self, size: Size, *, provenance: Provenance, skipped: int) -> Stamp:
        """Return the read-out for the upper left of a picture or screen.

        Figures change at most four times a second, but a fault that comes or goes and a change
        of the backend show at once.

        Args:
            size: Of what it is drawn on.
            provenance: See `readout_lines`.
            skipped: Frames that were not looked at.
        """
        now_ns = self._clock_ns()
        made_for = provenance, self._telemetry.faults()
        panel = self._panels.get(size)
        if panel is None or panel.made_for != made_for or now_ns - panel.made_ns >= REFRESH_NS:
            lines = readout_lines(
                self._telemetry,
                provenance=provenance,
                skipped=skipped,
                source=self._source(),
                live=self._live,
            )
            kept_width = panel.text_width if panel is not None and panel.made_for == made_for else 0
            picture, text_width = self._render(size, lines, kept_width)
            if panel is None and len(self._panels) >= KEPT:
                self._panels.clear()
            panel = self._panels[size] = _Panel(picture, now_ns, made_for, text_width)
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
            font = self._typeface.lettering(row_size)
            for row in wrap(line.text, font, room, MAX_ROWS[line.kind]):
                rows.append((row.strip(GAP), font, row_size, COLOURS[line.kind]))
        text_width = max(least_width, *(round(font.getlength(row)) for row, font, _, _ in rows))

        steps = [round(row_size * LINE_SPACING) for _, _, row_size, _ in rows]
        height = 2 * padding + sum(steps) - (steps[-1] - rows[-1][2])
        panel = PillowImage.new("RGBA", (text_width + 2 * padding, height), (*INK, 0))
        panel.putalpha(rounded(panel.width, height, round(font_size * RADIUS), OPACITY))
        top = padding
        for (row, font, row_size, colour), step in zip(rows, steps, strict=True):
            # Letters are about 0.85 of the font's size above their baseline.
            font.write(panel, padding, top + round(row_size * 0.85), row, colour)
            top += step
        return np.asarray(panel), text_width


def _font_size(size: Size) -> int:
    return relative(size, TEXT, least=LEAST_TEXT)
