"""Applying new settings to a run, with as short a gap as possible."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from contextlib import ExitStack
from functools import partial

from pose_edge import logs
from pose_edge.config.diff import Change
from pose_edge.config.schema import CameraSettings, Settings
from pose_edge.errors import PoseEdgeError
from pose_edge.estimators import Estimator
from pose_edge.live.concerns import Concern, concerns
from pose_edge.live.presenter import Presenter
from pose_edge.pipeline.loading import load_model
from pose_edge.pipeline.pipeline import Pipeline, PipelineOptions
from pose_edge.sinks.jsonl import PoseFile
from pose_edge.sinks.recorder import Recorder
from pose_edge.sources import Source, choose_source
from pose_edge.telemetry import EDGETPU, Telemetry
from pose_edge.tracking import PoseTracker


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


class Reconfigurer:
    """Applies new settings to one run: all of them or, if something cannot be had, none."""

    def __init__(
        self,
        settings: Settings,
        pipeline: Pipeline,
        presenter: Presenter,
        telemetry: Telemetry,
        *,
        recorder: Recorder,
        poses: PoseFile,
        in_main_thread: Callable[[Callable[[], None]], None],
    ) -> None:
        """Take the settings in force and the parts of the run.

        Args:
            settings: The settings in force.
            pipeline: Source and model.
            presenter: Overlay and screen; only the main thread may use it.
            telemetry: Knows who holds the Edge TPU.
            recorder: The recording.
            poses: The pose file.
            in_main_thread: Has a function called in the main thread, soon.
        """
        self._settings = settings
        self._pipeline = pipeline
        self._presenter = presenter
        self._telemetry = telemetry
        self._recorder = recorder
        self._poses = poses
        self._in_main_thread = in_main_thread

    def apply(self, settings: Settings, changes: Sequence[Change]) -> None:
        """Apply new settings.

        Args:
            settings: The new settings.
            changes: How they differ from those in force.

        Raises:
            PoseEdgeError: Something that they ask for cannot be had; nothing is changed.
        """
        concerned = concerns(changes)
        if self._pipeline.ended and concerned & {Concern.SOURCE, Concern.MODEL}:
            raise PoseEdgeError(
                f"{self._pipeline.describe_source()} has been read to its end, which leaves "
                "nothing to do for another source or model",
                remedy="start the program again",
            )
        source, estimator = self._prepare(settings, concerned)
        if Concern.LOG in concerned or Concern.SOURCE in concerned:
            logs.start_with(settings)  # which also knows the password of the source
        self._pipeline.change_options(pipeline_options(settings, self._telemetry))
        if source is not None:
            self._pipeline.change_source(source)
        if concerned & {Concern.MODEL, Concern.FOLLOWING, Concern.SOURCE}:
            tracker = PoseTracker(settings, live=self._pipeline.live)
            self._pipeline.change_inference(estimator, tracker)
        if Concern.LENGTH in concerned:
            self._pipeline.limit(settings.run.max_frames)
        if concerned & {Concern.PICTURE, Concern.SOURCE}:
            self._in_main_thread(lambda: self._presenter.change_overlay(settings))
        if Concern.SCREEN in concerned:
            self._in_main_thread(lambda: self._presenter.change_display(settings))
        self._settings = settings

    def _prepare(
        self, settings: Settings, concerned: set[Concern]
    ) -> tuple[Source | None, Estimator | None]:
        """Get what the new settings need before anything is changed; None: nothing new."""
        fault = self._telemetry.faults().get(EDGETPU)
        source = estimator = None
        with ExitStack() as undo:
            undo.callback(self._telemetry.set_fault, EDGETPU, fault)
            if Concern.MODEL in concerned:
                estimator = self._load_beside(settings)
                undo.callback(estimator.runtime.close)
            if Concern.SOURCE in concerned:
                source = choose_source(settings.source, _waiting(settings))
                if not source.live:  # see that it can be opened, which the capture thread will do
                    undo.callback(source.close)
                    source.open()
                    source.close()
            self._change_outputs(settings, live=source.live if source else self._pipeline.live)
            undo.pop_all()
        return source, estimator

    def _load_beside(self, settings: Settings) -> Estimator:
        """Load a model while another one works, which may hold the Edge TPU until then."""
        provenance = self._telemetry.provenance
        held = provenance is not None and provenance.backend == "edgetpu"
        self._telemetry.set_fault(EDGETPU, None)  # the new model reports faults of its own
        return _load(_edgetpu_if_free(settings) if held else settings, self._telemetry)

    def _change_outputs(self, settings: Settings, *, live: bool) -> None:
        """Write to other files; the last step that can fail, because it takes effect at once."""
        storage = settings.storage if live else None
        before = self._settings
        self._recorder.change(settings.record, storage)
        try:
            self._poses.change(settings.poses, storage)
        except PoseEdgeError:
            kept = before.storage if self._pipeline.live else None
            self._recorder.change(before.record, kept)
            raise


def _load(settings: Settings, telemetry: Telemetry) -> Estimator:
    """Load a model, which is closed by closing its runtime."""
    with ExitStack() as stack:
        estimator = load_model(settings, stack, report=partial(telemetry.set_fault, EDGETPU))
        stack.pop_all()
        return estimator


def _waiting(settings: Settings) -> CameraSettings:
    """Return the camera settings for a run that has begun: cameras are always waited for."""
    return settings.camera.model_copy(update={"wait": True})


def _edgetpu_if_free(settings: Settings) -> Settings:
    """Return settings that do not insist on an Edge TPU."""
    if settings.edgetpu.mode != "on":
        return settings
    edgetpu = settings.edgetpu.model_copy(update={"mode": "auto"})
    return settings.model_copy(update={"edgetpu": edgetpu})
