"""The command `bench`: how long a model takes, and what the pipeline adds or hides."""

from __future__ import annotations

import platform
import statistics
import time
from collections.abc import Sequence
from contextlib import ExitStack, closing
from dataclasses import dataclass
from pathlib import Path

import cv2
import numpy as np

from pose_edge.config.schema import CameraSettings, Settings, SourceSettings
from pose_edge.errors import EndOfStream, SourceError, UsageError
from pose_edge.estimators import Estimator
from pose_edge.pipeline.loading import load_model
from pose_edge.pipeline.pipeline import Pipeline
from pose_edge.runtimes import Runtime, load_runtime
from pose_edge.runtimes.child import start_child
from pose_edge.runtimes.child_main import Job
from pose_edge.runtimes.child_runtime import ChildRuntime
from pose_edge.sources import open_source
from pose_edge.sources.spec import Kind, parse_source
from pose_edge.telemetry import Telemetry
from pose_edge.util.cores import usable_cores
from pose_edge.zoo.registry import ModelFile, Zoo


@dataclass(frozen=True, slots=True)
class ModelTiming:
    """How long one run of a model takes.

    Attributes:
        name: The model.
        runtime: What ran it.
        median_ms: Of all runs, milliseconds.
        p95_ms: 95th percentile of the same.
        ratio: Median against that of the first model; rounds of all models are interleaved, so
            that what else the machine does weighs on all alike.
    """

    name: str
    runtime: str
    median_ms: float
    p95_ms: float
    ratio: float


@dataclass(frozen=True, slots=True)
class ChildTiming:
    """What a child process costs.

    Attributes:
        model: The model.
        runtime: What ran it.
        here_ms: Median of one run in the program's own process, milliseconds.
        child_ms: The same in a child process, as the Edge TPU has one.
    """

    model: str
    runtime: str
    here_ms: float
    child_ms: float

    @property
    def cost_ms(self) -> float:
        """What the child adds, milliseconds."""
        return self.child_ms - self.here_ms


@dataclass(frozen=True, slots=True)
class PipelineTiming:
    """Frames per second of the pipeline and of a bare loop, in interleaved rounds.

    Attributes:
        model: The model.
        runtime: What ran it.
        frames: Frames of one round.
        pipeline_fps: Of each round: capture thread, ring buffer, inference thread, no screen.
        bare_fps: Of each round: read, resize, run the model, and nothing else.
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
    """Return what kind of machine the figures are from."""
    model = platform.processor() or platform.machine()
    for line in Path("/proc/cpuinfo").read_text(encoding="utf-8").splitlines():
        if line.startswith(("model name", "Model", "Hardware")):
            model = line.partition(":")[2].strip()
    return f"{model}, {platform.machine()}, {usable_cores()} usable cores"


def bench_models(settings: Settings, names: Sequence[str], runs: int) -> list[ModelTiming]:
    """Time models against each other.

    Args:
        settings: Thread count, Edge TPU.
        names: The models.
        runs: Runs of each.

    Raises:
        ModelError: A model cannot be used.
    """
    zoo = Zoo()
    files = [zoo.find(name) for name in names]
    with ExitStack() as stack:
        return _bench_models(files, settings, runs, stack)


def _bench_models(
    files: Sequence[ModelFile], settings: Settings, runs: int, stack: ExitStack
) -> list[ModelTiming]:
    runtimes = []
    for file in files:
        runtimes.append(load_runtime(file, settings))
        stack.callback(runtimes[-1].close)
    rng = np.random.default_rng(0)
    inputs = [
        rng.integers(0, 256, runtime.input.shape).astype(runtime.input.dtype)
        for runtime in runtimes
    ]
    times: list[list[float]] = [[] for _ in runtimes]
    for _ in range(runs):
        for runtime, tensor, samples in zip(runtimes, inputs, times, strict=True):
            started = time.perf_counter()
            runtime.run(tensor)
            samples.append((time.perf_counter() - started) * 1000)
    medians = [statistics.median(samples) for samples in times]
    return [
        ModelTiming(
            name=file.name,
            runtime=runtime.describe(),
            median_ms=median,
            p95_ms=float(np.percentile(samples, 95)),
            ratio=median / medians[0],
        )
        for file, runtime, median, samples in zip(files, runtimes, medians, times, strict=True)
    ]


def bench_child(settings: Settings, runs: int) -> ChildTiming:
    """Find out what a child process costs: the same CPU model in this process and in a child.

    Args:
        settings: Model and thread count.
        runs: Runs of each, in turns.

    Raises:
        PoseEdgeError: The model cannot be used.
    """
    model = Zoo().find(settings.model.name)
    here = load_runtime(model, settings)
    process = start_child(Job(model, settings.model.threads))
    with closing(ChildRuntime(process, here.provenance, timeout=60.0)) as child:
        rng = np.random.default_rng(0)
        tensor = rng.integers(0, 256, here.input.shape).astype(here.input.dtype)
        times: tuple[list[float], list[float]] = ([], [])
        for _ in range(runs):
            for runtime, samples in ((here, times[0]), (child, times[1])):
                begin = time.perf_counter()
                runtime.run(tensor)
                samples.append((time.perf_counter() - begin) * 1000)
    return ChildTiming(
        model.name, here.describe(), statistics.median(times[0]), statistics.median(times[1])
    )


def bench_pipeline(settings: Settings, source_name: str, rounds: int) -> PipelineTiming:
    """Compare the pipeline with a bare loop on the same video, with the same loaded model.

    Args:
        settings: Model and thread count.
        source_name: A video file, or "demo".
        rounds: How often each is run, in turns.

    Raises:
        PoseEdgeError: The model or the video cannot be had.
    """
    spec = parse_source(source_name)
    if spec.kind is not Kind.VIDEO:
        raise UsageError("bench pipeline needs a video file, or demo")
    pipeline_fps, bare_fps, frames = [], [], 0
    with ExitStack() as stack:
        estimator = load_model(settings, stack, wait=True)
        runtime = estimator.runtime
        for _ in range(rounds):
            frames, seconds = _bare_loop(spec.location, runtime)
            bare_fps.append(frames / seconds)
            frames, seconds = _pipeline(spec.location, estimator)
            pipeline_fps.append(frames / seconds)
        runs_on = runtime.provenance.model, runtime.describe()
    return PipelineTiming(*runs_on, frames, tuple(pipeline_fps), tuple(bare_fps))


def _bare_loop(path: str, runtime: Runtime) -> tuple[int, float]:
    capture = cv2.VideoCapture(path, cv2.CAP_FFMPEG)
    size, dtype = runtime.input.shape[1], runtime.input.dtype
    frames, started = 0, time.perf_counter()
    while True:
        ok, image = capture.read()
        if not ok:
            break
        runtime.run(cv2.resize(image, (size, size))[np.newaxis].astype(dtype, copy=False))
        frames += 1
    seconds = time.perf_counter() - started
    capture.release()
    if frames == 0:
        raise SourceError(f"{path} is not a video that can be read")
    return frames, seconds


def _pipeline(path: str, estimator: Estimator) -> tuple[int, float]:
    source = open_source(SourceSettings(name=path), CameraSettings())
    estimator.reset()
    pipeline = Pipeline(source, estimator, Telemetry())
    frames, started = 0, time.perf_counter()
    pipeline.start()
    try:
        while True:
            result = pipeline.take(1.0)
            if result is not None:
                frames += 1
                result.release()
    except EndOfStream:
        seconds = time.perf_counter() - started
    finally:
        pipeline.stop()
    return frames, seconds
