"""Showing and recording results, and reacting to keys: the work of the main thread."""

from __future__ import annotations

import time
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Final

from pose_edge.config.schema import Settings
from pose_edge.displays import CLOSED, Display, open_display
from pose_edge.frames import Frame
from pose_edge.overlay import Readout, Renderer, Scene
from pose_edge.pipeline.pipeline import Pipeline
from pose_edge.poses import Result
from pose_edge.sinks.recorder import Recorder
from pose_edge.supervision.supervisor import Part
from pose_edge.telemetry import DISPLAY, INFERENCE, SOURCE, Event, Stopwatch, Telemetry

STALE_S: Final = 6.0
"""An older picture of a live source is replaced by a message."""
STALL_S: Final = 10.0
"""Longest time between heartbeats of the main thread."""
OPEN_S: Final = 60.0
"""The same, from the opening of a screen to its first picture, for which drivers compile shaders:
in a second, or in many on a machine that is busy."""


class Presenter:
    """The picture of a run, on a screen and in a recording. Only the main thread uses it."""

    def __init__(
        self,
        settings: Settings,
        pipeline: Pipeline,
        telemetry: Telemetry,
        recorder: Recorder,
        *,
        part: Part,
        clock_ns: Callable[[], int] = time.monotonic_ns,
    ) -> None:
        """Open the screen.

        Args:
            settings: The settings in force.
            pipeline: Where the results come from.
            telemetry: Gets durations, rates and faults of the screen; its figures are shown.
            recorder: Gets the drawn pictures.
            part: Gets the heartbeats of the main thread.
            clock_ns: The monotonic clock, nanoseconds.

        Raises:
            DisplayError: See `open_display`.
        """
        self._pipeline = pipeline
        self._telemetry = telemetry
        self._recorder = recorder
        self._part = part
        self._clock_ns = clock_ns
        self._first_picture_due = False
        self._lasting: Scene | None = None  # stays until something else is to be shown
        self._still: Result | None = None  # the still picture in it
        self._last_result_ns = clock_ns()
        self._display = self._open_display(settings, must=True)
        self._renderer = self._make_renderer(settings)

    @property
    def screen(self) -> str:
        """Name of the screen, or "none"."""
        return self._display.name

    @property
    def visible(self) -> bool:
        """Whether a screen is open."""
        return self._display.visible

    def send_heartbeat(self) -> None:
        """Send a heartbeat of the main thread, which waits for nothing but the screen."""
        within = OPEN_S if self._first_picture_due else STALL_S
        missing = None if self._display.visible else self._telemetry.faults().get(DISPLAY)
        if missing is None:
            self._part.running(self._display.name, within=within)
        else:
            self._part.waiting(missing, within=within, tried=False)

    def change_overlay(self, settings: Settings) -> None:
        """Draw according to other settings, a still picture at once."""
        self._renderer = self._make_renderer(settings)
        if self._still is not None and self._pipeline.still:
            self._show_lasting(self._scene(self._still))

    def change_display(self, settings: Settings) -> None:
        """Close the screen, and open the one of other settings."""
        self._display.close()
        self._display = self._open_display(settings, must=False)
        self._repeat_lasting()

    def show_result(self, result: Result) -> None:
        """Show and record a result, and release it; a still picture only when the next comes."""
        self._last_result_ns = self._clock_ns()
        self._release_still()
        try:
            scene = self._scene(result)
            if self._recorder.active:
                stopwatch = Stopwatch()
                canvas = self._renderer.draw(scene)
                stopwatch.lap("compose")
                self._telemetry.add(stopwatch.laps_ms)
                self._recorder.send(canvas, scene.order, self._recording_time(result.frame))
            self._show(scene, result.frame.captured_ns)
            self._lasting = scene if self._pipeline.still else None
        finally:
            if self._pipeline.still:
                self._still = result
            else:
                result.release()

    def show_no_result(self) -> None:
        """Show why there is no picture, instead of a picture that is out of date."""
        faults = self._telemetry.faults()
        silence_s = (self._clock_ns() - self._last_result_ns) / 1e9
        if SOURCE in faults:
            seen = self._telemetry.count(Event.CAPTURED) > 0
            title, text = "No picture" if seen else "Waiting for a camera", faults[SOURCE]
        elif INFERENCE in faults:
            title, text = "No poses", faults[INFERENCE]
        elif self._pipeline.live and silence_s > STALE_S:
            title, text = "No picture", f"nothing new for {silence_s:.0f} s"
        else:
            return
        self._release_still()
        scene = self._renderer.message(title, text)
        if scene is not self._lasting:
            self._show_lasting(scene)

    def handle_keys(self) -> bool:
        """Do what the pressed keys stand for, and return whether the run is to end.

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
                self._change_overlay(key)
                self._repeat_lasting()
        if self._display.visible and not was_visible:
            self._repeat_lasting()
        return end

    def close(self) -> None:
        """Close the screen; closing twice does no harm."""
        self._display.close()

    def _change_overlay(self, key: str) -> None:
        settings = self._renderer.settings
        match key:
            case "s":
                self._renderer.change(skeleton=not settings.skeleton)
            case "c":
                self._renderer.change(crop=not settings.crop)
            case "i":
                kinds = ("short", "full", "off")
                self._renderer.change(readout=kinds[(kinds.index(settings.readout) + 1) % 3])

    def _open_display(self, settings: Settings, *, must: bool) -> Display:
        self._telemetry.set_fault(DISPLAY, None)
        return open_display(
            settings.display,
            sysfs=Path(settings.testing.sysfs),
            report=partial(self._telemetry.set_fault, DISPLAY),
            busy=self._opening_screen,
            must=must,
        )

    def _opening_screen(self) -> None:
        self._first_picture_due = True
        self._part.starting(within=OPEN_S)

    def _make_renderer(self, settings: Settings) -> Renderer:
        live = self._pipeline.live
        readout = Readout(self._telemetry, source=self._pipeline.describe_source, live=live)
        return Renderer(settings.overlay, mirror=live and settings.camera.mirror, readout=readout)

    def _recording_time(self, frame: Frame) -> float:
        """Return the time of a frame in a recording, seconds."""
        # The wall clock of a Pi jumps when the network comes up.
        return frame.captured_ns / 1e9 if self._pipeline.live else frame.time

    def _release_still(self) -> None:
        if self._still is not None:
            self._still.release()
            self._still = None

    def _scene(self, result: Result) -> Scene:
        return self._renderer.scene(result, skipped=self._pipeline.skipped)

    def _show_lasting(self, scene: Scene) -> None:
        """Show a scene that stays until something else is to be shown."""
        self._lasting = scene
        self._show(scene)

    def _repeat_lasting(self) -> None:
        if self._lasting is not None:
            self._show(self._lasting)

    def _show(self, scene: Scene, captured_ns: int | None = None) -> None:
        stopwatch = Stopwatch()
        shown = self._display.show(scene, stopwatch)
        if shown or not self._display.visible:
            self._first_picture_due = False
        if shown and captured_ns is not None:
            latency_ms = (self._clock_ns() - captured_ns) / 1e6
            self._telemetry.tick(Event.SHOWN)
            self._telemetry.add({**stopwatch.laps_ms, "latency": latency_ms})
