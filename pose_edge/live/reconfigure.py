"""Applying new settings to a run, with as short a gap as possible."""

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
    """A part of a run, and what a reload does about it."""

    SOURCE = auto()
    """Open the source again."""
    MODEL = auto()
    """Load another model beside the one at work, which it then replaces."""
    FOLLOWING = auto()
    """Track people anew; their ids start again."""
    PICTURE = auto()
    """Draw the next picture differently."""
    SCREEN = auto()
    """Open the screen again."""
    RECORDING = auto()
    """Start a new video file."""
    OUTPUTS = auto()
    """Start new files of poses, or reach other peers."""
    LENGTH = auto()
    """Move the end of the run."""
    LOG = auto()
    """Start the log again."""
    START = auto()
    """Wait for the next start of the program."""


SECTIONS: Final = {
    "source": {Concern.SOURCE},
    "camera": {Concern.SOURCE},
    "model": {Concern.MODEL},
    "edgetpu": {Concern.MODEL},
    "tracking": {Concern.FOLLOWING},
    "smoothing": {Concern.FOLLOWING},
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
    "run": {Concern.LENGTH},
    "log": {Concern.LOG},
    "testing": {Concern.START},
}
"""Parts that the settings of each section concern."""

KEYS: Final[dict[str, set[Concern]]] = {
    "camera.mirror": {Concern.PICTURE},
    "camera.wait": set(),  # a running program always waits
    "display.kind": {Concern.SCREEN, Concern.OUTPUTS},  # it may be the page
    "display.lock_keys": set(),  # looked up at each key
    "model.rest": set(),  # looked up all the time
    "model.min_keypoint_score": {Concern.MODEL, Concern.FOLLOWING},
    "source.poses": {Concern.SOURCE, Concern.MODEL},
    "tracking.enabled": {Concern.FOLLOWING, Concern.OUTPUTS},  # no events without ids
    "testing.deadlock": set(),  # read at the moment of the signal
}
"""Settings that concern other parts than the rest of their section."""


NEEDS_FRAMES: Final = frozenset(Concern) - {
    Concern.PICTURE,
    Concern.SCREEN,
    Concern.LOG,
    Concern.START,
}
"""Parts that have nothing to do any more once a source was read to its end."""


def concerns(changes: Iterable[Change]) -> set[Concern]:
    """Return all parts that changes of settings concern."""
    found: set[Concern] = set()
    for change in changes:
        found |= KEYS.get(change.key, SECTIONS[change.key.partition(".")[0]])
    return found


def pipeline_options(settings: Settings, telemetry: Telemetry) -> PipelineOptions:
    """Return the options of a pipeline that replaces its parts after a fault."""
    # An Edge TPU is used only if it is free: the part that is replaced may still hold it.
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
    """The model that the program has chosen, where the settings say `auto`.

    Attributes:
        name: Name of the model.
        people: Whether it is used for one person or for several.
    """

    name: str
    people: str

    def applied(self, settings: Settings) -> Settings:
        """Return settings that name this model, or those that name another one as they are."""
        if settings.model.name != AUTO:
            return settings
        return with_model(settings, name=self.name, people=self.people)


@dataclass(slots=True)
class Reconfigurer:
    """Applies new settings to one run: all of them or, if something is not available, none.

    Attributes:
        settings: The settings in force.
        pipeline: Source and model.
        presenter: Overlay and screen; only the main thread may use it.
        telemetry: Gets the faults of the Edge TPU.
        recorder: The recording.
        outputs: All outputs that carry poses.
        in_main_thread: Has a function called in the main thread, soon.
        chosen: The model where the settings leave the choice to the program, and for whom.
        config: The configuration file.
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
        """Let another model answer, as the program has chosen it; without a choice, do nothing.

        Args:
            chosen: The model.
            failed: Called where it cannot be loaded: nothing is changed then.
        """
        if chosen == self.chosen or self.settings.model.name != AUTO:
            return
        settings = chosen.applied(self.settings)
        fault = self.telemetry.faults().get(EDGETPU)
        try:
            estimator = self._load_beside(settings)
        except PoseEdgeError as error:
            self.telemetry.set_fault(EDGETPU, fault)
            log.error("auto: no %s: %s", chosen.name, str(error).replace("\n", "; "))
            failed()
            return
        self.chosen = chosen
        self.pipeline.change_options(pipeline_options(settings, self.telemetry))
        self.pipeline.change_inference(estimator)

    def apply(self, settings: Settings, changes: Sequence[Change]) -> None:
        """Apply new settings, given how they differ from those in force.

        Raises:
            PoseEdgeError: Something that they need is not available; nothing is changed.
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
            logs.start_with(settings)  # which also knows the passwords of source and broker
        named = self.chosen.applied(settings)
        self.pipeline.change_options(pipeline_options(named, self.telemetry))
        if source is not None:
            self.pipeline.change_source(source)
        if concerned & {Concern.MODEL, Concern.FOLLOWING, Concern.SOURCE}:
            tracker = PoseTracker(settings, live=self.pipeline.live)
            self.pipeline.change_inference(estimator, tracker)
        if Concern.LENGTH in concerned:
            self.pipeline.limit(settings.run.max_frames)
        if concerned & {Concern.PICTURE, Concern.SOURCE}:
            self.in_main_thread(lambda: self.presenter.change_overlay(settings))
        if Concern.SCREEN in concerned:
            self.in_main_thread(lambda: self.presenter.change_display(settings))
        self.settings = settings

    def _prepare(
        self, settings: Settings, concerned: set[Concern]
    ) -> tuple[Source | None, Estimator | None]:
        """Get what the new settings need before anything is changed; None: nothing new."""
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
                if not source.live:  # see that it can be opened, which the capture thread will do
                    undo.callback(source.close)
                    source.open()
                    source.close()
            if concerned & {Concern.SOURCE, Concern.RECORDING, Concern.OUTPUTS}:
                live = source.live if source else self.pipeline.live
                self._change_outputs(settings, live=live)
            undo.pop_all()
        return source, estimator

    def _load_beside(self, settings: Settings) -> Estimator:
        """Load a model while another one works, which may hold the Edge TPU until then."""
        from pose_edge.runtimes.edgetpu.opening import Failover

        runtimes = [estimator.runtime for estimator in self.pipeline.estimators]
        held = any(isinstance(one, Failover) and one.holds_edgetpu for one in runtimes)
        self.telemetry.set_fault(EDGETPU, None)  # the new model reports faults of its own
        return _load(_edgetpu_if_free(settings) if held else settings, self.telemetry)

    def _change_outputs(self, settings: Settings, *, live: bool) -> None:
        """Write to other files; the last step that can fail, because it takes effect at once."""
        storage = settings.storage if live else None
        check_outputs(settings, self.config, numbered=True, replace=False)
        self.recorder.check(settings.record, storage)
        self.outputs.check(settings, storage)
        self.recorder.change(settings.record, storage)
        self.outputs.change(settings, storage)


def _load(settings: Settings, telemetry: Telemetry) -> Estimator:
    """Load a model, which whoever gets it closes."""
    with ExitStack() as stack:
        report = partial(telemetry.set_fault, EDGETPU)
        estimator = load_model_or_replay(settings, stack, report=report)
        stack.pop_all()
        return estimator


def _waiting(settings: Settings) -> CameraSettings:
    """Return the camera settings for a run that has started: cameras are always waited for."""
    return settings.camera.model_copy(update={"wait": True})


def _edgetpu_if_free(settings: Settings) -> Settings:
    """Return settings that do not insist on an Edge TPU."""
    if settings.edgetpu.mode != "on":
        return settings
    edgetpu = settings.edgetpu.model_copy(update={"mode": "auto"})
    return settings.model_copy(update={"edgetpu": edgetpu})
