"""What the main thread does with results: shows and records them, and heeds the keys."""

from __future__ import annotations

import time
from collections.abc import Callable
from pathlib import Path
from typing import Final

from pose_edge.config.schema import Settings
from pose_edge.displays import CLOSED, Display, open_display
from pose_edge.frames import Frame
from pose_edge.overlay import Readout, Renderer, Scene
from pose_edge.pipeline.pipeline import Pipeline
from pose_edge.poses import Result
from pose_edge.sinks.recorder import Recorder
from pose_edge.telemetry import Stopwatch, Telemetry

STALE_S: Final = 6.0
"""A live picture that is older is not shown any more, whatever the reason."""

Report = Callable[[str, str | None], None]
"""Told a part's name and what is wrong with it, None when it works."""


class Presenter:
    """The picture of a run, on a screen and in a recording. All calls come from one thread."""

    def __init__(
        self,
        settings: Settings,
        pipeline: Pipeline,
        telemetry: Telemetry,
        recorder: Recorder,
        *,
        report: Report,
        busy: Callable[[], None],
    ) -> None:
        """Open the screen.

        Args:
            settings: Everything.
            pipeline: Where the results come from.
            telemetry: Gets times and rates; what it knows is shown.
            recorder: Gets pictures.
            report: Told what is wrong with the screen.
            busy: Called before what may take seconds.

        Raises:
            DisplayError: See `open_display`.
        """
        self._pipeline = pipeline
        self._telemetry = telemetry
        self._recorder = recorder
        self._report = report
        self._busy = busy
        self._first_picture_due = False
        self._lasting: Scene | None = None
        self._held: Result | None = None
        self._last_result = time.monotonic()
        self._display = self._open_display(settings, must=True)
        self._renderer = Renderer(
            settings.overlay, mirror=self._mirrored(settings), readout=self._readout()
        )

    @property
    def screen(self) -> str:
        """What is shown on, or "none"."""
        return self._display.name

    @property
    def visible(self) -> bool:
        """Whether anything can be seen."""
        return self._display.visible

    @property
    def missing(self) -> str | None:
        """What is wanted and not there, or None."""
        return None if self._display.visible else self._telemetry.faults().get("display")

    @property
    def opening(self) -> bool:
        """Whether a screen is new, and what comes next may take long.

        With the first picture, drivers compile what they draw with: in a second, or, on a machine
        that is busy with other things, in many.
        """
        return self._first_picture_due

    def draw_as(self, settings: Settings) -> None:
        """Draw in another way from the next picture on."""
        self._renderer.configure(
            settings.overlay, mirror=self._mirrored(settings), readout=self._readout()
        )

    def move_to(self, settings: Settings) -> None:
        """Close the screen, and open the one that the settings want now."""
        self._display.close()
        self._display = self._open_display(settings, must=False)
        self._present_lasting()

    def result(self, result: Result) -> None:
        """Show and record a result, and release it; a still picture's when the next one comes."""
        self._last_result = time.monotonic()
        try:
            scene = self._renderer.scene(result, skipped=self._pipeline.skipped)
            if self._recorder.active:
                stopwatch = Stopwatch()
                canvas = self._renderer.draw(scene)
                stopwatch.lap("compose")
                self._telemetry.add(stopwatch.laps_ms)
                self._recorder.send(canvas, scene.order, self._moment(result.frame))
            self._present(scene, result.frame.captured_ns)
            self._lasting = scene if self._pipeline.still else None
        finally:
            done: Result | None = result
            if self._pipeline.still:
                done, self._held = self._held, result
            if done is not None:
                done.release()

    def no_result(self) -> None:
        """Say why there is no picture, instead of one that is not true any more."""
        faults = self._telemetry.faults()
        silence = time.monotonic() - self._last_result
        if "source" in faults:
            source = self._pipeline.describe_source()
            seen = self._telemetry.count("camera") > 0
            title = "No picture" if seen else "Waiting for a camera"
            lines = [faults["source"]] if source in faults["source"] else [source, faults["source"]]
        elif "inference" in faults:
            title, lines = "No poses", [faults["inference"]]
        elif self._pipeline.live and silence > STALE_S:
            title, lines = "No picture", [f"nothing new for {silence:.0f} s"]
        else:
            return
        scene = self._renderer.message(title, *lines)
        if scene is not self._lasting:
            self._lasting = scene
            self._present(scene)

    def keys(self) -> bool:
        """Do what keys ask for, and tell whether they ask for the end.

        Raises:
            DesktopEnded: The window cannot be used any more.
        """
        end = False
        was_visible = self._display.visible
        for key in self._display.poll():
            if key in ("q", "escape", CLOSED):
                end = True
            elif key == "f":
                self._display.toggle_fullscreen()
            else:
                self._renderer.press(key)
                self._present_lasting()
        if self._display.visible and not was_visible:
            self._present_lasting()
        return end

    def close(self) -> None:
        """Give the screen back; twice does no harm."""
        self._display.close()

    def _open_display(self, settings: Settings, *, must: bool) -> Display:
        self._report("display", None)
        return open_display(
            settings.display,
            sysfs=Path(settings.testing.sysfs),
            report=lambda fault: self._report("display", fault),
            busy=self._open_soon,
            must=must,
        )

    def _open_soon(self) -> None:
        self._first_picture_due = True
        self._busy()

    def _mirrored(self, settings: Settings) -> bool:
        return self._pipeline.live and settings.camera.mirror

    def _readout(self) -> Readout:
        return Readout(
            self._telemetry, source=self._pipeline.describe_source, live=self._pipeline.live
        )

    def _moment(self, frame: Frame) -> float:
        """Return when a frame belongs in a recording, seconds.

        Of live sources the monotonic time: the wall clock of a Pi jumps when the network is there.
        """
        return frame.captured_ns / 1e9 if self._pipeline.live else frame.time

    def _present_lasting(self) -> None:
        """Show the still picture or message again: no other scene will come by itself."""
        if self._lasting is not None:
            self._present(self._lasting)

    def _present(self, scene: Scene, captured_ns: int | None = None) -> None:
        stopwatch = Stopwatch()
        seen = self._display.show(scene, stopwatch)
        if seen or not self._display.visible:
            self._first_picture_due = False
        if seen and captured_ns is not None:
            latency_ms = (time.monotonic_ns() - captured_ns) / 1e6
            self._telemetry.tick("screen")
            self._telemetry.add({**stopwatch.laps_ms, "latency": latency_ms})
