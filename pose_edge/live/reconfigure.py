"""Letting a run follow new settings, with as small a gap as there can be."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from contextlib import ExitStack
from dataclasses import dataclass

from pose_edge import logs
from pose_edge.config.diff import Change
from pose_edge.config.schema import CameraSettings, Settings
from pose_edge.errors import PoseEdgeError
from pose_edge.estimators import Estimator
from pose_edge.live.concerns import Concern, concerns
from pose_edge.live.presenter import Presenter, Report
from pose_edge.pipeline.inference import InferenceChange
from pose_edge.pipeline.loading import load_model
from pose_edge.pipeline.pipeline import PartFactories, Pipeline
from pose_edge.sinks.jsonl import PoseFile
from pose_edge.sinks.recorder import Recorder
from pose_edge.sources import Source, choose_source
from pose_edge.telemetry import Telemetry
from pose_edge.tracking import PoseTracker


def load_estimator(settings: Settings, report: Report) -> Estimator:
    """Load a model that is closed by whoever uses it.

    Raises:
        PoseEdgeError: See `load_model`.
    """
    with ExitStack() as stack:
        estimator = load_model(settings, stack, report=lambda fault: report("edgetpu", fault))
        stack.pop_all()  # closing its runtime closes everything
        return estimator


def spares(settings: Settings, report: Report) -> PartFactories:
    """Say what replaces parts of a pipeline under these settings."""
    # An Edge TPU is used if it can be had: the part that is replaced may hold it yet.
    yielding = with_edgetpu_if_free(settings)
    return PartFactories(
        source=lambda: choose_source(settings.source, waited_for(settings)),
        estimator=lambda: load_estimator(yielding, report),
        following=lambda: PoseTracker(settings, live=True),
    )


def waited_for(settings: Settings) -> CameraSettings:
    """Return what is asked of a camera in a run that has begun: nothing stands in for it."""
    return settings.camera.model_copy(update={"wait": True})


def with_edgetpu_if_free(settings: Settings) -> Settings:
    """Return the settings with an Edge TPU wanted no more than "auto"."""
    if settings.edgetpu.mode != "on":
        return settings
    edgetpu = settings.edgetpu.model_copy(update={"mode": "auto"})
    return settings.model_copy(update={"edgetpu": edgetpu})


@dataclass(frozen=True, slots=True)
class Prepared:
    """What new settings need, got before anything is changed; None where nothing new is needed."""

    source: Source | None
    estimator: Estimator | None


class Reconfigurer:
    """Lets one run follow new settings: all of them, or, where one cannot be had, none."""

    def __init__(
        self,
        settings: Settings,
        pipeline: Pipeline,
        show: Presenter,
        telemetry: Telemetry,
        *,
        recorder: Recorder,
        poses: PoseFile,
        in_main_thread: Callable[[Callable[[], None]], None],
    ) -> None:
        """Change nothing yet.

        Args:
            settings: What is in force.
            pipeline: Of the run.
            show: Of the run; belongs to the main thread.
            telemetry: Of the run.
            recorder: Of the run.
            poses: Of the run.
            in_main_thread: Has something done there soon.
        """
        self._settings = settings
        self._pipeline = pipeline
        self._show = show
        self._telemetry = telemetry
        self._recorder = recorder
        self._poses = poses
        self._in_main_thread = in_main_thread

    def follow(self, settings: Settings, changes: Sequence[Change]) -> None:
        """Let the run follow.

        Args:
            settings: The new ones.
            changes: How they differ from those in force.

        Raises:
            PoseEdgeError: Something they want cannot be had; nothing is changed.
        """
        concerned = concerns(changes)
        prepared = self._prepare(settings, concerned)
        if Concern.LOG in concerned or Concern.SOURCE in concerned:
            logs.start_with(settings)  # which also knows the password of the source
        self._pipeline.change_spares(
            spares(settings, self._telemetry.set_fault),
            pace=settings.source.pace,
            limit_s=settings.camera.timeout,
        )
        if prepared.source is not None:
            self._pipeline.change_source(prepared.source, opened=not prepared.source.live)
        if concerned & {Concern.MODEL, Concern.FOLLOWING, Concern.SOURCE}:
            self._pipeline.change_inference(
                InferenceChange(prepared.estimator, PoseTracker(settings, live=self._pipeline.live))
            )
        if Concern.LENGTH in concerned:
            self._pipeline.limit(settings.run.max_frames)
        if concerned & {Concern.PICTURE, Concern.SOURCE}:
            self._in_main_thread(lambda: self._show.draw_as(settings))
        if Concern.SCREEN in concerned:
            self._in_main_thread(lambda: self._show.move_to(settings))
        self._settings = settings

    def _prepare(self, settings: Settings, concerned: set[Concern]) -> Prepared:
        fault = self._telemetry.faults().get("edgetpu")
        with ExitStack() as undo:
            undo.callback(self._telemetry.set_fault, "edgetpu", fault)
            estimator = source = None
            if Concern.MODEL in concerned:
                estimator = self._load(settings)
                undo.callback(estimator.runtime.close)
            if Concern.SOURCE in concerned:
                source = choose_source(settings.source, waited_for(settings))
                undo.callback(source.close)
                if not source.live:
                    source.open()
            self._change_outputs(settings, live=source.live if source else self._pipeline.live)
            undo.pop_all()
            return Prepared(source, estimator)

    def _load(self, settings: Settings) -> Estimator:
        # The model at work may hold the Edge TPU until the new one takes its place.
        held = self._telemetry.place == "edgetpu"
        wanted = with_edgetpu_if_free(settings) if held else settings
        self._telemetry.set_fault("edgetpu", None)  # the new one says what is wrong with it
        return load_estimator(wanted, self._telemetry.set_fault)

    def _change_outputs(self, settings: Settings, *, live: bool) -> None:
        """Write to other files: the last that can be refused, as it is at once in force."""
        storage = settings.storage if live else None
        before = self._settings
        self._recorder.change(settings.record, storage)
        try:
            self._poses.change(settings.poses, storage)
        except PoseEdgeError:
            kept = before.storage if self._pipeline.live else None
            self._recorder.change(before.record, kept)
            raise
