"""Measures the time of each stage of each model with each number of threads, and the memory."""

from __future__ import annotations

import logging
import threading
import time
from collections.abc import Sequence
from contextlib import closing
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final

from pose_edge.config.schema import Settings
from pose_edge.errors import PoseEdgeError, UnavailableError
from pose_edge.estimators import Estimator, load_estimator
from pose_edge.estimators.crop import Crop
from pose_edge.estimators.multi_person import MultiPersonEstimator
from pose_edge.frames import Frame
from pose_edge.offline.bench.control import BenchControl
from pose_edge.offline.bench.machine_state import MachineState, read_state
from pose_edge.offline.bench.meter import read_memory
from pose_edge.offline.bench.statistics import Spread
from pose_edge.offline.bench.system import System, read_system
from pose_edge.pipeline.trial import try_model
from pose_edge.runtimes import load_runtime
from pose_edge.sources.video import Video
from pose_edge.telemetry import Stopwatch
from pose_edge.util import resources
from pose_edge.zoo.registry import ModelFile, Zoo

log = logging.getLogger(__name__)

STAGES: Final = ("preprocess", "inference", "postprocess", "total")
"""Stages of an inference pass; the total is their sum."""
RUNS_A_ROUND: Final = 10
"""Runs of a model in each round, before the next model is loaded."""
WARM_UP: Final = 2
"""Runs after loading that are not measured."""
PERSON: Final = Crop(left=422, top=41, width=100, height=304)
"""Region around the person in the first frame of the demo clip, with a margin, pixels."""
FIRST_COUNTS: Final = 4
"""Largest number up to which every thread count is measured; above it, the count doubles."""


@dataclass(frozen=True, slots=True)
class ModelTiming:
    """Measurements of one model with one number of threads.

    Attributes:
        name: Name of the model.
        runtime: Description of the runtime.
        threads: Number of CPU threads; None on an Edge TPU.
        input_type: Data type of the input.
        sizes: Input sizes as (height, width), pixels; the first is the usual one.
        file_bytes: Size of the file.
        ap: Known COCO AP by kind of pictures ("one" or "several" people); empty if not measured.
        runs: Number of measured runs.
        stages_ms: Time of each of the `STAGES`, milliseconds.
        cpu_ms: CPU time of a pass, summed over all threads, milliseconds. Other load affects it
            less than wall time. None for a model that runs in a child process.
        memory_mb: Memory of the model after its first runs, megabytes; None for a model that runs
            in a child process.
        process_mb: Resident memory of this whole process at that time, megabytes.
    """

    name: str
    runtime: str
    threads: int | None
    input_type: str
    sizes: tuple[tuple[int, int], ...]
    file_bytes: int
    ap: dict[str, float]
    runs: int
    stages_ms: dict[str, Spread]
    cpu_ms: Spread | None
    memory_mb: float | None
    process_mb: float

    @property
    def fps(self) -> float:
        """Highest frame rate that the model allows, at one inference pass per frame."""
        return 1000 / self.stages_ms["total"].median


@dataclass(frozen=True, slots=True)
class ModelsReport:
    """Measurements of all models.

    Attributes:
        system: The machine.
        before: State of the machine before the first run.
        after: State of the machine right after the last run.
        runs: Number of runs requested for each model and thread count.
        timings: The measurements, ordered by model and then by number of threads.
        left_out: Models that were not measured, one line each with the reason.
        complete: False if the measurement was stopped early.
    """

    system: System
    before: MachineState
    after: MachineState
    runs: int
    timings: tuple[ModelTiming, ...]
    left_out: tuple[str, ...]
    complete: bool


def thread_counts(cores: int) -> list[int]:
    """Return the numbers of threads to measure on a machine with `cores` cores.

    >>> thread_counts(4), thread_counts(24)
    ([1, 2, 3, 4], [1, 2, 3, 4, 8, 16, 24])
    """
    counts = list(range(1, min(cores, FIRST_COUNTS) + 1))
    while counts[-1] < cores:
        counts.append(min(2 * counts[-1], cores))
    return counts


def bench_models(
    settings: Settings,
    names: Sequence[str],
    threads: Sequence[int],
    runs: int,
    control: BenchControl | None = None,
) -> ModelsReport:
    """Measure models in interleaved rounds of `RUNS_A_ROUND` runs each.

    Each model is loaded anew in every round. So only one model is in memory at a time, and other
    load on the machine affects all models alike.

    Args:
        settings: Settings of the models and of the Edge TPU.
        names: Names or files of models; empty for all bundled models and, if a Coral is plugged
            in, the fetched Edge TPU models.
        threads: Numbers of CPU threads.
        runs: Runs of each model with each number of threads.
        control: Stops the measurement and receives its progress, in runs.

    Raises:
        ModelError: A model cannot be used.
        UnavailableError: An Edge TPU is required but missing.
        PoseEdgeError: The measurement was stopped before the first run.
    """
    control = control or BenchControl()
    zoo = Zoo()
    files = [
        try_model(zoo.find(name), settings.model, control.stop) for name in names or zoo.entries
    ]
    optional, left_out = ([], []) if names else _edgetpu_models(settings, zoo)
    jobs = [
        *(_Job(file, count) for file in files for count in _counts(file, threads)),
        *(_Job(file, None, optional=True) for file in optional),
    ]
    sysfs = Path(settings.testing.sysfs)
    before = read_state(sysfs)
    left_out += _run_in_turns(jobs, settings, runs, control)
    after, measured = read_state(sysfs), zoo.accuracy()
    timings = tuple(job.timing(measured.get(job.file.name, {})) for job in jobs if job.total_ms)
    if not timings:
        raise PoseEdgeError("nothing was measured: it was ended before the first run")
    return ModelsReport(
        system=read_system(),
        before=before,
        after=after,
        runs=runs,
        timings=timings,
        left_out=tuple(left_out),
        complete=not control.stopped,
    )


def _counts(file: ModelFile, threads: Sequence[int]) -> Sequence[int | None]:
    """Return the numbers of threads to measure a model with; [None] for an Edge TPU model."""
    return [None] if file.compiled else threads


@dataclass(slots=True)
class _Job:
    """One model with one number of threads, and its measurements so far."""

    file: ModelFile
    threads: int | None
    optional: bool = False
    laps_ms: dict[str, list[float]] = field(default_factory=lambda: {name: [] for name in STAGES})
    cpu_ms: list[float] = field(default_factory=list)
    memory_mb: list[float] = field(default_factory=list)
    process_mb: list[float] = field(default_factory=list)
    runtime: str = ""
    input_type: str = ""
    sizes: tuple[tuple[int, int], ...] = ()

    @property
    def total_ms(self) -> list[float]:
        return self.laps_ms["total"]

    def timing(self, ap: dict[str, float]) -> ModelTiming:
        own_process = self.threads is None
        return ModelTiming(
            name=self.file.name,
            runtime=self.runtime,
            threads=self.threads,
            input_type=self.input_type,
            sizes=self.sizes,
            file_bytes=self.file.path.stat().st_size,
            ap=ap,
            runs=len(self.total_ms),
            stages_ms={stage: Spread.of(self.laps_ms[stage]) for stage in STAGES},
            cpu_ms=None if own_process else Spread.of(self.cpu_ms),
            memory_mb=None if own_process else Spread.of(self.memory_mb).median,
            process_mb=Spread.of(self.process_mb).median,
        )


def _run_in_turns(
    jobs: list[_Job], settings: Settings, runs: int, control: BenchControl
) -> list[str]:
    """Run all jobs; remove optional ones that cannot run, and return one line on each of them."""
    frame, done = _first_frame(), 0
    left_out: list[str] = []
    for first in range(0, runs, RUNS_A_ROUND):
        count = min(RUNS_A_ROUND, runs - first)
        for job in list(jobs):
            if control.stopped:
                return left_out
            try:
                _run(job, frame, settings, count, control.stop)
            except UnavailableError as error:
                if not job.optional:
                    raise
                left_out.append(f"{job.file.name}: {error.message}")
                jobs.remove(job)
            else:
                done += count
                log.debug("%d of %d runs", done, len(jobs) * runs)
                control.report(done, len(jobs) * runs)
    return left_out


def _run(job: _Job, frame: Frame, settings: Settings, count: int, stop: threading.Event) -> None:
    """Load a model and measure `count` runs, or fewer if `stop` is set."""
    threads = job.threads or settings.model.threads
    model = settings.model.model_copy(update={"threads": threads, "people": "one"})
    settings = settings.model_copy(update={"model": model})
    empty = read_memory()
    with closing(load_runtime(job.file, settings)) as runtime:
        estimator = load_estimator(job.file, runtime, model)
        crop = _crop(estimator, frame)
        for _ in range(WARM_UP):
            estimator.estimate_crop(frame, crop)
        loaded = read_memory()
        job.memory_mb.append(max(0.0, loaded.own_mb - empty.own_mb))
        job.process_mb.append(loaded.resident_mb)
        job.runtime, job.sizes = runtime.describe().partition(", in process")[0], runtime.sizes
        job.input_type = runtime.input.dtype
        for _ in range(count):
            if stop.is_set():
                return
            cpu_s, stopwatch = time.process_time(), Stopwatch()
            estimator.estimate_crop(frame, crop, stopwatch)
            job.cpu_ms.append((time.process_time() - cpu_s) * 1000)
            laps_ms = stopwatch.laps_ms
            for stage in STAGES[:-1]:
                job.laps_ms[stage].append(laps_ms[stage])
            job.total_ms.append(sum(laps_ms.values()))


def _crop(estimator: Estimator, frame: Frame) -> Crop:
    """Return the region to run a model on: the whole frame for one that finds several people."""
    if isinstance(estimator, MultiPersonEstimator):
        return Crop(0, 0, frame.width, frame.height)
    return PERSON


def _first_frame() -> Frame:
    """Return the first frame of the demo clip."""
    video = Video(str(resources.demo_clip()))
    with closing(video):
        video.open()
        frame = None
        while frame is None:
            frame = video.read(0.0)
    return frame


def _edgetpu_models(settings: Settings, zoo: Zoo) -> tuple[list[ModelFile], list[str]]:
    """Return the Edge TPU models that were fetched, and why others are left out.

    Raises:
        UnavailableError: The settings require a Coral, but none is plugged in.
    """
    mode = settings.edgetpu.mode
    if mode == "off":
        return [], []
    from pose_edge.runtimes.edgetpu.detection import find_corals

    sysfs, dev = Path(settings.testing.sysfs), Path(settings.testing.dev)
    if not find_corals(settings.edgetpu.device, sysfs=sysfs, dev=dev):
        if mode == "on":
            raise UnavailableError(
                "no Edge TPU: no Coral is plugged in", remedy="--edgetpu auto goes on without one"
            )
        return [], ["Edge TPU models: no Coral is plugged in"]
    here = zoo.fetched()
    absent = [f"{name}: `pose-edge models fetch {name}` gets it" for name in zoo.twins]
    absent = [line for line in absent if line.partition(":")[0] not in here]
    return [zoo.find(name) for name in zoo.twins if name in here], absent
