"""Check the model on the CPU: whether it loads, how fast it is, and whether it finds people."""

from __future__ import annotations

import statistics
import time
from collections.abc import Iterator
from typing import TYPE_CHECKING, Final

from pose_edge.doctor.context import DoctorContext, installed_version
from pose_edge.doctor.report import Finding

if TYPE_CHECKING:
    from pose_edge.estimators import Estimator

RUNS: Final = 10
RUNS_S: Final = 2.0
SLOW_MS: Final = 150.0
"""Inference time, milliseconds, above which the poses visibly lag behind."""
FRAMES: Final = (60, 75, 90, 105, 120)
"""Frame numbers of the demo clip; every model that ships finds a person in at least one."""
PACKAGES: Final = {"ai_edge_litert": "ai-edge-litert", "tflite_runtime": "tflite-runtime"}


def examine(context: DoctorContext) -> Iterator[Finding]:
    """Load the runtime and the configured CPU model, and run the model on the demo clip."""
    from pose_edge.runtimes.litert import import_runtime

    library, _interpreter = import_runtime()
    yield _runtime(library)
    if context.use_models:
        yield from _try_model(context)
    else:
        yield Finding("model", "skipped", "not run (--no-inference)")


def _runtime(library: str) -> Finding:
    version = installed_version(PACKAGES[library]) or "(unknown version)"
    if library == "tflite_runtime":
        text = f"tflite-runtime {version}: INT8 models run many times slower than with LiteRT"
        return Finding("runtime", "warning", text, "`pip install ai-edge-litert`")
    return Finding("runtime", "ok", f"LiteRT ({PACKAGES[library]}) {version}")


def _try_model(context: DoctorContext) -> Iterator[Finding]:
    import numpy as np

    from pose_edge.estimators import load_estimator
    from pose_edge.pipeline.loading import find_pair
    from pose_edge.pipeline.trial import try_model
    from pose_edge.runtimes.litert import LiteRT
    from pose_edge.zoo.registry import Zoo

    settings = context.settings
    # The CPU model, even if an Edge TPU is used: the Edge TPU has its own section.
    model, _edgetpu = find_pair(Zoo(), settings.model.name, settings.edgetpu)
    model = try_model(model, settings.model)
    started = time.perf_counter()
    runtime = LiteRT(model, threads=settings.model.threads)
    load_s = time.perf_counter() - started
    tensor = np.zeros(runtime.input.shape, runtime.input.dtype)
    times: list[float] = []
    end = time.perf_counter() + RUNS_S
    while len(times) < RUNS and time.perf_counter() < end:
        started = time.perf_counter()
        runtime.run(tensor)
        times.append((time.perf_counter() - started) * 1000)
    median = statistics.median(times)
    text = f"{median:.1f} ms, {model.name} by {runtime.describe()}, loaded in {load_s:.1f} s"
    if median > SLOW_MS:
        remedy = "movenet-lightning-int8 is the fastest model; other programs may take the cores"
        yield Finding("model", "warning", f"{text}: the poses lag behind", remedy)
    else:
        yield Finding("model", "ok", text)
    yield _answer(context, load_estimator(model, runtime, settings.model))


def _answer(context: DoctorContext, estimator: Estimator) -> Finding:
    """Estimate poses in `FRAMES` of the demo clip until a person is found."""
    from pose_edge.sources.video import Video
    from pose_edge.util import resources

    video = Video(str(resources.demo_clip()))
    video.open()
    try:
        for number in range(FRAMES[-1] + 1):
            frame = video.read(1.0)
            if frame is None or number not in FRAMES:
                continue
            estimator.reset()
            scores = [pose.score for pose in estimator.estimate(frame).poses]
            if scores:
                text = f"finds a person in the demo clip, score {max(scores):.2f}"
                return Finding("answer", "ok", text)
    finally:
        video.close()
    remedy = "a model of your own may be right; otherwise please report this"
    name = context.settings.model.name
    return Finding("answer", "warning", f"{name} finds no person in the demo clip", remedy)
