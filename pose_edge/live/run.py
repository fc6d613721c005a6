"""The command `run`: set up a run, and drive the main loop from source to screen."""

from __future__ import annotations

import logging
import time
from collections.abc import Callable
from contextlib import ExitStack, closing
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Final

from pose_edge.config.schema import Settings
from pose_edge.errors import EndOfStream
from pose_edge.live.audience import find_audience
from pose_edge.live.reconfigure import ChosenModel
from pose_edge.live.run_parts import RunParts, RunRequest, open_parts
from pose_edge.live.run_report import RunReport
from pose_edge.live.signals import Signals
from pose_edge.live.status import status_line
from pose_edge.pipeline.replay import load_model_or_replay
from pose_edge.sinks.output_guard import check_outputs
from pose_edge.sources import choose_source
from pose_edge.supervision.sd_notify import watchdog_interval
from pose_edge.supervision.watchdog import Watchdog
from pose_edge.telemetry import EDGETPU, Event, Telemetry
from pose_edge.util.resources import state_dir
from pose_edge.zoo.registry import AUTO

if TYPE_CHECKING:
    from pose_edge.live.auto_model import AutoModel, TuneRequest

log = logging.getLogger(__name__)

IDLE_S: Final = 1.0
"""Longest wait of the main thread, seconds. Events wake it earlier, except for keys, which must be
polled: see `Presenter.poll_interval_s`."""
STATUS_INTERVAL_S: Final = 10.0
"""Interval at which the status is logged, seconds."""


def run(
    settings: Settings,
    signals: Signals,
    read: Callable[[], Settings],
    *,
    config: Path | None = None,
    replace: bool = False,
    tune: TuneRequest | None = None,
) -> RunReport:
    """Show the source with poses until it ends, or until a key, a signal or a limit ends the run.

    Args:
        settings: The settings at the start.
        signals: The requests that come as signals.
        read: Reads the configuration again, for a reload.
        config: The configuration file, which no output may overwrite.
        replace: Whether existing output files may be replaced; those of live sources never are.
        tune: If given, all candidates for `model.name: auto` are measured, known ones too.

    Returns:
        What the run has processed, and what failed.

    Raises:
        UsageError: An output would destroy something; nothing was opened.
        PoseEdgeError: Something that is needed at the start is unavailable, or the source or
            the model has failed and cannot be replaced.
    """
    telemetry = Telemetry()
    source = choose_source(settings.source, settings.camera)
    check_outputs(settings, config, numbered=source.live, replace=replace)
    chosen = ChosenModel(_first_model(settings, tune), settings.model.people)
    order = RunRequest(
        settings,
        source,
        telemetry,
        signals,
        read,
        config,
        replace=replace,
        chosen=chosen,
        tune=tune,
    )
    with ExitStack() as stack:
        estimator = load_model_or_replay(
            chosen.applied(settings),
            stack,
            report=partial(telemetry.set_fault, EDGETPU),
            stop=signals.stop,
        )
        if (advice := find_audience(settings)) is not None:
            log.warning("%s", advice)
        made = _MainLoop(order, open_parts(order, estimator, stack))
        made.go()
    return made.report()  # the outputs are closed by now, so what they lost is known


def _first_model(settings: Settings, tune: TuneRequest | None) -> str:
    """Return the name of the model that a run starts with."""
    if settings.model.name != AUTO:
        return settings.model.name
    from pose_edge.live.auto_model import first_model

    return first_model(settings, state_dir(), tune)


class _MainLoop:
    """The main thread's loop during a run."""

    def __init__(self, order: RunRequest, parts: RunParts) -> None:
        self._signals = order.signals
        self._telemetry = order.telemetry
        self._tune = order.tune
        self._parts = parts
        self._pipeline = parts.pipeline
        self._presenter = parts.presenter
        self._reloader = parts.reloader
        self._auto_model: AutoModel | None = None
        self._started_s = self._logged_s = self._ended_s = parts.started_s

    def go(self) -> None:
        """Show results until the run ends."""
        watchdog = Watchdog(
            self._parts.supervisor,
            self._parts.notifier,
            self._status_line,
            interval=watchdog_interval(),
        )
        with closing(watchdog):
            if not self._signals.stop.is_set():  # it may be set: loading can wait for an Edge TPU
                self._pipeline.start()
            self._started_s = self._logged_s = time.monotonic()
            watchdog.start()
            try:
                while True:
                    self._show_next()
            except EndOfStream:
                if self._pipeline.still:
                    self._linger()
            self._ended_s = time.monotonic()

    def _show_next(self) -> None:
        """Show the next result or wait for one, then handle requests."""
        self._presenter.send_heartbeat()
        self._presenter.state_demand()
        if self._should_end():
            self._parts.main.done()  # the end of a source may take longer than a heartbeat
            self._pipeline.stop()
        if result := self._presenter.take():
            self._presenter.show_result(result)
        else:
            self._presenter.show_no_result()
            self._signals.wakeup.wait(self._longest_wait_s())
        self._handle_requests()
        self._choose_model()
        self._log_status()

    def _linger(self) -> None:
        """Leave the last picture on the screen until the screen is closed or the run is ended."""
        while self._presenter.visible and not self._should_end():
            self._presenter.send_heartbeat()
            self._handle_requests()
            self._signals.wakeup.wait(self._longest_wait_s())

    def _longest_wait_s(self) -> float:
        """Return the longest wait, seconds; neither keys nor `run.duration` end it early."""
        wait_s = min(IDLE_S, self._presenter.poll_interval_s)
        if (duration := self._reloader.settings.run.duration) is not None:
            wait_s = min(wait_s, self._started_s + duration - time.monotonic())
        return wait_s

    def _should_end(self) -> bool:
        settings = self._reloader.settings
        duration = settings.run.duration
        late = duration is not None and time.monotonic() - self._started_s >= duration
        return late or self._is_unread() or self._signals.stop.is_set()

    def _is_unread(self) -> bool:
        """Return whether the reader of the only output, e.g. `| head`, has left."""
        return self._parts.outputs.unread and not self._parts.recorder.active

    def _handle_requests(self) -> None:
        """Carry out what keys, signals and other threads request."""
        if self._parts.controls.handle_keys():
            self._signals.stop.set()
        if self._signals.reload.is_set():
            self._signals.reload.clear()
            self._reloader.request()
        if self._signals.hang.is_set():
            self._signals.hang.clear()
            if (part := self._reloader.settings.testing.deadlock) is not None:
                self._parts.supervisor.freeze(part)
        self._parts.calls.run()

    def _choose_model(self) -> None:
        """Let `model.name: auto` check its choice, and decide whether frames may be passed over."""
        settings, pipeline = self._reloader.settings, self._pipeline
        if settings.source.poses is not None:
            return  # no model runs
        if self._auto_model is None and settings.model.name == AUTO:
            from pose_edge.live.auto_model import AutoModel

            self._auto_model = AutoModel(
                self._parts.meter, self._telemetry, self._order_model, state_dir(), tune=self._tune
            )
        measuring = False
        if self._auto_model is not None:
            from pose_edge.live.auto_model import Feed

            paced = pipeline.live or (settings.source.pace and not pipeline.still)
            self._auto_model.look(settings, Feed(pipeline.frame_rate, paced))
            measuring = self._auto_model.measuring
        pipeline.rest.allowed = settings.model.rest == "auto" and not measuring

    def _order_model(self, name: str, people: str, failed: Callable[[], None]) -> None:
        chosen = ChosenModel(name, people)
        self._reloader.request_call(partial(self._parts.reconfigurer.use_model, chosen, failed))

    def _log_status(self) -> None:
        now = time.monotonic()
        if now - self._logged_s >= STATUS_INTERVAL_S:
            self._logged_s = now
            log.info("%s; %d skipped", self._status_line(), self._pipeline.skipped)

    def _status_line(self) -> str:
        line = status_line(
            self._telemetry,
            self._parts.supervisor.parts,
            self._presenter.screen,
            [sink.name for sink in self._parts.sinks if sink.active],
        )
        doing = "at rest" if self._pipeline.rest.resting else ""
        doing, page = "paused" if self._pipeline.paused else doing, self._parts.outputs.web.address
        return "; ".join(filter(None, (line, doing, page and f"page {page}")))

    def report(self) -> RunReport:
        """Return how the run went; call it once the outputs are closed."""
        return RunReport(
            processed=self._telemetry.count(Event.PROCESSED),
            with_person=self._telemetry.count(Event.PERSON),
            skipped=self._pipeline.skipped,
            passed_over=self._telemetry.count(Event.PASSED_OVER),
            seconds=self._ended_s - self._started_s,
            stages=self._telemetry.summaries(),
            backends=self._telemetry.backends(),
            failures=(
                *(reason for sink in self._parts.sinks for reason in sink.failures()),
                *self._parts.outputs.web.failures(),
                *self._pipeline.missing,
            ),
        )
