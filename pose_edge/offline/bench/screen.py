"""Shows the results of the measured pipeline on a real screen."""

from __future__ import annotations

from contextlib import ExitStack
from pathlib import Path

from pose_edge.config.schema import Settings
from pose_edge.displays import Display, open_display
from pose_edge.overlay import Readout, Renderer
from pose_edge.poses import Result
from pose_edge.telemetry import Event, Stopwatch, Telemetry


class BenchScreen:
    """Draws and shows results as `pose-edge run` does, without keys and messages."""

    def __init__(self, display: Display, renderer: Renderer, telemetry: Telemetry) -> None:
        """Create the screen on an open display.

        Args:
            display: The open display.
            renderer: Draws the results.
            telemetry: Receives the durations that the read-out shows.
        """
        self.name = display.name
        self._display = display
        self._renderer = renderer
        self._telemetry = telemetry

    def show(self, result: Result) -> None:
        """Show a result; return once it is handed over to the screen."""
        stopwatch = Stopwatch()
        self._display.show(self._renderer.scene(result), stopwatch)
        self._display.poll()
        self._telemetry.tick(Event.SHOWN)
        self._telemetry.add(stopwatch.laps_ms)


def open_bench_screen(
    settings: Settings, source: str, stack: ExitStack, telemetry: Telemetry
) -> BenchScreen:
    """Open the screen that the settings select.

    Args:
        settings: Only the sections `display` and `overlay` are used, and `testing.sysfs`.
        source: Name of the source, for the read-out.
        stack: Closes the screen.
        telemetry: The figures that the read-out shows.

    Raises:
        DisplayError: The screen cannot be opened.
    """
    display = open_display(settings.display, sysfs=Path(settings.testing.sysfs))
    stack.callback(display.close)
    readout = Readout(telemetry, source=lambda: source, live=True)
    return BenchScreen(
        display, Renderer(settings.overlay, mirror=False, readout=readout), telemetry
    )
