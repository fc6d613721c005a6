"""The command `run`: from source to screen until somebody ends it."""

from __future__ import annotations

import logging
import queue
import time
from collections.abc import Callable
from contextlib import ExitStack, suppress
from dataclasses import dataclass
from typing import Final

from pose_edge.config.schema import Settings
from pose_edge.errors import EndOfStream
from pose_edge.estimators import Estimator
from pose_edge.live.presenter import Presenter
from pose_edge.live.reconfigure import Reconfigurer, spares
from pose_edge.live.reload import Reloader
from pose_edge.live.signals import Signals
from pose_edge.live.status import status_line
from pose_edge.pipeline.loading import load_model
from pose_edge.pipeline.pipeline import Pipeline
from pose_edge.sinks.jsonl import PoseFile, pose_file
from pose_edge.sinks.recorder import Recorder, recorder
from pose_edge.sinks.restarting_sink import close_together
from pose_edge.sources import Source, choose_source
from pose_edge.supervision.sd_notify import SystemdNotifier, watchdog_interval
from pose_edge.supervision.supervisor import Supervisor
from pose_edge.supervision.watchdog import Watchdog
from pose_edge.telemetry import Summary, Telemetry
from pose_edge.tracking import PoseTracker

log = logging.getLogger(__name__)

TAKE_S: Final = 0.02
"""How long the main thread waits for a result before it looks at keys and signals again."""
STATUS_INTERVAL_S: Final = 10.0
STALL_S: Final = 10.0
"""A main thread that says nothing for so long has stalled: it waits for nothing but the screen."""
BUSY_S: Final = 60.0
"""The same from the opening of a screen to its first picture."""


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


def run(settings: Settings, signals: Signals, read: Callable[[], Settings]) -> RunReport:
    """Show what the source sees, with poses, until the end, a key, or a signal.

    Args:
        settings: Everything.
        signals: What is asked for from outside.
        read: Reads the configuration again, when that is asked for.

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
            stop=signals.stop,
        )
        source = choose_source(settings.source, settings.camera)
        stack.callback(source.close)
        # What is waited for is opened by the pipeline: the screen need not be black meanwhile.
        if not _waits(source, settings):
            source.open()
        log.info("source: %s", source.describe())
        made = _Run(settings, estimator, source, telemetry, signals=signals, stack=stack, read=read)
        return made.go()


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
        signals: Signals,
        stack: ExitStack,
        read: Callable[[], Settings],
    ) -> None:
        self._signals = signals
        self._telemetry = telemetry
        self._supervisor = Supervisor()
        self._main = self._supervisor.add("screen")
        self._errands: queue.SimpleQueue[Callable[[], None]] = queue.SimpleQueue()
        self._recorder, self._poses = _open_sinks(
            settings, source, telemetry, self._supervisor, stack
        )
        self._pipeline = Pipeline(
            source,
            estimator,
            telemetry,
            following=PoseTracker(settings, live=source.live),
            sinks=[self._poses],
            pace=settings.source.pace,
            max_frames=settings.run.max_frames,
            limit_s=settings.camera.timeout,
            opened=not _waits(source, settings),
            supervisor=self._supervisor,
            spares=spares(settings, telemetry.set_fault),
        )
        self._show = Presenter(
            settings,
            self._pipeline,
            telemetry,
            self._recorder,
            report=telemetry.set_fault,
            busy=lambda: self._main.starting(within=BUSY_S),
        )
        stack.callback(self._show.close)
        # Ended first: nothing may be sent to an output that is closed already.
        stack.callback(self._pipeline.stop)
        notifier = SystemdNotifier.from_environment()
        adapter = Reconfigurer(
            settings,
            self._pipeline,
            self._show,
            telemetry,
            recorder=self._recorder,
            poses=self._poses,
            in_main_thread=self._errands.put,
        )
        self._reloader = Reloader(settings, read, adapter.follow, notifier)
        stack.callback(self._reloader.close)
        self._watch = Watchdog(
            self._supervisor, notifier, self._status_line, interval=watchdog_interval()
        )
        stack.callback(self._watch.close)
        self._started = self._said = time.monotonic()

    def go(self) -> RunReport:
        """Show results until the end."""
        if not self._signals.stop.is_set():  # it may have been, while an Edge TPU was waited for
            self._pipeline.start()
        self._started = self._said = time.monotonic()
        self._watch.start()
        try:
            while True:
                self._say_alive()
                if self._ended():
                    self._main.done()  # a source may take longer to end than one that works
                    self._pipeline.stop()
                result = self._pipeline.take(TAKE_S)
                if result is not None:
                    self._show.result(result)
                else:
                    self._show.no_result()
                self._heed()
                self._say_status()
        except EndOfStream:
            if self._pipeline.still:
                self._linger()
        seconds = time.monotonic() - self._started
        return RunReport(
            processed=self._telemetry.count("inference"),
            with_person=self._telemetry.count("somebody"),
            skipped=self._pipeline.skipped,
            seconds=seconds,
            stages=self._telemetry.summaries(),
            backends=self._telemetry.backends(),
            failures=self._failures(),
        )

    def _failures(self) -> tuple[str, ...]:
        """Return what is not written at the end; what was only interrupted is told in the log."""
        sinks = (self._recorder, self._poses)
        for sink in sinks:
            if sink.lost:
                log.warning("%s: %d left out while nothing could be written", sink.name, sink.lost)
        return tuple(sink.failed for sink in sinks if sink.failed)

    def _say_alive(self) -> None:
        within = BUSY_S if self._show.opening else STALL_S
        missing = self._show.missing
        if missing is None:
            self._main.running(self._show.screen, within=within)
        else:
            self._main.waiting(missing, within=within, tried=False)

    def _ended(self) -> bool:
        settings = self._reloader.settings
        duration = settings.run.duration
        if duration is not None and time.monotonic() - self._started >= duration:
            return True
        # Nobody reads the standard output any more, e.g. `| head`.
        unread = settings.poses.path == "-" and self._poses.failed
        return self._signals.stop.is_set() or bool(unread)

    def _heed(self) -> None:
        """Do what keys, signals and other threads ask for."""
        if self._show.keys():
            self._signals.stop.set()
        if self._signals.reload.is_set():
            self._signals.reload.clear()
            self._reloader.ask()
        if self._signals.hang.is_set():
            self._signals.hang.clear()
            self._try_hanging()
        with suppress(queue.Empty):
            while True:
                self._errands.get_nowait()()

    def _try_hanging(self) -> None:
        part = self._reloader.settings.testing.deadlock
        if part is None:
            log.warning("SIGUSR2 does nothing unless testing.deadlock names a part")
        else:
            self._supervisor.freeze(part)

    def _linger(self) -> None:
        """Leave the last picture on the screen until it is closed."""
        while self._show.visible and not self._ended():
            self._say_alive()
            self._heed()
            self._signals.stop.wait(TAKE_S)

    def _say_status(self) -> None:
        now = time.monotonic()
        if now - self._said < STATUS_INTERVAL_S:
            return
        self._said = now
        log.info("%s; %d skipped", self._status_line(), self._pipeline.skipped)

    def _status_line(self) -> str:
        return status_line(self._telemetry, self._supervisor.statuses(), self._show.screen)


def _open_sinks(
    settings: Settings,
    source: Source,
    telemetry: Telemetry,
    supervisor: Supervisor,
    stack: ExitStack,
) -> tuple[Recorder, PoseFile]:
    """Open the sinks; at the end they are closed together.

    Raises:
        PoseEdgeError: One cannot be written to.
    """
    storage = settings.storage if source.live else None
    recording = recorder(
        settings.record,
        storage,
        frame_rate=source.frame_rate,
        report=lambda reason: telemetry.set_fault("recording", reason),
        supervisor=supervisor,
    )
    poses = pose_file(
        settings.poses,
        storage,
        report=lambda reason: telemetry.set_fault("poses", reason),
        supervisor=supervisor,
    )
    stack.callback(close_together, [recording, poses])
    recording.open()
    poses.open()
    return recording, poses
