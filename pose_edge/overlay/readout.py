"""The read-out: rates, latency, model, and what is wrong, in a panel at the upper left.

Setting text is slow and numbers that flicker cannot be read, so the panel is made anew a few times
a second only; in between it is blended on each picture as it is.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Final, Literal

import cv2
import numpy as np
from numpy.typing import NDArray
from PIL import Image as PillowImage
from PIL import ImageDraw

from pose_edge.frames import ColourOrder, Image
from pose_edge.overlay.geometry import relative
from pose_edge.overlay.palette import GREY, INK, WHITE, YELLOW, Colour
from pose_edge.overlay.typeset import LINE_SPACING, Typeface, wrap
from pose_edge.poses import Provenance
from pose_edge.telemetry import Telemetry

Kind = Literal["figure", "detail", "fault"]

COLOURS: Final[dict[Kind, Colour]] = {"figure": WHITE, "detail": GREY, "fault": YELLOW}

MAX_ROWS: Final[dict[Kind, int]] = {"figure": 2, "detail": 2, "fault": 3}
"""How often a line may be broken where the picture is narrow."""

MAX_WIDTH: Final = 0.8
"""Part of the picture's width that margin and panel may take."""

TEXT: Final = 1 / 28
"""Size of the font, in parts of the picture's shorter side."""

PADDING: Final = 0.7
MARGIN: Final = 0.6
RADIUS: Final = 0.55
"""Space inside and outside the panel and the radius of its corners, in parts of the font's size."""

GAP: Final = "  \N{MIDDLE DOT}  "
"""Between the figures of one line."""

OPACITY: Final = 0.74

REFRESH_NS: Final = 250_000_000


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
    camera, poses, screen = (telemetry.rate(event) for event in ("camera", "inference", "screen"))
    latency = telemetry.summary("latency")
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


@dataclass(frozen=True, slots=True)
class Panel:
    """A panel ready to be blended: picture * `keep` + `paint`.

    Attributes:
        keep: uint8 (height, width, 3), 255 where the picture shows through fully.
        paint: uint8 (height, width, 3), what is added, in the picture's order of colours.
        margin: Pixels between the panel and the picture's left and upper edge.
    """

    keep: NDArray[np.uint8]
    paint: NDArray[np.uint8]
    margin: int

    def blend(self, canvas: Image) -> None:
        """Lay the panel over the canvas; what does not fit is cut off."""
        part = canvas[self.margin : self.margin + len(self.keep), self.margin :]
        part = part[:, : self.keep.shape[1]]
        height, width = part.shape[:2]
        if height and width:
            cv2.multiply(part, self.keep[:height, :width], dst=part, scale=1 / 255)
            cv2.add(part, self.paint[:height, :width], dst=part)


class Readout:
    """Draws the read-out of one run."""

    def __init__(
        self,
        telemetry: Telemetry,
        *,
        source: str,
        live: bool,
        clock_ns: Callable[[], int] = time.monotonic_ns,
    ) -> None:
        """Show these numbers.

        Args:
            telemetry: The numbers of the run.
            source: Where the pictures come from.
            live: Whether that is a camera or stream.
            clock_ns: Nanoseconds that only increase.
        """
        self._telemetry = telemetry
        self._source = source
        self._live = live
        self._clock_ns = clock_ns
        self._typeface = Typeface()
        self._panel: Panel | None = None
        self._made_ns = 0
        self._made_for: object = None
        self._text_width = 0

    def draw(
        self,
        canvas: Image,
        order: ColourOrder,
        *,
        provenance: Provenance,
        skipped: int,
    ) -> None:
        """Draw the read-out at the upper left.

        Figures change at most four times a second, but a fault that comes or goes and a change
        of the backend show at once.

        Args:
            canvas: uint8 (height, width, 3), drawn on.
            order: Its order of colours.
            provenance: See `readout_lines`.
            skipped: Frames that were not looked at.
        """
        now_ns = self._clock_ns()
        wanted = (order, canvas.shape, provenance, self._telemetry.faults())
        changed = wanted != self._made_for
        if self._panel is None or changed or now_ns - self._made_ns >= REFRESH_NS:
            if changed:
                self._text_width = 0
            lines = readout_lines(
                self._telemetry,
                provenance=provenance,
                skipped=skipped,
                source=self._source,
                live=self._live,
            )
            self._panel = self._render(canvas, order, lines)
            self._made_ns = now_ns
            self._made_for = wanted
        self._panel.blend(canvas)

    def _render(self, canvas: Image, order: ColourOrder, lines: Sequence[ReadoutLine]) -> Panel:
        size = relative(canvas, TEXT, least=11)
        margin, padding = round(size * MARGIN), round(size * PADDING)
        font = self._typeface.font(size)
        room = MAX_WIDTH * canvas.shape[1] - margin - 2 * padding
        rows = [
            (row, COLOURS[line.kind])
            for line in lines
            for row in wrap(line.text, font, room, MAX_ROWS[line.kind])
        ]
        # The panel keeps the greatest width it had, or it would twitch with every digit.
        widest = max(font.getlength(row) for row, _ in rows)
        self._text_width = max(self._text_width, round(widest))

        spacing = round(size * LINE_SPACING)
        height = 2 * padding + spacing * (len(rows) - 1) + size
        panel = PillowImage.new("RGBA", (self._text_width + 2 * padding, height), (*INK, 0))
        panel.putalpha(_rounded(panel.width, height, round(size * RADIUS)))
        draw = ImageDraw.Draw(panel)
        for index, (row, colour) in enumerate(rows):
            # Letters are about 0.85 of the font's size above their baseline.
            baseline = padding + index * spacing + round(size * 0.85)
            draw.text((padding, baseline), row, fill=colour, font=font, anchor="ls")
        return _prepared(np.asarray(panel), order, margin)


def _rounded(width: int, height: int, radius: int) -> PillowImage.Image:
    """Return the opacity of a panel with smooth round corners, as an 8-bit picture."""
    inset = np.append(np.arange(radius, 0, -1) - 0.5, 0)  # 0: further inside than the corner
    corner = np.clip(radius + 0.5 - np.hypot(inset[:, None], inset), 0, 1)
    opacity = np.rint(corner * OPACITY * 255).astype(np.uint8)

    def from_edge(length: int) -> NDArray[np.int64]:
        """Return each pixel's distance from the nearer end, at most the radius."""
        place = np.arange(length)
        return np.minimum(np.minimum(place, place[::-1]), radius)

    return PillowImage.fromarray(opacity[from_edge(height)[:, None], from_edge(width)])


def _prepared(rgba: Image, order: ColourOrder, margin: int) -> Panel:
    opacity = cv2.cvtColor(rgba[:, :, 3], cv2.COLOR_GRAY2RGB)
    colours = cv2.cvtColor(rgba, cv2.COLOR_RGBA2RGB if order == "RGB" else cv2.COLOR_RGBA2BGR)
    paint = cv2.multiply(colours, opacity, scale=1 / 255)
    return Panel(np.asarray(255 - opacity, np.uint8), np.asarray(paint, np.uint8), margin)
