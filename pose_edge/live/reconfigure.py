"""Apply new settings to a run, with as short an interruption as possible."""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterable, Sequence
from contextlib import ExitStack
from dataclasses import dataclass
from enum import Enum, auto
from functools import partial
from pathlib import Path
from typing import Final, NamedTuple

from pose_edge import logs
from pose_edge.config.diff import Change
from pose_edge.config.schema import CameraSettings, Settings
from pose_edge.errors import PoseEdgeError
from pose_edge.estimators import Estimator
from pose_edge.live.outputs import Outputs
from pose_edge.live.presenter import Presenter
from pose_edge.pipeline.loading import with_model
from pose_edge.pipeline.options import PipelineOptions
from pose_edge.pipeline.pipeline import Pipeline
from pose_edge.pipeline.replay import load_model_or_replay
from pose_edge.sinks.output_guard import check_outputs
from pose_edge.sinks.recorder import Recorder
from pose_edge.sources import Source, choose_source
from pose_edge.telemetry import EDGETPU, Telemetry
from pose_edge.tracking import PoseTracker
from pose_edge.zoo.registry import AUTO

log = logging.getLogger(__name__)


class Concern(Enum):
    """A part of a run that settings can affect, and what a reload does about it."""

    SOURCE = auto()
    """Open the source again."""
    MODEL = auto()
    """Load another model while the present one works, then replace it."""
    TRACKING = auto()
    """Use a new tracker; ids start again from 1."""
    PICTURE = auto()
    """Draw the next picture differently."""
    SCREEN = auto()
    """Open the screen again."""
    RECORDING = auto()
    """Start a new video file."""
    OUTPUTS = auto()
    """Start new files of poses, or connect to other peers."""
    DURATION = auto()
    """Change when the run ends."""
    LOG = auto()
    """Configure the log again."""
    START = auto()
    """Do nothing: the setting takes effect at the next start of the program."""


SECTIONS: Final = {
    "source": {Concern.SOURCE},
    "camera": {Concern.SOURCE},
    "model": {Concern.MODEL},
    "edgetpu": {Concern.MODEL},
    "tracking": {Concern.TRACKING},
    "smoothing": {Concern.TRACKING},
    "overlay": {Concern.PICTURE},
    "display": {Concern.SCREEN},
    "record": {Concern.RECORDING},
    "poses": {Concern.OUTPUTS},
    "csv": {Concern.OUTPUTS},
    "storage": {Concern.RECORDING, Concern.OUTPUTS},
    "udp": {Concern.OUTPUTS},
    "osc": {Concern.OUTPUTS},
    "mqtt": {Concern.OUTPUTS},
    "websocket": {Concern.OUTPUTS},
    "metrics": {Concern.OUTPUTS},
    "web": {Concern.OUTPUTS},
    "events": {Concern.OUTPUTS},
    "run": {Concern.DURATION},
    "log": {Concern.LOG},
    "testing": {Concern.START},
}
"""The parts that the settings of each section affect."""

KEYS: Final[dict[str, set[Concern]]] = {
    "camera.mirror": {Concern.PICTURE},
    "camera.wait": set(),  # a running program always waits
    "display.kind": {Concern.SCREEN, Concern.OUTPUTS},  # the page may take the screen's place
    "display.lock_keys": set(),  # looked up at each key
    "model.rest": set(),  # looked up by each pass of the main loop
    "model.min_keypoint_score": {Concern.MODEL, Concern.TRACKING},
    "source.poses": {Concern.SOURCE, Concern.MODEL},
    "tracking.enabled": {Concern.TRACKING, Concern.OUTPUTS},  # no events without ids
    "testing.deadlock": set(),  # read at the moment of the signal
}
"""The settings that affect other parts than the rest of their section, and which parts."""


NEEDS_FRAMES: Final = frozenset(Concern) - {
    Concern.PICTURE,
    Concern.SCREEN,
    Concern.LOG,
    Concern.START,
}
"""Parts that cannot be changed any more once a source was read to its end."""


def concerns(changes: Iterable[Change]) -> set[Concern]:
    """Return all parts that changes of settings affect."""
    found: set[Concern] = set()
    for change in changes:
        found |= KEYS.get(change.key, SECTIONS[change.key.partition(".")[0]])
    return found


def pipeline_options(settings: Settings, telemetry: Telemetry) -> PipelineOptions:
    """Return the options of a pipeline, with the functions that replace its parts after a fault."""
    # An Edge TPU is used only if it is free: the part being replaced may still hold it.
    modest = _edgetpu_if_free(settings)
    return PipelineOptions(
        pace=settings.source.pace,
        wait=settings.camera.wait,
        read_limit_s=settings.camera.timeout,
        make_source=lambda: choose_source(settings.source, _waiting(settings)),
        load_estimator=lambda: _load(modest, telemetry),
        make_tracker=lambda: PoseTracker(settings, live=True),
    )


class ChosenModel(NamedTuple):
    """The model that the program has chosen for `model.name: auto`.

    Attributes:
        name: Name of the model.
        people: Whether it is used for "one" person or for "several".
    """

    name: str
    people: str

    def applied(self, settings: Settings) -> Settings:
        """Return settings with this model in place of `auto`; others are returned unchanged."""
        if settings.model.name != AUTO:
            return settings
        return with_model(settings, name=self.name, people=self.people)


@dataclass(slots=True)
class Reconfigurer:
    """Applies new settings to a run: all of them, or none if something is unavailable.

    Attributes:
        settings: The settings in force.
        pipeline: Source and model.
        presenter: Overlay and screen; only the main thread may use it.
        telemetry: Gets the faults of the Edge TPU.
        recorder: The recording.
        outputs: All outputs that carry poses.
        in_main_thread: Schedules a function to be called in the main thread.
        chosen: The model that stands for `model.name: auto`.
        config: The configuration file, which no output may overwrite.
    """

    settings: Settings
    pipeline: Pipeline
    presenter: Presenter
    telemetry: Telemetry
    recorder: Recorder
    outputs: Outputs
    in_main_thread: Callable[[Callable[[], None]], None]
    chosen: ChosenModel
    config: Path | None = None

    def use_model(self, chosen: ChosenModel, failed: Callable[[], None]) -> None:
        """Switch to another model that the program has chosen; only for `model.name: auto`.

        Args:
            chosen: The model.
            failed: Called if the model cannot be loaded; the present one stays in use.
        """
        if chosen == self.chosen or self.settings.model.name != AUTO:
            return
        settings = chosen.applied(self.settings)
        fault = self.telemetry.faults().get(EDGETPU)
        try:
            estimator = self._load_beside(settings)
        except Exception as error:
            self.telemetry.set_fault(EDGETPU, fault)
            failed()
            if not isinstance(error, PoseEdgeError):
                raise
            log.error("auto: no %s: %s", chosen.name, str(error).replace("\n", "; "))
            return
        self.chosen = chosen
        self.pipeline.change_options(pipeline_options(settings, self.telemetry))
        self.pipeline.change_inference(estimator)

    def apply(self, settings: Settings, changes: Sequence[Change]) -> None:
        """Apply new settings.

        Args:
            settings: The new settings.
            changes: How they differ from those in force.

        Raises:
            PoseEdgeError: Something that they need is unavailable; nothing is changed.
        """
        concerned = concerns(changes)
        if self.pipeline.ended and concerned & NEEDS_FRAMES:
            raise PoseEdgeError(
                f"{self.pipeline.describe_source()} has been read to its end, and only what is "
                "shown of it can change",
                remedy="start the program again",
            )
        source, estimator = self._prepare(settings, concerned)
        if concerned & {Concern.LOG, Concern.SOURCE, Concern.OUTPUTS}:
            logs.start_with(settings)  # also hides the passwords of the new source and broker
        named = self.chosen.applied(settings)
        self.pipeline.change_options(pipeline_options(named, self.telemetry))
        if source is not None:
            self.pipeline.change_source(source)
        if concerned & {Concern.MODEL, Concern.TRACKING, Concern.SOURCE}:
            tracker = PoseTracker(settings, live=self.pipeline.live)
            self.pipeline.change_inference(estimator, tracker)
        if Concern.DURATION in concerned:
            self.pipeline.limit(settings.run.max_frames)
        if concerned & {Concern.PICTURE, Concern.SOURCE}:
            self.in_main_thread(lambda: self.presenter.change_overlay(settings))
        if Concern.SCREEN in concerned:
            self.in_main_thread(lambda: self.presenter.change_display(settings))
        self.settings = settings

    def _prepare(
        self, settings: Settings, concerned: set[Concern]
    ) -> tuple[Source | None, Estimator | None]:
        """Create the new source and estimator, or None for one that stays; change the outputs."""
        fault = self.telemetry.faults().get(EDGETPU)
        source = estimator = None
        with ExitStack() as undo:
            undo.callback(self.telemetry.set_fault, EDGETPU, fault)
            replayed = settings.source.poses is not None and Concern.SOURCE in concerned
            if Concern.MODEL in concerned or replayed:
                estimator = self._load_beside(self.chosen.applied(settings))
                undo.callback(estimator.close)
            if Concern.SOURCE in concerned:
                source = choose_source(settings.source, _waiting(settings))
                if not source.live:  # make sure that the capture thread can open it later
                    undo.callback(source.close)
                    source.open()
                    source.close()
            if concerned & {Concern.SOURCE, Concern.RECORDING, Concern.OUTPUTS}:
                live = source.live if source else self.pipeline.live
                self._change_outputs(settings, live=live)
            undo.pop_all()
        return source, estimator

    def _load_beside(self, settings: Settings) -> Estimator:
        """Load a model while the present one still works, and perhaps holds the Edge TPU."""
        from pose_edge.runtimes.edgetpu.opening import Failover

        runtimes = [estimator.runtime for estimator in self.pipeline.estimators]
        held = any(isinstance(one, Failover) and one.holds_edgetpu for one in runtimes)
        self.telemetry.set_fault(EDGETPU, None)  # the new model reports faults of its own
        return _load(_edgetpu_if_free(settings) if held else settings, self.telemetry)

    def _change_outputs(self, settings: Settings, *, live: bool) -> None:
        """Change the outputs. This takes effect at once, so it is the last step that may fail."""
        storage = settings.storage if live else None
        check_outputs(settings, self.config, numbered=True, replace=False)
        self.recorder.check(settings.record, storage)
        self.outputs.check(settings, storage)
        self.recorder.change(settings.record, storage)
        self.outputs.change(settings, storage)


def _load(settings: Settings, telemetry: Telemetry) -> Estimator:
    """Load a model; the caller closes it."""
    with ExitStack() as stack:
        report = partial(telemetry.set_fault, EDGETPU)
        estimator = load_model_or_replay(settings, stack, report=report)
        stack.pop_all()
        return estimator


def _waiting(settings: Settings) -> CameraSettings:
    """Return camera settings that wait for a missing camera, as a run does once it has started."""
    return settings.camera.model_copy(update={"wait": True})


def _edgetpu_if_free(settings: Settings) -> Settings:
    """Return settings in which an Edge TPU is not required."""
    if settings.edgetpu.mode != "on":
        return settings
    edgetpu = settings.edgetpu.model_copy(update={"mode": "auto"})
    return settings.model_copy(update={"edgetpu": edgetpu})
