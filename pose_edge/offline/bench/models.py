"""Measures models: the time of each stage with each number of threads, and the memory."""

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
"""Runs of a model before it is the next one's turn."""
WARM_UP: Final = 2
"""Runs after loading that do not count."""
PERSON: Final = Crop(left=422, top=41, width=100, height=304)
"""Where the person is in the first frame of the demo clip, with some space around them, pixels."""
FIRST_COUNTS: Final = 4
"""Up to so many threads each number is tried, then twice as many each time."""


@dataclass(frozen=True, slots=True)
class ModelTiming:
    """What was measured of one model with one number of threads.

    Attributes:
        name: Name of the model.
        runtime: Description of the runtime.
        threads: Threads of the CPU; None on an Edge TPU.
        input_type: Type of the input.
        sizes: Heights and widths of the input, the first one being the usual one.
        file_bytes: Size of the file.
        ap: Measured COCO AP by kind of pictures (one, several), where that was measured.
        runs: Runs that were measured.
        stages_ms: Milliseconds of each of the `STAGES`.
        cpu_ms: Time of the processor for a pass, all threads together, milliseconds, which other
            load changes less than the others; None in a process of its own.
        memory_mb: Memory that the model takes once it has run, megabytes; None in a process of its
            own.
        process_mb: Memory of the whole process then.
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
        """Frames per second that the model allows at most, with one inference pass a frame."""
        return 1000 / self.stages_ms["total"].median


@dataclass(frozen=True, slots=True)
class ModelsReport:
    """What was measured of all models.

    Attributes:
        system: The machine.
        before: The processor before the first run.
        after: The processor right after the last run.
        runs: Runs of each that were asked for.
        timings: By model, then by number of threads.
        left_out: What was not measured and why, one line each.
        complete: Whether it was not ended early.
    """

    system: System
    before: MachineState
    after: MachineState
    runs: int
    timings: tuple[ModelTiming, ...]
    left_out: tuple[str, ...]
    complete: bool


def thread_counts(cores: int) -> list[int]:
    """Return the numbers of threads that are worth measuring.

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
    """Measure models in turns: each is loaded, run some times, and left for the next, many times.

    So there is one model in memory at a time, and other load on the machine affects all alike.

    Args:
        settings: How models are used, and whether an Edge TPU is.
        names: Names or files of models; none for all that ship, and those of a Coral if there is
            one.
        threads: Numbers of threads of the CPU.
        runs: Runs of each model with each number of threads.
        control: Ends it, and takes its progress, in runs.

    Raises:
        ModelError: A model cannot be used.
        UnavailableError: There is no Edge TPU that is asked for.
        PoseEdgeError: It was ended before anything was measured.
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
    """Return the numbers of threads to measure a model with; an Edge TPU has none."""
    return [None] if file.compiled else threads


@dataclass(slots=True)
class _Job:
    """One model with one number of threads, and what was measured of it so far."""

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
    """Run all jobs, remove the optional ones that cannot be run, and return why."""
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
    """Load a model, and measure so many runs, or fewer when it is to stop."""
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
    """Return what the model is given: one that finds several people gets the whole frame."""
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
    """Return the models for a Coral that are here, and why others are left out.

    Raises:
        UnavailableError: There must be a Coral, and there is none.
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
