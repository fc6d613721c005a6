"""The read-out: a panel with frame rate and latency, or all figures, placed beside the people."""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Final, Literal

import numpy as np
from numpy.typing import NDArray

from pose_edge.overlay.figures import Figures
from pose_edge.overlay.panel import LEAST_TEXT, PanelLine, Typesetter
from pose_edge.overlay.placement import (
    SteadyChoice,
    corner_positions,
    hidden_points,
    in_a_bar,
    shown_part,
)
from pose_edge.overlay.scene import Rectangle, Size, Stamp, relative
from pose_edge.poses import Provenance
from pose_edge.telemetry import DISPLAY, TO_POSES, TO_SCREEN, Event, Telemetry, fault_texts

ReadoutKind = Literal["short", "full"]

PILL_TEXT: Final = 1 / 23
"""Font size of the short read-out, as a fraction of the screen's shorter side."""

TABLE_TEXT: Final = 1 / 36
"""Font size of the full read-out, as a fraction of the screen's shorter side."""

MAX_WIDTH: Final[dict[ReadoutKind, float]] = {"short": 0.5, "full": 0.72}
"""Maximum width of the panel, as a fraction of the screen's width."""

MARGIN: Final = 1 / 40
"""Space between the panel and the edges of the picture, as a fraction of the screen's shorter
side."""

GAP: Final = " \N{MIDDLE DOT} "
"""Separator between the figures of one line."""

TIED: Final = "\N{NO-BREAK SPACE}"
"""Separator between a name and its figure, which must stay on one line."""

STAGE_GROUPS: Final = {"in, ms": TO_POSES[:3], "model, ms": TO_POSES[3:], "out, ms": TO_SCREEN}
"""Stages that share a line of the full read-out, by the line's label."""

REFRESH_NS: Final = 250_000_000
"""Interval between two renderings of the panel, nanoseconds."""

CACHED_SIZES: Final = 4
"""Maximum number of canvases with a view of their own: enough for the screen, the recording, and
some sizes of a window that is being resized."""


NOTHING: Final = Stamp(np.zeros((1, 1, 4), np.uint8), 0, 0)


@dataclass(slots=True)
class _View:
    """The read-out on one canvas or screen.

    Attributes:
        corner: The corner of the picture for a panel that fits no bar.
        content: What the panel shows besides its figures; None before the first rendering.
        stamp: The panel at its position.
        rendered_ns: Time of the last rendering, monotonic nanoseconds.
    """

    corner: SteadyChoice = field(default_factory=SteadyChoice)
    content: object = None
    stamp: Stamp = NOTHING
    rendered_ns: int = 0


class Readout:
    """The read-out of one run.

    Rendering text is slow, and flickering numbers are illegible. So the panel is rendered only a
    few times a second; in between, the same picture is drawn over each frame.
    """

    def __init__(
        self,
        telemetry: Telemetry,
        *,
        source: Callable[[], str],
        live: bool,
        newest: bool = False,
        clock_ns: Callable[[], int] = time.monotonic_ns,
    ) -> None:
        """Create the read-out.

        Args:
            telemetry: Provides the rates of the camera, the poses and the screen, the median of
                "latency" in milliseconds, and the faults.
            source: Returns the name of the source; a camera may return as another device.
            live: Whether latency is measured from exposure, as for a camera; for a file it is
                measured from the moment the frame is handed over.
            newest: Whether the newest picture is shown, with poses that may be older.
            clock_ns: Returns monotonic nanoseconds.
        """
        self._telemetry = telemetry
        self._source = source
        self._live = live
        self._newest = newest
        self._clock_ns = clock_ns
        self._typesetter = Typesetter()
        self._views: dict[tuple[Size, Rectangle], _View] = {}

    def short_lines(
        self, provenance: Provenance, *, paused: bool = False, resting: bool = False
    ) -> list[PanelLine]:
        """Return the short lines: rate and latency, the backend if a substitute, each fault."""
        figures = "paused" if paused else GAP.join(self._main_figures(resting=resting))
        note = [PanelLine("detail", provenance.place)] if provenance.note else []
        return [PanelLine("figure", figures), *note, *self._faults()]

    def full_lines(
        self, provenance: Provenance, *, skipped: int, paused: bool = False, resting: bool = False
    ) -> list[PanelLine]:
        """Return a labelled line for each measured figure, and one line for each fault.

        Args:
            provenance: The model that found the poses, and the hardware that ran it.
            skipped: Number of frames that were captured but not processed.
            paused: See `stamp`.
            resting: See `stamp`.
        """
        rate = self._telemetry.rate
        latency = self._latency_ms()
        origin, begin = ("camera", "exposure") if self._live else ("file", "frame")
        age = self._pose_age_ms()
        milliseconds = "-" if latency is None else f"{latency:.0f} ms"
        table = {
            origin: f"{rate(Event.CAPTURED):.1f} fps",
            "poses": f"{rate(Event.PROCESSED):.1f} fps" + (" (at rest)" if resting else ""),
            "screen": f"{rate(Event.SHOWN):.1f} fps" + (" (paused)" if paused else ""),
            "latency": f"{milliseconds}, {begin} to screen",
            **({} if latency is None else self._stages()),
            **({} if age is None else {"pose age": f"{age:.0f} ms, moved forward"}),
            "skipped": str(skipped),
            "model": provenance.models,
            "runs on": provenance.place,
            "source": self._source(),
        }
        lines = [PanelLine("figure", text, label) for label, text in table.items()]
        return [*lines, *self._faults()]

    def stamp(
        self,
        kind: ReadoutKind,
        size: Size,
        place: Rectangle,
        figures: Figures,
        provenance: Provenance,
        *,
        skipped: int,
        paused: bool = False,
        resting: bool = False,
        still: bool = False,
    ) -> Stamp:
        """Return the panel for a canvas or screen, in a bar beside the picture or in a corner.

        Figures change at most four times a second. A fault that appears or disappears, a pause, and
        a change of the backend are shown at once.

        Args:
            kind: The short or the full read-out.
            size: Size of the canvas or screen.
            place: Where the picture lies on the canvas or screen.
            figures: The people, whom the panel should not hide.
            provenance: The model that found the poses, and the hardware that ran it.
            skipped: Number of frames that were captured but not processed.
            paused: Whether the user has paused the picture.
            resting: Whether only some frames are processed, because nobody is in view.
            still: Whether the frame is a separate picture, unrelated to the frame before.
        """
        now_ns = self._clock_ns()
        view = self._view((size, place))
        content = kind, paused, resting, provenance, self._telemetry.faults()
        unchanged = view.content == content
        if not unchanged or now_ns - view.rendered_ns >= REFRESH_NS:
            lines = (
                self.short_lines(provenance, paused=paused, resting=resting)
                if kind == "short"
                else self.full_lines(provenance, skipped=skipped, paused=paused, resting=resting)
            )
            # Keep the width while only figures change, so that it does not vary with each digit.
            least_width = view.stamp.picture.shape[1] if unchanged else 0
            picture = self._render(kind, lines, size, place, least_width)
            view.content, view.rendered_ns = content, now_ns
        elif still or view.corner.due(now_ns):
            picture = view.stamp.picture
        else:
            return view.stamp
        view.stamp = self._placed(view.corner, picture, size, place, figures, still=still)
        return view.stamp

    def _placed(
        self,
        corner: SteadyChoice,
        picture: NDArray[np.uint8],
        size: Size,
        place: Rectangle,
        figures: Figures,
        *,
        still: bool,
    ) -> Stamp:
        """Return a panel at its position; see `stamp`."""
        panel = picture.shape[1], picture.shape[0]
        margin = relative(size, MARGIN)
        bar = in_a_bar(panel, size, place, margin)
        if bar is not None:
            return Stamp(picture, *bar)
        positions = corner_positions(panel, shown_part(size, place), margin)
        hidden = hidden_points(positions, panel, figures.outline(), margin)
        chosen = corner.update(hidden, self._clock_ns(), at_once=still)
        return Stamp(picture, *positions[chosen])

    def _view(self, key: tuple[Size, Rectangle]) -> _View:
        if key not in self._views and len(self._views) >= CACHED_SIZES:
            self._views.clear()
        return self._views.setdefault(key, _View())

    def _render(
        self,
        kind: ReadoutKind,
        lines: Sequence[PanelLine],
        size: Size,
        place: Rectangle,
        least_width: int,
    ) -> NDArray[np.uint8]:
        text = PILL_TEXT if kind == "short" else TABLE_TEXT
        font_size = relative(size, text, least=LEAST_TEXT)
        room = size[0] * MAX_WIDTH[kind]
        panel = self._typesetter.panel(lines, font_size, room, least_width=least_width)
        if len(lines) > 1 or GAP not in lines[0].text:
            return panel
        margin = relative(size, MARGIN)
        if in_a_bar((panel.shape[1], panel.shape[0]), size, place, margin) is not None:
            return panel
        # A narrow bar may have room for the figures below each other.
        lines = [PanelLine("figure", figure) for figure in lines[0].text.split(GAP)]
        stacked = self._typesetter.panel(lines, font_size, room)
        fits = in_a_bar((stacked.shape[1], stacked.shape[0]), size, place, margin) is not None
        return stacked if fits else panel

    def _main_figures(self, *, resting: bool) -> list[str]:
        rate, latency = self._telemetry.rate(Event.PROCESSED), self._latency_ms()
        figures = [f"{rate:.0f} fps" if rate >= 9.95 else f"{rate:.1f} fps"]
        if resting:
            figures = ["at rest"]
        if latency is not None:
            figures.append(f"{latency:.0f} ms" if latency < 9999.5 else f"{latency / 1e3:.0f} s")
        if not resting and (age := self._pose_age_ms()) is not None:
            figures.append(f"poses {age:.0f} ms")
        return figures

    def _pose_age_ms(self) -> float | None:
        """Return the median age of the poses if they may be older than the picture, else None."""
        age = self._telemetry.summary("pose_age") if self._newest else None
        return None if age is None or self._latency_ms() is None else age.median

    def _latency_ms(self) -> float | None:
        # While the screen is missing, e.g. in a recording, earlier latencies are out of date.
        if DISPLAY in self._telemetry.faults():
            return None
        latency = self._telemetry.summary("latency")
        return None if latency is None else latency.median

    def _stages(self) -> dict[str, str]:
        """Return the typical durations of the latency's stages, as labelled groups."""
        typical = self._telemetry.typical()
        groups = {
            label: [f"{stage}{TIED}{typical[stage]:.1f}" for stage in stages if stage in typical]
            for label, stages in STAGE_GROUPS.items()
        }
        return {label: GAP.join(figures) for label, figures in groups.items() if figures}

    def _faults(self) -> list[PanelLine]:
        texts = fault_texts(self._telemetry.faults())
        return [PanelLine("fault", f"! {text}") for text in texts]
