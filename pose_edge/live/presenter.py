"""Show and record results, in the main thread."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import Any, Final

from pose_edge.config.schema import OverlaySettings, Settings
from pose_edge.displays import Display, open_display
from pose_edge.frames import Frame, Image
from pose_edge.live.keys import KEYS
from pose_edge.live.messages import no_picture, no_poses, silent_source
from pose_edge.live.newest_frame import NewestFrames
from pose_edge.overlay import Notices, Readout, Renderer, Scene
from pose_edge.pipeline.pipeline import Pipeline
from pose_edge.poses import Result
from pose_edge.sinks.recorder import Recorder
from pose_edge.supervision.supervisor import Part
from pose_edge.telemetry import DISPLAY, INFERENCE, SOURCE, Event, Stopwatch, Telemetry
from pose_edge.web.server import WebServer

COMPOSING: Final = ("handover", "compose")
"""The stages that are timed for a picture that no screen shows."""
STALE_S: Final = 6.0
"""Time without a result, in seconds, after which a message replaces a live source's picture;
with a source of less than a frame in half this time, two frame intervals."""
STALL_S: Final = 10.0
"""Longest time between heartbeats of the main thread, seconds."""
OPEN_S: Final = 60.0
"""Longest time between heartbeats until a new screen shows its first picture, seconds. Drivers
compile shaders for it, which takes a second, or many on a busy machine."""


class Presenter:
    """Shows and records the results of a run. Only the main thread uses it.

    Attributes:
        notices: Short texts that are shown over the picture, and the table of keys.
        page: The server of the web page.
    """

    def __init__(
        self,
        settings: Settings,
        pipeline: Pipeline,
        telemetry: Telemetry,
        recorder: Recorder,
        *,
        part: Part,
        page: WebServer,
        clock_ns: Callable[[], int] = time.monotonic_ns,
    ) -> None:
        """Create the presenter, and open the screen.

        Args:
            settings: The settings in force.
            pipeline: Delivers the results.
            telemetry: Gets durations, rates and faults of the screen; its figures are shown.
            recorder: Gets the drawn pictures.
            part: Gets the heartbeats of the main thread.
            page: Gets pictures for the web page while somebody watches it.
            clock_ns: The monotonic clock, nanoseconds.

        Raises:
            DisplayError: See `open_display`.
        """
        keys = [(key.shown, key.meaning) for key in KEYS]
        self.notices = Notices(keys, clock_ns, lambda: page.address if page.reachable else None)
        self._pipeline = pipeline
        self._telemetry = telemetry
        self._recorder = recorder
        self._part = part
        self.page = page
        self._picture = page.picture
        self._clock_ns = clock_ns
        self._first_picture_due = False
        self._still_scene: Scene | None = None  # a still picture or a message: shown until replaced
        self._still_result: Result | None = None  # the result in that scene, if it is not a message
        self._wanted: Callable[[Scene, Result], None] | None = None
        self._last_result_ns = clock_ns()
        self._display = self._open_display(settings, must=True)
        self._newest = self._make_newest(settings.overlay)
        self._overlay = settings.overlay  # as configured; keys change the renderer's copy only
        self._renderer = self._make_renderer(settings, settings.overlay)

    @property
    def screen(self) -> str:
        """Name of the screen, or "none"."""
        return self._display.name

    @property
    def visible(self) -> bool:
        """Whether a screen is open."""
        return self._display.visible

    @property
    def overlay(self) -> OverlaySettings:
        """The overlay settings in use, including changes made by keys."""
        return self._renderer.settings

    @property
    def poll_interval_s(self) -> float:
        """Longest time until the next `poll`, seconds."""
        return self._display.poll_interval_s

    def send_heartbeat(self) -> None:
        """Send a heartbeat of the main thread, which only the screen can block."""
        within = OPEN_S if self._first_picture_due else STALL_S
        missing = None if self._display.visible else self._telemetry.faults().get(DISPLAY)
        if missing is None:
            self._part.running(self._display.name, within=within)
        else:
            self._part.waiting(missing, within=within, tried=False)

    def state_demand(self) -> None:
        """Tell the source which pictures will be seen, so that it decodes no others."""
        demand, seen = self._pipeline.demand, self._is_seen()
        demand.visible = seen
        demand.every_picture = seen and self._newest is not None and self._pipeline.live

    def change_overlay(self, settings: Settings) -> None:
        """Draw according to other settings; a still picture is drawn again at once.

        Changes made by keys stay, unless the settings change the same values: a picture that was
        hidden by a key must not reappear because another camera is used.
        """
        changed = {
            name: value for name, value in settings.overlay if value != getattr(self._overlay, name)
        }
        overlay = self._renderer.settings.model_copy(update=changed)
        self._overlay = settings.overlay
        self._newest = self._make_newest(overlay)
        self._renderer = self._make_renderer(settings, overlay)
        self._draw_held_again()

    def draw_with(self, **settings: Any) -> None:  # noqa: ANN401 - values of the settings
        """Draw with some overlay settings changed; a still picture is drawn again at once."""
        self._renderer.change(**settings)
        self._draw_held_again()

    def change_display(self, settings: Settings) -> None:
        """Close the screen, and open the one that other settings name."""
        self._display.close()
        self._display = self._open_display(settings, must=False)
        self._repeat_lasting()

    def toggle_fullscreen(self) -> bool | None:
        """See `Display.toggle_fullscreen`."""
        return self._display.toggle_fullscreen()

    def take(self) -> Result | None:
        """Return the next result for `show_result`, or None when there is none yet.

        With `overlay.sync: live` it is the newest frame of a live source, with moved poses.
        """
        newest = self._newest if self._pipeline.live else None
        return self._pipeline.take(0.0) if newest is None else newest.take()

    def show_result(self, result: Result) -> None:
        """Show and record a result, then release it; a still picture is kept until the next."""
        self._last_result_ns = self._clock_ns()
        frozen = self._still_result is not None and self._pipeline.live and self._pipeline.paused
        held = None
        try:
            if not self._is_wanted():
                return
            stopwatch = self._stopwatch(result)
            scene = self._scene(result)
            if self._recorder.active:
                canvas = self._renderer.draw(scene)
                self._recorder.send(canvas, scene.order, self._recording_time(result.frame))
            stopwatch.lap("compose")
            if not self._display.visible:
                self._telemetry.add({stage: stopwatch.laps_ms[stage] for stage in COMPOSING})
            self.notices.waiting = False
            if not frozen:
                self._release_held()
                self._give_wanted(scene, result)
                if self._pipeline.still:
                    self._still_result = held = result
                elif self._pipeline.paused:
                    self._still_result = result.copied()
                    scene = self._scene(self._still_result)
                self._show(scene, stopwatch)
                self._still_scene = scene if self._still_result is not None else None
        finally:
            if held is None:
                result.release()

    def show_no_result(self) -> None:
        """Replace an outdated picture by a message about what is missing, if anything is."""
        faults, source = self._telemetry.faults(), self._pipeline.describe_source()
        silence_s = (self._clock_ns() - self._last_result_ns) / 1e9
        if SOURCE in faults:
            seen = self._telemetry.count(Event.CAPTURED) > 0
            message = no_picture(source, faults[SOURCE], self._pipeline.lost, seen=seen)
        elif INFERENCE in faults:
            message = no_poses(faults[INFERENCE])
        elif self._pipeline.live and silence_s > max(STALE_S, 2 / (self._pipeline.frame_rate or 1)):
            message = silent_source(source, silence_s)
        else:
            return
        if self._pipeline.live:
            self._pipeline.resume()  # the paused picture is gone
        self._wanted = None
        self._release_held()
        self.notices.waiting = True
        scene = self._renderer.message(message.title, *message.lines)
        if scene is not self._still_scene:
            self._show_lasting(scene)

    def take_picture(self, take: Callable[[Scene, Result], None]) -> bool:
        """Call a function with the still picture that is shown, or else with the next picture.

        Returns:
            Whether it has been or will be called; False while a message is shown.
        """
        if self._still_result is not None:
            take(self._scene(self._still_result), self._still_result)
        elif self._still_scene is not None:
            return False
        else:
            self._wanted = take
        return True

    def draw(self, scene: Scene) -> Image:
        """Return the picture of a scene; see `Renderer.draw`."""
        return self._renderer.draw(scene)

    def poll(self) -> list[str]:
        """Return the keys that were pressed, and keep the screen up to date.

        Raises:
            DesktopEnded: The window cannot be used any more.
        """
        was_visible = self._display.visible
        keys = self._display.poll()
        if (self._display.visible and not was_visible) or self.notices.stale:
            self._repeat_lasting()
        if self._still_scene is not None and self._picture.due_again():
            self._picture.send(self._still_scene, self._renderer.draw)
        return keys

    def close(self) -> None:
        """Close the screen; closing twice does no harm."""
        self._display.close()

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

    def _make_renderer(self, settings: Settings, overlay: OverlaySettings) -> Renderer:
        live = self._pipeline.live
        readout = Readout(
            self._telemetry,
            source=self._pipeline.describe_source,
            live=live,
            newest=live and overlay.sync == "live",
        )
        return Renderer(overlay, mirror=live and settings.camera.mirror, readout=readout)

    def _make_newest(self, overlay: OverlaySettings) -> NewestFrames | None:
        if overlay.sync == "frame":
            return None
        return NewestFrames(self._pipeline, overlay.min_keypoint_score, self._clock_ns())

    def _recording_time(self, frame: Frame) -> float:
        """Return the time stamp of a frame in a recording, seconds."""
        # Monotonic, because the wall clock of a Pi jumps when the network comes up.
        return frame.captured_ns / 1e9 if self._pipeline.live else frame.time

    def _give_wanted(self, scene: Scene, result: Result) -> None:
        if self._wanted is not None and result.frame.full_size is None:
            take, self._wanted = self._wanted, None
            take(scene, result)

    def _draw_held_again(self) -> None:
        if self._still_result is None:
            return
        if self._pipeline.still or self._pipeline.paused:
            self._show_lasting(self._scene(self._still_result))
        else:  # the next frame is on its way; what was drawn before must not be shown again
            self._still_scene = None
            self._release_held()

    def _release_held(self) -> None:
        if self._still_result is not None:
            self._still_result.release()
            self._still_result = None

    def _scene(self, result: Result) -> Scene:
        paused = result is self._still_result and self._pipeline.paused
        pipeline = self._pipeline
        return self._renderer.scene(
            result, skipped=pipeline.skipped, paused=paused, resting=pipeline.rest.resting
        )

    def _show_lasting(self, scene: Scene) -> None:
        """Show a scene that stays until another one replaces it."""
        self._still_scene = scene
        self._show(scene)

    def _repeat_lasting(self) -> None:
        if self._still_scene is not None:
            self._show(self._still_scene)

    def _is_seen(self) -> bool:
        """Return whether the next picture is shown, recorded, or asked for."""
        screen = self._display.visible or self._picture.watched
        return screen or self._recorder.active or self._wanted is not None

    def _is_wanted(self) -> bool:
        """Return whether the next picture is needed now, or later as a still picture."""
        return self._is_seen() or self._pipeline.still or self._pipeline.paused

    def _stopwatch(self, result: Result) -> Stopwatch:
        """Return a stopwatch that continues the timing of a result, from the end of "handover"."""
        begin_ns = result.frame.captured_ns if result.done_ns is None else result.done_ns
        stopwatch = Stopwatch(begin_ns, laps_ms=result.laps_ms, clock_ns=self._clock_ns)
        stopwatch.lap("handover")
        return stopwatch

    def _show(self, scene: Scene, stopwatch: Stopwatch | None = None) -> None:
        """Show a scene; with the stopwatch of its result, record how long that takes."""
        seen = replace(scene, overlay=self.notices.over(scene.overlay))
        shown = self._display.show(seen, stopwatch or Stopwatch())
        if shown or not self._display.visible:
            self._first_picture_due = False
        if shown and stopwatch is not None:
            age_ms = None
            if self._newest is not None and self._pipeline.live:
                age_ms = (self._clock_ns() - self._newest.posed_ns) / 1e6
            self._telemetry.shown(stopwatch.laps_ms, age_ms)
        if self._picture.due():
            self._picture.send(scene, self._renderer.draw)
