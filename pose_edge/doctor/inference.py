"""The model on the CPU: does the runtime load, how fast is it, and does it find somebody."""

from __future__ import annotations

import statistics
import time
from collections.abc import Iterator
from functools import partial
from importlib import metadata
from typing import TYPE_CHECKING, Final

from pose_edge.doctor.context import DoctorContext
from pose_edge.doctor.finding import Finding

if TYPE_CHECKING:
    from pose_edge.estimators import Estimator

SECTION: Final = "Inference"

_finding = partial(Finding, SECTION)

RUNS: Final = 10
RUNS_S: Final = 2.0
SLOW_MS: Final = 150.0
"""Above it a picture with poses is no longer live."""
FRAMES: Final = (60, 75, 90, 105, 120)
"""Of the demo clip: where every model that ships finds somebody, at one of them at least."""
PACKAGES: Final = {"ai_edge_litert": "ai-edge-litert", "tflite_runtime": "tflite-runtime"}


def examine(context: DoctorContext) -> Iterator[Finding]:
    """Load the runtime and the CPU model that is set, run it, and try it on the demo clip."""
    from pose_edge.runtimes.litert import import_runtime

    library, _interpreter = import_runtime()
    yield _runtime(library)
    if context.use_models:
        yield from _try_model(context)
    else:
        yield _finding("model", "skipped", "not run, as asked for (--no-inference)")


def _runtime(library: str) -> Finding:
    try:
        version = metadata.version(PACKAGES[library])
    except metadata.PackageNotFoundError:
        version = "of unknown version"
    if library == "tflite_runtime":
        return _finding(
            "runtime",
            "warning",
            f"tflite-runtime {version}: INT8 models run many times slower than in LiteRT",
            "`pip install ai-edge-litert`",
        )
    return _finding("runtime", "ok", f"LiteRT ({PACKAGES[library]}) {version}")


def _try_model(context: DoctorContext) -> Iterator[Finding]:
    import numpy as np

    from pose_edge.estimators import load_estimator
    from pose_edge.pipeline.loading import find_pair
    from pose_edge.runtimes.litert import LiteRT
    from pose_edge.zoo.registry import Zoo

    settings = context.settings
    # As with edgetpu off: here it is the CPU that is tried.
    model = find_pair(Zoo(), settings.model.name, settings.edgetpu).cpu
    begun = time.perf_counter()
    runtime = LiteRT(model, threads=settings.model.threads)
    load_s = time.perf_counter() - begun
    tensor = np.zeros(runtime.input.shape, runtime.input.dtype)
    times: list[float] = []
    end = time.perf_counter() + RUNS_S
    while len(times) < RUNS and time.perf_counter() < end:
        begun = time.perf_counter()
        runtime.run(tensor)
        times.append((time.perf_counter() - begun) * 1000)
    median = statistics.median(times)
    text = f"{median:.1f} ms, {model.name} by {runtime.describe()}, loaded in {load_s:.1f} s"
    if median > SLOW_MS:
        remedy = "movenet-lightning-int8 is the fastest model; other programs may take the cores"
        yield _finding("model", "warning", f"{text}: too slow to be live", remedy)
    else:
        yield _finding("model", "ok", text)
    yield _answer(context, load_estimator(model, runtime, settings.model))


def _answer(context: DoctorContext, estimator: Estimator) -> Finding:
    """Look at pictures of which the answer is known, until it is right."""
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
                text = f"finds somebody in the demo clip, score {max(scores):.2f}"
                return _finding("answer", "ok", text)
    finally:
        video.close()
    remedy = "for a model of your own this may be right; otherwise please report this"
    name = context.settings.model.name
    return _finding("answer", "warning", f"{name} finds nobody in the demo clip", remedy)
