"""The figures of one run: durations of the stages, rates of events, faults."""

from __future__ import annotations

import threading
import time
from bisect import bisect_left
from collections import Counter, deque
from collections.abc import Callable
from dataclasses import dataclass
from enum import Enum
from typing import Final

import numpy as np

from pose_edge.poses import Provenance

STAGES: Final = (
    "wait",
    "preprocess",
    "inference",
    "postprocess",
    "compose",
    "upload",
    "draw",
    "present",
    "latency",
)
"""The stages in the order of the flow. "compose" makes the picture for a recording; "upload",
"draw" and "present" show one; "latency" lasts from exposure to screen."""

SOURCE: Final = "source"
INFERENCE: Final = "inference"
DISPLAY: Final = "display"
EDGETPU: Final = "edgetpu"
"""Parts of a run that can have a fault, besides the outputs, which have names of their own."""

KEPT_SAMPLES: Final = 512
"""The newest durations of each stage, from which its statistics are computed."""

BOUNDS_MS: Final = (1.0, 2.5, 5.0, 10.0, 16.7, 25.0, 33.3, 50.0, 75.0, 100.0, 150.0, 250.0, 500.0)
"""Upper bounds of the histogram of each stage, milliseconds; beyond the last there is one more
bucket. Among them are the frames of 60, 30 and 20 per second."""


class Event(Enum):
    """What is counted, and how often it happens."""

    CAPTURED = "camera"
    """A frame came from the source."""
    PROCESSED = "inference"
    """The model has processed a frame."""
    PERSON = "person"
    """At least one person was found in a frame."""
    SHOWN = "screen"
    """A frame was shown on the screen."""


class Stopwatch:
    """Times consecutive stages of one frame.

    Attributes:
        laps_ms: Milliseconds of each stage.
    """

    __slots__ = ("_clock_ns", "_last_ns", "laps_ms")

    def __init__(
        self, start_ns: int | None = None, *, clock_ns: Callable[[], int] = time.monotonic_ns
    ) -> None:
        """Start the first lap, at a time of the monotonic clock or, with None, now."""
        self._clock_ns = clock_ns
        self._last_ns = clock_ns() if start_ns is None else start_ns
        self.laps_ms: dict[str, float] = {}

    def lap(self, stage: str) -> None:
        """Add the time since the last lap to a stage."""
        now_ns = self._clock_ns()
        self.laps_ms[stage] = self.laps_ms.get(stage, 0.0) + (now_ns - self._last_ns) / 1e6
        self._last_ns = now_ns


@dataclass(frozen=True, slots=True)
class Summary:
    """Statistics of one stage.

    Attributes:
        median: Median of the newest samples, milliseconds.
        p95: 95th percentile of the same samples, milliseconds.
        count: Samples since the start.
        total_ms: Sum of all of them, milliseconds.
        buckets: How many of them lie up to each of `BOUNDS_MS` and above the one before it, and at
            the end how many lie above the last.
    """

    median: float
    p95: float
    count: int
    total_ms: float = 0.0
    buckets: tuple[int, ...] = (0,) * (len(BOUNDS_MS) + 1)


class RateMeter:
    """Events per second, averaged over the last few seconds."""

    def __init__(self, span_s: float = 2.0) -> None:
        """Average over `span_s` seconds."""
        self._span_ns = int(span_s * 1e9)
        self._events: deque[int] = deque()

    def tick(self, now_ns: int) -> None:
        """Note one event."""
        self._events.append(now_ns)
        self._forget_old(now_ns)

    def rate(self, now_ns: int) -> float:
        """Return events per second; the rate falls to 0 when the events stop."""
        self._forget_old(now_ns)
        if len(self._events) < 2:
            return 0.0
        elapsed = self._events[-1] - self._events[0]
        silence = now_ns - self._events[-1]
        if silence * (len(self._events) - 1) > 2 * elapsed:  # longer than two usual intervals
            elapsed += silence
        return (len(self._events) - 1) * 1e9 / elapsed if elapsed > 0 else 0.0

    def _forget_old(self, now_ns: int) -> None:
        while self._events and now_ns - self._events[0] > self._span_ns:
            self._events.popleft()


class Telemetry:
    """The figures of one run; safe to use from all its threads."""

    def __init__(self, clock_ns: Callable[[], int] = time.monotonic_ns) -> None:
        """Start with nothing measured."""
        self._clock_ns = clock_ns
        self._lock = threading.Lock()
        self._samples = {stage: deque[float](maxlen=KEPT_SAMPLES) for stage in STAGES}
        self._totals_ms = dict.fromkeys(STAGES, 0.0)
        self._buckets = {stage: [0] * (len(BOUNDS_MS) + 1) for stage in STAGES}
        self._counts: Counter[Event] = Counter()
        self._meters = {event: RateMeter() for event in Event}
        self._faults: dict[str, str] = {}
        self._backends: Counter[str] = Counter()
        self._provenance: Provenance | None = None

    def add(self, stages_ms: dict[str, float]) -> None:
        """Add the durations of some of the `STAGES`, milliseconds."""
        with self._lock:
            for stage, value in stages_ms.items():
                self._samples[stage].append(value)
                self._totals_ms[stage] += value
                self._buckets[stage][bisect_left(BOUNDS_MS, value)] += 1

    def tick(self, event: Event) -> None:
        """Count one event."""
        with self._lock:
            self._counts[event] += 1
            self._meters[event].tick(self._clock_ns())

    def count(self, event: Event) -> int:
        """Return how often an event happened."""
        with self._lock:
            return self._counts[event]

    def rate(self, event: Event) -> float:
        """Return how often an event happens now, per second."""
        with self._lock:
            return self._meters[event].rate(self._clock_ns())

    def summary(self, stage: str) -> Summary | None:
        """Return the statistics of a stage, or None when it never ran."""
        with self._lock:
            samples, total_ms = list(self._samples[stage]), self._totals_ms[stage]
            buckets = tuple(self._buckets[stage])
        if not samples:
            return None
        median, p95 = np.percentile(samples, [50, 95])
        return Summary(float(median), float(p95), sum(buckets), total_ms, buckets)

    def summaries(self) -> dict[str, Summary]:
        """Return the statistics of all stages that ran, in the order of the flow."""
        found = {stage: self.summary(stage) for stage in STAGES}
        return {stage: summary for stage, summary in found.items() if summary is not None}

    @property
    def provenance(self) -> Provenance | None:
        """What found the newest poses, or None before the first."""
        with self._lock:
            return self._provenance

    def set_provenance(self, provenance: Provenance) -> None:
        """Note what found the newest poses, and count one frame for its backend."""
        with self._lock:
            self._provenance = provenance
            self._backends[provenance.backend] += 1

    def backends(self) -> dict[str, int]:
        """Return how many frames each backend has processed, by its name."""
        with self._lock:
            return dict(self._backends)

    def set_fault(self, part: str, message: str | None) -> None:
        """Note what is wrong with a part, or (None) that it works again."""
        with self._lock:
            if message is None:
                self._faults.pop(part, None)
            else:
                self._faults[part] = message

    def faults(self) -> dict[str, str]:
        """Return what is wrong now, by the name of the part."""
        with self._lock:
            return dict(self._faults)
