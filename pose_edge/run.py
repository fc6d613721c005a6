"""The command `run`: from source to screen until somebody ends it."""

from __future__ import annotations

import logging
import threading
import time
from collections.abc import Callable
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from pose_edge.displays import open_display
from pose_edge.errors import EndOfStream
from pose_edge.estimators import Estimator
from pose_edge.frames import Frame
from pose_edge.loading import load_model
from pose_edge.notify import Notifier, watchdog_interval
from pose_edge.overlay import Readout, Scene
from pose_edge.pipeline import STALL_S, Pipeline
from pose_edge.poses import Result
from pose_edge.renderer import Renderer
from pose_edge.settings import Settings
from pose_edge.sinks.jsonl import JsonLines
from pose_edge.sinks.recorder import Recorder
from pose_edge.sources import Source, choose_source
from pose_edge.supervisor import Supervisor
from pose_edge.telemetry import Stopwatch, Summary, Telemetry
from pose_edge.tracking import Following
from pose_edge.watch import Watch

log = logging.getLogger(__name__)

TAKE_S: Final = 0.02
"""How long the main thread waits for a result before it looks at keys and signals again."""
STATUS_INTERVAL_S: Final = 10.0


@dataclass(frozen=True, slots=True)
class RunReport:
    """How a run went.

    Attributes:
        processed: Frames that were processed.
        with_person: Frames in which somebody was found.
        skipped: Frames that were captured but not processed, so that the newest could be.
        seconds: From the first to the last.
        stages: Times of each stage, milliseconds.
        backends: Frames that each backend looked at.
        failures: What was asked for and not done.
    """

    processed: int
    with_person: int
    skipped: int
    seconds: float
    stages: dict[str, Summary]
    backends: dict[str, int]
    failures: tuple[str, ...]


def run(settings: Settings, stop: threading.Event) -> RunReport:
    """Show what the source sees, with poses, until the end, a key, or `stop`.

    Args:
        settings: Everything.
        stop: Set it to end in order.

    Raises:
        PoseEdgeError: Something that was asked for cannot be had at the start, or the source or
            the model failed for good.
    """
    telemetry = Telemetry()
    with ExitStack() as stack:
        estimator = load_model(
            settings,
            stack,
            report=lambda reason: telemetry.set_fault("edgetpu", reason),
            stop=stop,
        )
        source = choose_source(settings.source, settings.camera)
        stack.callback(source.close)
        # What is waited for is opened by the pipeline: the screen need not be black meanwhile.
        if not _waits(source, settings):
            source.open()
        log.info("source: %s", source.describe())
        return _Run(settings, estimator, source, telemetry, stop=stop, stack=stack).go()


def _waits(source: Source, settings: Settings) -> bool:
    """Tell whether a source that is not there yet is waited for."""
    return source.live and settings.camera.wait


class _Run:
    """One run: the main thread's part of it."""

    def __init__(
        self,
        settings: Settings,
        estimator: Estimator,
        source: Source,
        telemetry: Telemetry,
        *,
        stop: threading.Event,
        stack: ExitStack,
    ) -> None:
        self._settings = settings
        self._stop = stop
        self._source = source
        self._telemetry = telemetry
        self._supervisor = Supervisor()
        self._main = self._supervisor.add("screen")
        self._with_person = 0
        self._recorder = self._open_recorder(stack)
        self._poses = self._open_poses(stack)
        self._display = open_display(
            settings.display,
            sysfs=Path(settings.testing.sysfs),
            report=self._fault_of("display"),
        )
        stack.callback(self._display.close)
        self._lasting: Scene | None = None
        self._held: Result | None = None
        self._renderer = Renderer(
            settings.overlay,
            mirror=source.live and settings.camera.mirror,
            readout=Readout(self._telemetry, source=source.describe, live=source.live),
        )
        self._pipeline = Pipeline(
            source,
            estimator,
            self._telemetry,
            following=Following(settings, live=source.live),
            sinks=[self._poses],
            pace=settings.source.pace,
            max_frames=settings.run.max_frames,
            opened=not _waits(source, settings),
            supervisor=self._supervisor,
        )
        # Ended first: nothing may be sent to an output that is closed already.
        stack.callback(self._pipeline.stop)
        self._watch = Watch(
            self._supervisor,
            Notifier.from_environment(),
            self._status_line,
            interval=watchdog_interval(),
        )
        stack.callback(self._watch.close)
        self._started = self._said = time.monotonic()

    def go(self) -> RunReport:
        """Show results until the end."""
        if not self._stop.is_set():  # it may have been, while an Edge TPU was waited for
            self._pipeline.start()
        self._started = self._said = time.monotonic()
        self._watch.start()
        try:
            while True:
                self._main.running(within=STALL_S)
                if self._ended():
                    self._main.done()  # a source may take longer to end than one that works
                    self._pipeline.stop()
                result = self._pipeline.take(TAKE_S)
                if result is not None:
                    self._show_result(result)
                elif "source" in self._telemetry.faults():
                    self._show_fault()
                self._keys()
                self._say_status()
        except EndOfStream:
            if self._source.still:
                self._linger()
        seconds = time.monotonic() - self._started
        return RunReport(
            processed=self._telemetry.count("inference"),
            with_person=self._with_person,
            skipped=self._pipeline.skipped,
            seconds=seconds,
            stages=self._telemetry.summaries(),
            backends=self._telemetry.backends(),
            failures=tuple(
                output.failed or f"{output.lost} left out"
                for output in (self._recorder, self._poses)
                if output.failed or output.lost
            ),
        )

    def _open_recorder(self, stack: ExitStack) -> Recorder:
        record = self._settings.record
        recorder = Recorder(
            record.path,
            record,
            frame_rate=self._source.frame_rate,
            drop=self._source.live,
            report=self._fault_of("recording"),
            storage=self._settings.storage if self._source.live else None,
            supervisor=self._supervisor if self._source.live else None,
        )
        recorder.open()
        stack.callback(recorder.close)
        return recorder

    def _open_poses(self, stack: ExitStack) -> JsonLines:
        poses = JsonLines(
            self._settings.poses.path,
            drop=self._source.live,
            report=self._fault_of("poses"),
            storage=self._settings.storage if self._source.live else None,
            supervisor=self._supervisor if self._source.live else None,
        )
        poses.open()
        stack.callback(poses.close)
        return poses

    def _fault_of(self, part: str) -> Callable[[str | None], None]:
        return lambda reason: self._telemetry.set_fault(part, reason)

    def _ended(self) -> bool:
        duration = self._settings.run.duration
        if duration is not None and time.monotonic() - self._started >= duration:
            return True
        # Nobody reads the standard output any more, e.g. `| head`.
        unread = self._settings.poses.path == "-" and self._poses.failed
        return self._stop.is_set() or bool(unread)

    def _show_result(self, result: Result) -> None:
        """Show and record a result, and release it; a still picture's when the next one comes."""
        try:
            self._with_person += bool(result.poses)
            scene = self._renderer.scene(result, skipped=self._pipeline.skipped)
            if self._recorder.active:
                stopwatch = Stopwatch()
                canvas = self._renderer.draw(scene)
                stopwatch.lap("compose")
                self._telemetry.add(stopwatch.laps_ms)
                self._recorder.add(canvas, scene.order, self._moment(result.frame))
            self._present(scene, result.frame.captured_ns)
            self._lasting = scene if self._source.still else None
        finally:
            done: Result | None = result
            if self._source.still:
                done, self._held = self._held, result
            if done is not None:
                done.release()

    def _moment(self, frame: Frame) -> float:
        """Return when a frame belongs in a recording, seconds.

        Of live sources the monotonic time: the wall clock of a Pi jumps when the network is there.
        """
        return frame.captured_ns / 1e9 if self._source.live else frame.time

    def _show_fault(self) -> None:
        """Say that the source is gone, instead of a picture that is not true any more."""
        fault = self._telemetry.faults().get("source", "")  # it may have come back just now
        seen = self._telemetry.count("camera") > 0
        title = "No picture" if seen else "Waiting for a camera"
        source = self._source.describe()
        lines = [fault] if source in fault else [source, fault]
        scene = self._renderer.message(title, *lines)
        if scene is not self._lasting:
            self._lasting = scene
            self._present(scene)

    def _present(self, scene: Scene, captured_ns: int | None = None) -> None:
        stopwatch = Stopwatch()
        if self._display.show(scene, stopwatch) and captured_ns is not None:
            latency_ms = (time.monotonic_ns() - captured_ns) / 1e6
            self._telemetry.tick("screen")
            self._telemetry.add({**stopwatch.laps_ms, "latency": latency_ms})

    def _keys(self) -> None:
        for key in self._display.poll():
            if key in ("q", "escape", "closed"):
                self._stop.set()
            elif key == "f":
                self._display.toggle_fullscreen()
            else:
                self._renderer.toggles.press(key)
                if self._lasting is not None:  # no other scene will come by itself
                    self._present(self._lasting)

    def _linger(self) -> None:
        """Leave the last picture on the screen until it is closed."""
        while self._display.visible and not self._ended():
            self._main.running(within=STALL_S)
            self._keys()
            self._stop.wait(TAKE_S)

    def _say_status(self) -> None:
        now = time.monotonic()
        if now - self._said < STATUS_INTERVAL_S:
            return
        self._said = now
        log.info("%s; %d skipped", self._status_line(), self._pipeline.skipped)

    def _status_line(self) -> str:
        """Say in one line how it goes, for log and `systemctl status`."""
        told = self._telemetry
        latency = told.summary("latency")
        source = next(one for one in self._supervisor.statuses() if one.name == "source")
        fault = told.faults().get("source")
        if fault is not None:
            tries = f"; tried {source.tries} times" if source.tries else ""
            return f"no picture: {fault}{tries}; display {self._display.name}"
        milliseconds = f", {latency.median:.0f} ms exposure to screen" if latency else ""
        return (
            f"{told.rate('camera'):.1f} fps camera, {told.rate('inference'):.1f} fps poses"
            f"{milliseconds}; {told.place}; display {self._display.name}"
        )
