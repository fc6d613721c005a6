"""One round of the pipeline, and one of a bare loop that only reads, resizes and infers."""

from __future__ import annotations

import threading
import time
from contextlib import closing
from dataclasses import dataclass
from typing import Final, Protocol

import cv2
import numpy as np

from pose_edge.config.schema import Settings
from pose_edge.errors import EndOfStream
from pose_edge.estimators import Estimator
from pose_edge.frames import Frame
from pose_edge.offline.bench.meter import Cost, read_cost
from pose_edge.pipeline.pipeline import Pipeline
from pose_edge.poses import Result
from pose_edge.runtimes import Runtime
from pose_edge.sources import Source
from pose_edge.telemetry import Stopwatch, Telemetry
from pose_edge.tracking import PoseTracker

TAKE_S: Final = 0.1
"""Longest wait in seconds for a frame or result before `stop` is checked again."""

ROUND_STAGES: Final = ("preprocess", "inference", "postprocess")
"""Measured stages of the inference thread. The bare loop has no postprocessing."""


@dataclass(frozen=True, slots=True)
class BenchRound:
    """One pass through the video.

    Attributes:
        frames: Number of processed frames.
        cost: Time and context switches of the whole process.
        sums_ms: Time in each of the `ROUND_STAGES`, summed over all frames, milliseconds.
        latencies_ms: Latency of each processed frame, milliseconds: from its exposure (for a file,
            its decoding) until its poses were available or, with a screen, shown.
    """

    frames: int
    cost: Cost
    sums_ms: dict[str, float]
    latencies_ms: tuple[float, ...]

    @property
    def fps(self) -> float:
        """Frames per second."""
        return self.frames / self.cost.wall_s

    @property
    def cpu_ms(self) -> float:
        """CPU time per frame, milliseconds."""
        return self.cost.cpu_s * 1000 / self.frames

    @property
    def stages_ms(self) -> dict[str, float]:
        """Wall time of each stage per frame, milliseconds."""
        return {stage: total / self.frames for stage, total in self.sums_ms.items()}


class Screen(Protocol):
    """Shows the results of a round."""

    @property
    def name(self) -> str:
        """The kind of screen, or "none"."""

    def show(self, result: Result) -> None:
        """Show a result; return once it is handed over to the screen."""


class NoScreen:
    """Shows nothing."""

    name = "none"

    def show(self, result: Result) -> None:
        """Do nothing."""


def run_bare_loop(
    source: Source, runtime: Runtime, *, limit: int | None, stop: threading.Event
) -> BenchRound:
    """Read each frame, resize it, run the model on it, and do nothing else.

    Args:
        source: The video or camera, not yet open.
        runtime: The model. Each whole frame is resized to the first of its sizes.
        limit: Largest number of frames to process; None for all.
        stop: Set it to end early.
    """
    (height, width), dtype = runtime.sizes[0], runtime.input.dtype
    latencies_ms: list[float] = []
    sums_ms, frame = dict.fromkeys(ROUND_STAGES, 0.0), None
    with closing(source):
        source.open()
        started = read_cost()
        while len(latencies_ms) != limit and not stop.is_set():
            try:
                new = source.read(TAKE_S, frame.image if frame else None)
            except EndOfStream:
                break
            if new is None:
                continue
            frame = new
            stopwatch = Stopwatch()
            small = cv2.resize(frame.image, (width, height))
            tensor = small[np.newaxis].astype(dtype, copy=False)
            stopwatch.lap("preprocess")
            runtime.run(tensor)
            stopwatch.lap("inference")
            _add(sums_ms, stopwatch.laps_ms)
            latencies_ms.append(_age_ms(frame))
        cost = read_cost() - started
    return BenchRound(len(latencies_ms), cost, sums_ms, tuple(latencies_ms))


def run_pipeline(
    source: Source,
    estimator: Estimator,
    settings: Settings,
    *,
    telemetry: Telemetry,
    screen: Screen,
    limit: int | None,
    stop: threading.Event,
) -> BenchRound:
    """Run the pipeline as `pose-edge run` does, with tracking, but without outputs.

    Args:
        source: The video or camera, not yet open.
        estimator: The loaded model.
        settings: Tracking and smoothing.
        telemetry: Receives the figures that the screen's read-out shows.
        screen: Shows the results.
        limit: Largest number of frames to process; None for all.
        stop: Set it to end early.
    """
    estimator.reset()
    tracker = PoseTracker(settings, live=source.live)
    pipeline = Pipeline(source, estimator, telemetry, tracker=tracker, max_frames=limit)
    latencies_ms: list[float] = []
    sums_ms = dict.fromkeys(ROUND_STAGES, 0.0)
    started = read_cost()
    try:
        pipeline.open()
        started = read_cost()
        pipeline.start()
        while not stop.is_set():
            if (result := pipeline.take(TAKE_S)) is None:
                continue
            screen.show(result)
            latencies_ms.append(_age_ms(result.frame))
            _add(sums_ms, result.stages_ms)
            result.release()
    except EndOfStream:
        pass  # the normal end of a round
    finally:
        cost = read_cost() - started
        pipeline.stop()
    return BenchRound(len(latencies_ms), cost, sums_ms, tuple(latencies_ms))


def _add(sums_ms: dict[str, float], stages_ms: dict[str, float]) -> None:
    """Add the times of a frame's measured stages to the sums."""
    for stage in sums_ms:
        sums_ms[stage] += stages_ms.get(stage, 0.0)


def _age_ms(frame: Frame) -> float:
    """Return the time since a frame was exposed, milliseconds."""
    return (time.monotonic_ns() - frame.captured_ns) / 1e6
