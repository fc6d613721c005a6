"""Measures the overhead of running a model in a child process, as Edge TPU models do."""

from __future__ import annotations

import time
from contextlib import closing
from dataclasses import dataclass

import numpy as np

from pose_edge.config.schema import Settings
from pose_edge.offline.bench.statistics import Spread
from pose_edge.pipeline.trial import try_model
from pose_edge.runtimes.child import ChildRuntime, start_child
from pose_edge.runtimes.child_main import Job
from pose_edge.runtimes.litert import load_litert
from pose_edge.zoo.registry import Zoo


@dataclass(frozen=True, slots=True)
class ChildTiming:
    """Times of one model in this process and in a child process.

    Attributes:
        model: Name of the model.
        runtime: Description of the runtime.
        here_ms: Time of an inference in this process, milliseconds.
        child_ms: Time of an inference in the child process, milliseconds.
    """

    model: str
    runtime: str
    here_ms: Spread
    child_ms: Spread


def bench_child(settings: Settings, runs: int) -> ChildTiming:
    """Time a CPU model in this process and in a child process, alternately.

    Args:
        settings: Model and thread count.
        runs: Runs of each.

    Raises:
        PoseEdgeError: The model cannot be used.
    """
    model = try_model(Zoo().find(settings.model.name), settings.model)
    here = load_litert(model, settings)
    started = start_child(Job(model, settings.model.threads))
    rng = np.random.default_rng(0)
    tensor = rng.integers(0, 256, here.input.shape).astype(here.input.dtype)
    here_ms: list[float] = []
    child_ms: list[float] = []
    with closing(ChildRuntime(started, here.provenance, timeout=60.0)) as child:
        for _ in range(runs):
            for runtime, times_ms in ((here, here_ms), (child, child_ms)):
                begun_s = time.perf_counter()
                runtime.run(tensor)
                times_ms.append((time.perf_counter() - begun_s) * 1000)
    return ChildTiming(model.name, here.describe(), Spread.of(here_ms), Spread.of(child_ms))
