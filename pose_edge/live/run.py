"""The command `run`: from source to screen, until the end."""

from __future__ import annotations

import logging
import queue
import time
from collections.abc import Callable
from contextlib import ExitStack
from functools import partial
from pathlib import Path
from typing import Any, Final

from pose_edge.config.schema import Settings
from pose_edge.errors import EndOfStream
from pose_edge.estimators import Estimator
from pose_edge.live.audience import find_audience
from pose_edge.live.auto_model import AutoModel, Feed, TuneOrder, first_model
from pose_edge.live.controls import Controls
from pose_edge.live.outputs import Outputs
from pose_edge.live.page_access import page_access
from pose_edge.live.presenter import Presenter
from pose_edge.live.reconfigure import ChosenModel, Reconfigurer, pipeline_options
from pose_edge.live.reload import Reloader
from pose_edge.live.run_report import RunReport
from pose_edge.live.run_state import read_state
from pose_edge.live.signals import Signals
from pose_edge.live.status import status_line
from pose_edge.live.steering import SettingSteering
from pose_edge.pipeline.loading import load_model
from pose_edge.pipeline.pipeline import Pipeline
from pose_edge.sinks.name_pattern import is_standard_output
from pose_edge.sinks.output_guard import check_outputs
from pose_edge.sinks.recorder import recorder
from pose_edge.sinks.restarting_sink import RestartingSink, close_together
from pose_edge.sinks.run_state import RunState
from pose_edge.sources import Source, choose_source
from pose_edge.supervision.sd_notify import SystemdNotifier, watchdog_interval
from pose_edge.supervision.supervisor import Supervisor
from pose_edge.supervision.watchdog import Watchdog
from pose_edge.telemetry import EDGETPU, Event, Telemetry
from pose_edge.tracking import PoseTracker
from pose_edge.tuning.pass_meter import PassMeter
from pose_edge.util.resources import state_dir

log = logging.getLogger(__name__)

TAKE_S: Final = 0.02
"""Longest wait for a result before the main thread looks at keys and signals again."""
STATUS_INTERVAL_S: Final = 10.0


def run(
    settings: Settings,
    signals: Signals,
    read: Callable[[], Settings],
    *,
    config: Path | None = None,
    replace: bool = False,
    tune: TuneOrder | None = None,
) -> RunReport:
    """Show what the source sees, with poses, until the source ends, a key, or a signal.

    Args:
        settings: The settings at the start.
        signals: The requests that come as signals.
        read: Reads the configuration again, for a reload.
        config: The configuration file, which no output may overwrite.
        replace: Whether output files may be replaced that exist already; those of live sources
            never are.
        tune: Given to measure all candidates for `model.name: auto`, whatever is known of them.

    Raises:
        UsageError: An output would destroy something; nothing was opened.
        PoseEdgeError: Something that is needed at the start is not available, or the source or
            the model has failed and cannot be replaced.
    """
    telemetry = Telemetry()
    source = choose_source(settings.source, settings.camera)
    check_outputs(settings, config, numbered=source.live, replace=replace)
    chosen = ChosenModel(first_model(settings, state_dir(), tune), settings.model.people)
    with ExitStack() as stack:
        estimator = load_model(
            chosen.applied(settings),
            stack,
            report=partial(telemetry.set_fault, EDGETPU),
            stop=signals.stop,
        )
        if (advice := find_audience(settings)) is not None:
            log.warning("%s", advice)
        made = _Run(
            settings,
            estimator,
            source,
            telemetry,
            signals=signals,
            read=read,
            config=config,
            replace=replace,
            chosen=chosen,
            tune=tune,
            stack=stack,
        )
        made.go()
    return made.report()  # the outputs have ended: now it is known what was lost


class _Run:
    """The main thread's part of a run."""

    def __init__(
        self,
        settings: Settings,
        estimator: Estimator,
        source: Source,
        telemetry: Telemetry,
        *,
        signals: Signals,
        read: Callable[[], Settings],
        config: Path | None,
        replace: bool,
        chosen: ChosenModel,
        tune: TuneOrder | None,
        stack: ExitStack,
    ) -> None:
        self._signals = signals
        self._telemetry = telemetry
        self._main_thread_calls: queue.SimpleQueue[Callable[[], None]] = queue.SimpleQueue()
        self._supervisor = Supervisor()
        self._part = self._supervisor.add("screen")  # the main thread
        storage = settings.storage if source.live else None
        self._started_s = self._logged_s = time.monotonic()
        self._outputs = Outputs(settings, storage, telemetry, self._supervisor, replace=replace)
        self._sinks: list[RestartingSink[..., Any]] = [*self._outputs.sinks]
        stack.callback(close_together, self._sinks)
        self._outputs.open()
        self._meter = PassMeter()
        self._pipeline = self._open_pipeline(settings, source, estimator, chosen, stack)
        self._recorder = recorder(
            settings.record,
            storage,
            frame_rate=source.frame_rate,  # known now that the source is open
            report=partial(telemetry.set_fault, "recording"),
            supervisor=self._supervisor,
            replace=replace,
        )
        self._sinks.append(self._recorder)
        self._recorder.open()
        self._presenter = self._make_presenter(settings)
        stack.callback(self._presenter.close)
        notifier = SystemdNotifier.from_environment()
        self._reconfigurer = self._make_reconfigurer(settings, chosen, config)
        self._reloader = Reloader(settings, read, self._reconfigurer.apply, notifier)
        stack.callback(self._reloader.close)
        self._open_page(config)
        stack.callback(self._outputs.web.close)
        self._auto_model = AutoModel(
            self._meter, telemetry, self._order_model, state_dir(), tune=tune
        )
        self._controls = self._make_controls()
        stack.callback(self._controls.close)
        self._watchdog = Watchdog(
            self._supervisor, notifier, self._status_line, interval=watchdog_interval()
        )
        stack.callback(self._watchdog.close)

    def _make_presenter(self, settings: Settings) -> Presenter:
        return Presenter(
            settings,
            self._pipeline,
            self._telemetry,
            self._recorder,
            part=self._part,
            page=self._outputs.web,
        )

    def _state(self) -> RunState:
        return read_state(
            self._pipeline,
            self._telemetry,
            self._supervisor,
            [*self._sinks, self._outputs.web.poses],
            screen=self._presenter.screen,
            people=self._outputs.people,
            started_s=self._started_s,
        )

    def _open_page(self, config: Path | None) -> None:
        access = page_access(
            self._state,
            SettingSteering(self._reloader.request),
            self._reloader,
            self._presenter,
            in_main_thread=self._main_thread_calls.put,
            config=config,
        )
        self._outputs.web.open(access)

    def _make_controls(self) -> Controls:
        return Controls(
            self._presenter,
            self._pipeline,
            change=self._reloader.request,
            in_main_thread=self._main_thread_calls.put,
            locked=lambda: self._reloader.settings.display.lock_keys,
        )

    def _open_pipeline(
        self,
        settings: Settings,
        source: Source,
        estimator: Estimator,
        chosen: ChosenModel,
        stack: ExitStack,
    ) -> Pipeline:
        pipeline = Pipeline(
            source,
            estimator,
            self._telemetry,
            tracker=PoseTracker(settings, live=source.live),
            sinks=[self._outputs, self._meter],
            max_frames=settings.run.max_frames,
            options=pipeline_options(chosen.applied(settings), self._telemetry),
            supervisor=self._supervisor,
        )
        stack.callback(pipeline.stop)  # before the outputs are closed
        # A source that is waited for is opened later, so that the screen can say so.
        if not (source.live and settings.camera.wait):
            pipeline.open()
        log.info("source: %s", source.describe())
        return pipeline

    def _make_reconfigurer(
        self, settings: Settings, chosen: ChosenModel, config: Path | None
    ) -> Reconfigurer:
        return Reconfigurer(
            settings,
            self._pipeline,
            self._presenter,
            self._telemetry,
            self._recorder,
            self._outputs,
            in_main_thread=self._main_thread_calls.put,
            chosen=chosen,
            config=config,
        )

    def go(self) -> None:
        """Show results until the end."""
        if not self._signals.stop.is_set():  # it may be: loading waits for an Edge TPU
            self._pipeline.start()
        self._started_s = self._logged_s = time.monotonic()
        self._watchdog.start()
        try:
            while True:
                self._presenter.send_heartbeat()
                if self._should_end():
                    self._part.done()  # the end of a source may take longer than a heartbeat
                    self._pipeline.stop()
                if result := self._pipeline.take(TAKE_S):
                    self._presenter.show_result(result)
                else:
                    self._presenter.show_no_result()
                self._handle_requests()
                self._choose_model()
                self._log_status()
        except EndOfStream:
            if self._pipeline.still:
                self._linger()
        self._ended_s = time.monotonic()

    def _linger(self) -> None:
        """Leave the last picture on the screen until the screen is closed."""
        while self._presenter.visible and not self._should_end():
            self._presenter.send_heartbeat()
            self._handle_requests()
            self._signals.stop.wait(TAKE_S)

    def _should_end(self) -> bool:
        settings = self._reloader.settings
        duration = settings.run.duration
        late = duration is not None and time.monotonic() - self._started_s >= duration
        return late or self._is_unread() or self._signals.stop.is_set()

    def _is_unread(self) -> bool:
        """Return whether nobody reads the only output, e.g. `| head`; a recording goes on."""
        path, poses = self._reloader.settings.poses.path or "", self._outputs.poses
        ended = poses.unread or (is_standard_output(path) and poses.failed is not None)
        others = any(sink.active for sink in self._sinks if sink is not poses)
        return ended and not others

    def _handle_requests(self) -> None:
        """Do what keys, signals and other threads ask for."""
        if self._controls.handle_keys():
            self._signals.stop.set()
        if self._signals.reload.is_set():
            self._signals.reload.clear()
            self._reloader.request()
        if self._signals.hang.is_set():
            self._signals.hang.clear()
            if (part := self._reloader.settings.testing.deadlock) is not None:
                self._supervisor.freeze(part)
        while not self._main_thread_calls.empty():
            self._main_thread_calls.get()()

    def _choose_model(self) -> None:
        settings, pipeline = self._reloader.settings, self._pipeline
        paced = pipeline.live or (settings.source.pace and not pipeline.still)
        self._auto_model.look(settings, Feed(pipeline.frame_rate, paced))

    def _order_model(self, name: str, people: str, failed: Callable[[], None]) -> None:
        chosen = ChosenModel(name, people)
        self._reloader.request_call(partial(self._reconfigurer.use_model, chosen, failed))

    def _log_status(self) -> None:
        now = time.monotonic()
        if now - self._logged_s >= STATUS_INTERVAL_S:
            self._logged_s = now
            log.info("%s; %d skipped", self._status_line(), self._pipeline.skipped)

    def _status_line(self) -> str:
        line = status_line(self._telemetry, self._supervisor.parts, self._presenter.screen)
        line = f"{line}; paused" if self._pipeline.paused else line
        page = self._outputs.web.address
        return f"{line}; page {page}" if page else line

    def report(self) -> RunReport:
        """Return how the run went, once its outputs have ended."""
        return RunReport(
            processed=self._telemetry.count(Event.PROCESSED),
            with_person=self._telemetry.count(Event.PERSON),
            skipped=self._pipeline.skipped,
            seconds=self._ended_s - self._started_s,
            stages=self._telemetry.summaries(),
            backends=self._telemetry.backends(),
            failures=(
                *(reason for sink in self._sinks for reason in sink.failures()),
                *self._pipeline.missing,
            ),
        )
