"""The parts of a run: created in order, connected, and closed in the reverse order."""

from __future__ import annotations

import logging
import queue
import time
from collections.abc import Callable, Sequence
from contextlib import ExitStack
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

from pose_edge.config.outputs import StorageSettings
from pose_edge.config.schema import Settings
from pose_edge.estimators import Estimator
from pose_edge.live.controls import Controls
from pose_edge.live.outputs import Outputs
from pose_edge.live.page_access import page_access
from pose_edge.live.presenter import Presenter
from pose_edge.live.reconfigure import ChosenModel, Reconfigurer, pipeline_options
from pose_edge.live.reload import Reloader, SettingChange
from pose_edge.live.run_state import read_state
from pose_edge.live.signals import Signals
from pose_edge.live.steering import SettingSteering
from pose_edge.pipeline.pipeline import Pipeline
from pose_edge.sinks import Sink
from pose_edge.sinks.recorder import Recorder, recorder
from pose_edge.sinks.restarting_sink import RestartingSink, close_together
from pose_edge.sinks.run_state import RunState
from pose_edge.sinks.steering import Steering
from pose_edge.sources import Source
from pose_edge.supervision.sd_notify import SystemdNotifier
from pose_edge.supervision.supervisor import Part, Supervisor
from pose_edge.telemetry import Telemetry
from pose_edge.tracking import PoseTracker
from pose_edge.tuning.pass_meter import PassMeter
from pose_edge.util.wakeup import Wakeup

if TYPE_CHECKING:
    from pose_edge.live.auto_model import TuneRequest

log = logging.getLogger(__name__)


class MainThreadCalls:
    """A thread-safe queue of functions to be called in the main thread."""

    def __init__(self, wakeup: Wakeup) -> None:
        """Create an empty queue; `wakeup` wakes the main thread."""
        self._calls: queue.SimpleQueue[Callable[[], None]] = queue.SimpleQueue()
        self._wakeup = wakeup

    def put(self, call: Callable[[], None]) -> None:
        """Schedule a function; return at once."""
        self._calls.put(call)
        self._wakeup.set()

    def run(self) -> None:
        """Call the scheduled functions; only the main thread does this."""
        while not self._calls.empty():
            self._calls.get()()


@dataclass(frozen=True, slots=True)
class RunRequest:
    """What a run starts with.

    Attributes:
        settings: The settings at the start.
        source: The source, not yet open.
        telemetry: Gets the figures of the run.
        signals: The requests that come as signals.
        read: Reads the configuration again, for a reload.
        config: The configuration file.
        replace: Whether existing output files may be replaced.
        chosen: The model to start with.
        tune: If given, all candidates for `model.name: auto` are measured.
    """

    settings: Settings
    source: Source
    telemetry: Telemetry
    signals: Signals
    read: Callable[[], Settings]
    config: Path | None
    replace: bool
    chosen: ChosenModel
    tune: TuneRequest | None

    @property
    def storage(self) -> StorageSettings | None:
        """How output files are kept; None for a source that is a file."""
        return self.settings.storage if self.source.live else None


@dataclass(slots=True, kw_only=True)
class RunParts:
    """The parts of a run that its main thread works with.

    Attributes:
        supervisor: Tracks the state of all parts.
        main: The main thread, as a supervised part.
        outputs: All outputs that carry poses, and the page.
        recorder: The recording.
        pipeline: Source and model.
        meter: Timings of the newest frames.
        presenter: Overlay and screen.
        reconfigurer: Applies new settings.
        reloader: Reads new settings, in a thread of its own.
        controls: Handles the keys.
        calls: Functions that other threads schedule in the main thread.
        notifier: Sends notifications to systemd.
        started_s: Start of the run, monotonic seconds.
    """

    supervisor: Supervisor
    main: Part
    outputs: Outputs
    recorder: Recorder
    pipeline: Pipeline
    meter: PassMeter
    presenter: Presenter
    reconfigurer: Reconfigurer
    reloader: Reloader
    controls: Controls
    calls: MainThreadCalls
    notifier: SystemdNotifier
    started_s: float = field(default_factory=time.monotonic)

    @property
    def sinks(self) -> list[RestartingSink[..., Any]]:
        """All outputs with a writer, whether they are switched on or not."""
        return [*self.outputs.sinks, self.recorder]

    def state(self, telemetry: Telemetry) -> RunState:
        """Return the state of the run, with the figures of `telemetry`; any thread may call it."""
        return read_state(
            self.pipeline,
            telemetry,
            self.supervisor,
            [*self.sinks, self.outputs.web.poses],
            screen=self.presenter.screen,
            people=self.outputs.people,
            started_s=self.started_s,
        )


def open_parts(order: RunRequest, estimator: Estimator, stack: ExitStack) -> RunParts:
    """Create and open the parts of a run; `stack` closes them in the reverse order.

    Raises:
        PoseEdgeError: One of them is unavailable.
    """
    telemetry, notifier = order.telemetry, SystemdNotifier.from_environment()
    calls, supervisor, meter = MainThreadCalls(order.signals.wakeup), Supervisor(), PassMeter()
    main = supervisor.add("screen")

    # Outputs report the state of all other parts, and change settings, so they are opened last.
    def state() -> RunState:
        return parts.state(telemetry)

    def change(request: SettingChange) -> None:
        parts.reloader.request(request)

    steering = SettingSteering(change, calls.put, lambda: parts.presenter)
    outputs = _make_outputs(order, supervisor, state, steering)
    sinks: list[RestartingSink[..., Any]] = [*outputs.sinks]
    stack.callback(close_together, sinks)
    pipeline = _make_pipeline(order, estimator, [outputs, meter], supervisor)
    stack.callback(pipeline.stop)  # before the outputs are closed
    # With `camera.wait` the capture thread opens the source, so that the screen can say meanwhile
    # that it is missing.
    if not (order.source.live and order.settings.camera.wait):
        pipeline.open()
    log.info("source: %s", order.source.describe())
    recording = _make_recorder(order, supervisor)
    sinks.append(recording)
    recording.open()
    presenter = Presenter(
        order.settings, pipeline, telemetry, recording, part=main, page=outputs.web
    )
    stack.callback(presenter.close)
    reconfigurer = _make_reconfigurer(
        order, calls, pipeline=pipeline, presenter=presenter, recording=recording, outputs=outputs
    )
    reloader = Reloader(order.settings, order.read, reconfigurer.apply, notifier)
    stack.callback(reloader.close)
    controls = _make_controls(presenter, pipeline, reloader, calls)
    stack.callback(controls.close)
    parts = RunParts(
        supervisor=supervisor,
        main=main,
        outputs=outputs,
        recorder=recording,
        pipeline=pipeline,
        meter=meter,
        presenter=presenter,
        reconfigurer=reconfigurer,
        reloader=reloader,
        controls=controls,
        calls=calls,
        notifier=notifier,
    )
    _open_outputs(parts, state, steering, order.config)
    stack.callback(outputs.web.close)
    return parts


def _make_outputs(
    order: RunRequest,
    supervisor: Supervisor,
    state: Callable[[], RunState],
    steering: Steering,
) -> Outputs:
    return Outputs(
        order.settings,
        order.storage,
        order.telemetry,
        supervisor,
        replace=order.replace,
        state=state,
        steering=steering,
    )


def _open_outputs(
    parts: RunParts, state: Callable[[], RunState], steering: Steering, config: Path | None
) -> None:
    parts.outputs.open()
    access = page_access(
        state,
        steering,
        parts.reloader,
        parts.presenter,
        in_main_thread=parts.calls.put,
        config=config,
    )
    parts.outputs.web.open(access)


def _make_reconfigurer(
    order: RunRequest,
    calls: MainThreadCalls,
    *,
    pipeline: Pipeline,
    presenter: Presenter,
    recording: Recorder,
    outputs: Outputs,
) -> Reconfigurer:
    return Reconfigurer(
        order.settings,
        pipeline,
        presenter,
        order.telemetry,
        recording,
        outputs,
        in_main_thread=calls.put,
        chosen=order.chosen,
        config=order.config,
    )


def _make_recorder(order: RunRequest, supervisor: Supervisor) -> Recorder:
    return recorder(
        order.settings.record,
        order.storage,
        frame_rate=order.source.frame_rate,  # known now that the source is open
        report=partial(order.telemetry.set_fault, "recording"),
        supervisor=supervisor,
        replace=order.replace,
    )


def _make_pipeline(
    order: RunRequest, estimator: Estimator, sinks: Sequence[Sink], supervisor: Supervisor
) -> Pipeline:
    settings = order.settings
    return Pipeline(
        order.source,
        estimator,
        order.telemetry,
        tracker=PoseTracker(settings, live=order.source.live),
        sinks=sinks,
        max_frames=settings.run.max_frames,
        options=pipeline_options(order.chosen.applied(settings), order.telemetry),
        supervisor=supervisor,
        wakeup=order.signals.wakeup,
    )


def _make_controls(
    presenter: Presenter, pipeline: Pipeline, reloader: Reloader, calls: MainThreadCalls
) -> Controls:
    return Controls(
        presenter,
        pipeline,
        change=reloader.request,
        in_main_thread=calls.put,
        locked=lambda: reloader.settings.display.lock_keys,
    )
