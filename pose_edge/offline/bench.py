"""Measure the time of models, and the cost of the pipeline and of a child process."""

from __future__ import annotations

import platform
import statistics
import time
from collections.abc import Sequence
from contextlib import ExitStack, closing
from dataclasses import dataclass

import cv2
import numpy as np

from pose_edge.config.schema import CameraSettings, Settings, SourceSettings
from pose_edge.errors import EndOfStream, SourceError, UsageError
from pose_edge.estimators import Estimator
from pose_edge.pipeline.loading import load_model
from pose_edge.pipeline.pipeline import Pipeline
from pose_edge.pipeline.trial import try_model
from pose_edge.runtimes import Runtime, load_runtime
from pose_edge.runtimes.child import ChildRuntime, start_child
from pose_edge.runtimes.child_main import Job
from pose_edge.runtimes.litert import load_litert
from pose_edge.sources import choose_source
from pose_edge.sources.frame_converter import FrameConverter
from pose_edge.sources.spec import SourceKind, parse_source
from pose_edge.sources.video_file import VideoFile
from pose_edge.telemetry import Telemetry
from pose_edge.util.cores import usable_cores
from pose_edge.util.processor import processor_name
from pose_edge.util.text import counted
from pose_edge.zoo.registry import Zoo


@dataclass(frozen=True, slots=True)
class ModelTiming:
    """Time of one run of a model.

    Attributes:
        name: Name of the model.
        runtime: Description of the runtime.
        median_ms: Median of all runs, milliseconds.
        p95_ms: 95th percentile, milliseconds.
        ratio: Median over that of the first model.
    """

    name: str
    runtime: str
    median_ms: float
    p95_ms: float
    ratio: float

    @property
    def fps(self) -> float:
        """Frames per second that the model allows at most, with one inference pass a frame."""
        return 1000 / self.median_ms


@dataclass(frozen=True, slots=True)
class PipelineTiming:
    """Frames per second of the pipeline and of a bare loop, in interleaved rounds.

    Attributes:
        model: Name of the model.
        runtime: Description of the runtime.
        frames: Frames of one round.
        pipeline_fps: Each round of the pipeline, without a screen.
        bare_fps: Each round of a loop that reads, resizes and runs the model.
    """

    model: str
    runtime: str
    frames: int
    pipeline_fps: tuple[float, ...]
    bare_fps: tuple[float, ...]

    @property
    def ratio(self) -> float:
        """Median pipeline rate over median bare rate."""
        return statistics.median(self.pipeline_fps) / statistics.median(self.bare_fps)


def machine() -> str:
    """Return a description of this machine."""
    cores = counted(usable_cores(), "usable core")
    return f"{processor_name()}, {platform.machine()}, {cores}"


def bench_models(settings: Settings, names: Sequence[str], runs: int) -> list[ModelTiming]:
    """Time models against each other.

    Args:
        settings: Thread count, Edge TPU.
        names: Names of the models.
        runs: Runs of each.

    Raises:
        ModelError: A model cannot be used.
    """
    zoo = Zoo()
    files = [try_model(zoo.find(name), settings.model) for name in names]
    with ExitStack() as stack:
        runtimes = [stack.enter_context(closing(load_runtime(file, settings))) for file in files]
        return _time_in_turns([file.name for file in files], runtimes, runs)


def bench_child(settings: Settings, runs: int) -> list[ModelTiming]:
    """Time the same CPU model in this process and in a child process, as the Edge TPU has one.

    Args:
        settings: Model and thread count.
        runs: Runs of each.

    Raises:
        PoseEdgeError: The model cannot be used.
    """
    model = try_model(Zoo().find(settings.model.name), settings.model)
    here = load_litert(model, settings)
    started = start_child(Job(model, settings.model.threads))
    with closing(ChildRuntime(started, here.provenance, timeout=60.0)) as child:
        return _time_in_turns([model.name, model.name], [here, child], runs)


def _time_in_turns(
    names: Sequence[str], runtimes: Sequence[Runtime], runs: int
) -> list[ModelTiming]:
    """Time runtimes in interleaved runs, so that other load on the machine affects all alike."""
    rng = np.random.default_rng(0)
    inputs = [
        rng.integers(0, 256, runtime.input.shape).astype(runtime.input.dtype)
        for runtime in runtimes
    ]
    times = np.empty((len(runtimes), runs))
    for run in range(runs):
        for index, (runtime, tensor) in enumerate(zip(runtimes, inputs, strict=True)):
            started = time.perf_counter()
            runtime.run(tensor)
            times[index, run] = (time.perf_counter() - started) * 1000
    medians, p95s = np.percentile(times, (50, 95), axis=1).tolist()
    return [
        ModelTiming(name, runtime.describe(), median, p95, median / medians[0])
        for name, runtime, median, p95 in zip(names, runtimes, medians, p95s, strict=True)
    ]


def bench_pipeline(settings: Settings, source_name: str, rounds: int) -> PipelineTiming:
    """Compare the pipeline with a bare loop on the same video, with the same loaded model.

    Args:
        settings: Model and thread count.
        source_name: A video file, or "demo".
        rounds: Rounds of each, in turns.

    Raises:
        PoseEdgeError: The model or the video cannot be opened.
    """
    spec = parse_source(source_name)
    if spec.kind is not SourceKind.VIDEO:
        raise UsageError("bench pipeline needs a video file, or demo")
    pipeline_fps, bare_fps, frames = [], [], 0
    with ExitStack() as stack:
        estimator = load_model(settings, stack, wait=True)
        runtime = estimator.runtime
        assert runtime is not None, "only a replay has none"
        for _ in range(rounds):
            frames, seconds = _bare_loop(spec.location, runtime)
            bare_fps.append(frames / seconds)
            frames, seconds = _pipeline(spec.location, estimator)
            pipeline_fps.append(frames / seconds)
        runs_on = runtime.provenance.model, runtime.describe()
    return PipelineTiming(*runs_on, frames, tuple(pipeline_fps), tuple(bare_fps))


def _bare_loop(path: str, runtime: Runtime) -> tuple[int, float]:
    """Return the frames of a video and the seconds that reading, resizing and running took."""
    (height, width), dtype = runtime.sizes[0], runtime.input.dtype
    converter, image, frames = FrameConverter(), None, 0
    with closing(VideoFile(path)) as file:
        started = time.perf_counter()
        for frame in file.frames():
            if frame is not None:
                image = converter.convert(frame, file.pixel_aspect, image)
                small = cv2.resize(image, (width, height))
                runtime.run(small[np.newaxis].astype(dtype, copy=False))
                frames += 1
        seconds = time.perf_counter() - started
    if frames == 0:
        raise SourceError(f"{path} is not a video that can be read")
    return frames, seconds


def _pipeline(path: str, estimator: Estimator) -> tuple[int, float]:
    """Return the frames of a video and the seconds that the pipeline took."""
    estimator.reset()
    source = choose_source(SourceSettings(name=path), CameraSettings())
    pipeline = Pipeline(source, estimator, Telemetry())
    try:
        pipeline.open()
        frames, started = 0, time.perf_counter()
        pipeline.start()
        while True:
            if (result := pipeline.take(1.0)) is not None:
                frames += 1
                result.release()
    except EndOfStream:
        seconds = time.perf_counter() - started
    finally:
        pipeline.stop()
    return frames, seconds
