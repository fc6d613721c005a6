"""Compares the pipeline with a bare loop, on a video or on a simulated camera that plays it."""

from __future__ import annotations

import threading
from collections.abc import Callable, Sequence
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from pose_edge.config.schema import Settings
from pose_edge.errors import PoseEdgeError, SourceError, UsageError
from pose_edge.estimators import Estimator
from pose_edge.offline.bench.clip_camera import ClipCamera
from pose_edge.offline.bench.control import BenchControl
from pose_edge.offline.bench.machine_state import MachineState, read_state
from pose_edge.offline.bench.meter import read_memory
from pose_edge.offline.bench.rounds import (
    BenchRound,
    NoScreen,
    Screen,
    run_bare_loop,
    run_pipeline,
)
from pose_edge.offline.bench.statistics import RatioRange, Spread
from pose_edge.offline.bench.system import System, read_system
from pose_edge.pipeline.loading import load_model
from pose_edge.runtimes import Runtime
from pose_edge.sources import Source
from pose_edge.sources.spec import SourceKind, parse_source
from pose_edge.sources.video import Video
from pose_edge.telemetry import Telemetry

USUAL_TICKS: Final = 300
"""Number of frames of a simulated camera if the number of frames of its video is unknown."""

OpenScreen = Callable[[ExitStack, Telemetry], Screen]
"""Opens a screen for the results, and registers its closing with the stack."""


@dataclass(frozen=True, slots=True)
class PipelineReport:
    """The pipeline and a bare loop, in interleaved rounds with the same loaded model.

    Attributes:
        system: The machine.
        before: State of the machine before the first round.
        after: State of the machine right after the last round.
        model: Name of the model.
        runtime: Description of the runtime.
        source: Name of the video.
        camera_fps: Frame rate of the simulated camera; None if the video is read as a file.
        camera_frames: Frames of the camera in each round; None if the video is read as a file.
        screen: The kind of screen, or "none".
        pipeline: Rounds of the pipeline.
        bare: Rounds of the bare loop; the i-th one is compared with the i-th of `pipeline`.
        process_mb: Resident memory of the process after the last round, megabytes.
        complete: False if the measurement was stopped early.
    """

    system: System
    before: MachineState
    after: MachineState
    model: str
    runtime: str
    source: str
    camera_fps: float | None
    camera_frames: int | None
    screen: str
    pipeline: tuple[BenchRound, ...]
    bare: tuple[BenchRound, ...]
    process_mb: float
    complete: bool

    @property
    def fps_ratio(self) -> RatioRange:
        """Frame rate of the pipeline over that of the bare loop."""
        return RatioRange.of([one.fps for one in self.pipeline], [one.fps for one in self.bare])

    @property
    def cpu_ratio(self) -> RatioRange:
        """CPU time per frame of the pipeline over that of the bare loop."""
        ours, bare = self.pipeline, self.bare
        return RatioRange.of([one.cpu_ms for one in ours], [one.cpu_ms for one in bare])

    def skipped(self, rounds: Sequence[BenchRound]) -> int:
        """Return the number of camera frames that were not processed; 0 for a file."""
        if self.camera_frames is None:
            return 0
        return sum(self.camera_frames - one.frames for one in rounds)


def latency_of(rounds: Sequence[BenchRound]) -> Spread:
    """Return the spread of the latencies of all frames in some rounds, milliseconds."""
    return Spread.of([value for one in rounds for value in one.latencies_ms])


def video_path(name: str) -> str:
    """Return the path of the video that a source name stands for.

    Raises:
        UsageError: The source is not a video file.
        SourceError: There is no such source.
    """
    spec = parse_source(name)
    if spec.kind is not SourceKind.VIDEO:
        raise UsageError("bench pipeline needs a video file, or demo")
    return spec.location


@dataclass(frozen=True, slots=True)
class _Clip:
    """The input of all rounds.

    Attributes:
        path: The video.
        camera_fps: Frame rate of the simulated camera; None to read the video as a file.
        limit: Largest number of frames in a round; None for the whole file. For a camera, the
            number of its frames.
    """

    path: str
    camera_fps: float | None
    limit: int | None

    @classmethod
    def open(cls, path: str, camera_fps: float | None, limit: int | None) -> _Clip:
        """Check that the video can be read, and limit a camera to the video's length."""
        video = Video(path)
        video.open()
        count = video.frame_count or USUAL_TICKS
        video.close()
        return cls(path, camera_fps, limit if camera_fps is None else min(count, limit or count))

    def make_source(self) -> Source:
        """Return a new source for one round, not yet open."""
        if self.camera_fps is None:
            return Video(self.path)
        assert self.limit is not None
        return ClipCamera(self.path, self.camera_fps, self.limit)


def bench_pipeline(
    settings: Settings,
    source_name: str,
    rounds: int,
    *,
    camera_fps: float | None = None,
    open_screen: OpenScreen = lambda _stack, _telemetry: NoScreen(),
    control: BenchControl | None = None,
) -> PipelineReport:
    """Compare the pipeline with a bare loop on the same video, with the same loaded model.

    Args:
        settings: Model, tracking and smoothing; `run.max_frames` limits each round.
        source_name: A video file, or "demo".
        rounds: Rounds of each.
        camera_fps: Play the video as a live camera with this frame rate; None to read it as fast
            as possible.
        open_screen: See `OpenScreen`; only the pipeline shows its results.
        control: Stops the measurement and receives its progress, in rounds of both.

    Raises:
        PoseEdgeError: The model, the video or the screen cannot be opened, or the measurement was
            stopped before the first pair of rounds was done.
    """
    control = control or BenchControl()
    clip = _Clip.open(video_path(source_name), camera_fps, settings.run.max_frames)
    sysfs = Path(settings.testing.sysfs)
    with ExitStack() as stack:
        estimator = load_model(settings, stack, wait=True, stop=control.stop)
        runtime = estimator.runtime
        assert runtime is not None, "only a replay has none"
        telemetry = Telemetry()
        screen = open_screen(stack, telemetry)
        before = read_state(sysfs)
        ours, bare = _run_in_turns(
            _Rounds(clip, estimator, runtime, settings, telemetry, screen, control.stop),
            rounds,
            control,
        )
        return PipelineReport(
            system=read_system(),
            before=before,
            after=read_state(sysfs),
            model=estimator.provenance.models,
            runtime=runtime.describe(),
            source=Path(clip.path).name,
            camera_fps=camera_fps,
            camera_frames=None if camera_fps is None else clip.limit,
            screen=screen.name,
            pipeline=tuple(ours),
            bare=tuple(bare),
            process_mb=read_memory().resident_mb,
            complete=len(ours) == rounds,
        )


@dataclass(frozen=True, slots=True)
class _Rounds:
    """Runs the rounds; holds what they share."""

    clip: _Clip
    estimator: Estimator
    runtime: Runtime
    settings: Settings
    telemetry: Telemetry
    screen: Screen
    stop: threading.Event

    def run_bare(self) -> BenchRound:
        source = self.clip.make_source()
        return run_bare_loop(source, self.runtime, limit=self.clip.limit, stop=self.stop)

    def run_ours(self) -> BenchRound:
        return run_pipeline(
            self.clip.make_source(),
            self.estimator,
            self.settings,
            telemetry=self.telemetry,
            screen=self.screen,
            limit=self.clip.limit,
            stop=self.stop,
        )


def _run_in_turns(
    both: _Rounds, rounds: int, control: BenchControl
) -> tuple[list[BenchRound], list[BenchRound]]:
    """Run rounds alternately; return those of the pipeline and as many of the bare loop."""
    ours: list[BenchRound] = []
    bare: list[BenchRound] = []
    for number in range(rounds):
        loop = both.run_bare()
        control.report(2 * number + 1, 2 * rounds)
        run = both.run_ours()
        if control.stopped:
            break  # drop the pair: one of its rounds may have been cut short
        if not (loop.frames and run.frames):
            raise SourceError("no frame was processed in a round: is there one in the video?")
        bare.append(loop)
        ours.append(run)
        control.report(2 * number + 2, 2 * rounds)
    if not ours:
        raise PoseEdgeError("nothing was measured: it was ended before the first round was done")
    return ours, bare
