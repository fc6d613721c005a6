"""Telemetry of one run: durations of the stages, rates of events, faults."""

from __future__ import annotations

import threading
import time
from bisect import bisect_left
from collections import Counter, deque
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from enum import Enum
from typing import Final

from pose_edge.poses import Provenance

TO_POSES: Final = (
    "arrival",
    "decode",
    "queue",
    "preprocess",
    "inference",
    "postprocess",
    "tracking",
)
"""The stages up to the poses, in pipeline order. "arrival" lasts from the exposure until the source
has the picture; "queue" is the time in the ring buffer."""
TO_SCREEN: Final = ("handover", "compose", "upload", "draw", "present")
"""The stages after the poses. "handover" lasts until the main thread has the poses; "compose"
builds the scene, and the picture for a recording; the remaining stages show it."""
LATENCY: Final = "latency"
"""Time from exposure to screen: the sum of all stages."""
POSE_AGE: Final = "pose_age"
"""With `overlay.sync: live`: age of the poses on the screen, counted from the exposure of the frame
in which they were found."""
STAGES: Final = (*TO_POSES, *TO_SCREEN, LATENCY, POSE_AGE)

SOURCE: Final = "source"
INFERENCE: Final = "inference"
DISPLAY: Final = "display"
EDGETPU: Final = "edgetpu"
"""Parts of a run that can have a fault. The outputs are further parts, with names of their own."""

KEPT_SAMPLES: Final = 512
"""Number of recent durations kept for each stage, from which its statistics are computed."""
KEPT_FRAMES: Final = 128
"""Number of recently shown frames kept, from which `Telemetry.typical` is computed."""
TYPICAL_SHARE: Final = 5
"""`Telemetry.typical` averages one in this many of the kept frames: those whose latencies are in
the middle of the sorted list."""

BOUNDS_MS: Final = (1.0, 2.5, 5.0, 10.0, 16.7, 25.0, 33.3, 50.0, 75.0, 100.0, 150.0, 250.0, 500.0)
"""Upper bounds of the histogram buckets of each stage, milliseconds; one more bucket follows the
last bound. The frame intervals at 60, 30 and 20 frames per second are among them."""


class Event(Enum):
    """Events that are counted and whose rates are measured."""

    CAPTURED = "camera"
    """A frame came from the source."""
    PROCESSED = "inference"
    """The model has processed a frame."""
    PERSON = "person"
    """At least one person was found in a frame."""
    PASSED_OVER = "rest"
    """The model was not run on a frame, because nobody was visible and nothing moved."""
    SHOWN = "screen"
    """A frame was shown on the screen."""


class Stopwatch:
    """Times consecutive stages of one frame.

    Attributes:
        laps_ms: Duration of each stage, milliseconds.
        last_ns: End of the last lap on the monotonic clock, nanoseconds.
    """

    __slots__ = ("_clock_ns", "laps_ms", "last_ns")

    def __init__(
        self,
        start_ns: int | None = None,
        *,
        laps_ms: Mapping[str, float] | None = None,
        clock_ns: Callable[[], int] = time.monotonic_ns,
    ) -> None:
        """Create the stopwatch and start a lap.

        Args:
            start_ns: Start of the lap on the monotonic clock, nanoseconds; None for now.
            laps_ms: Durations of earlier laps of the same frame, milliseconds, by stage.
            clock_ns: The monotonic clock, nanoseconds.
        """
        self._clock_ns = clock_ns
        self.last_ns = clock_ns() if start_ns is None else start_ns
        self.laps_ms: dict[str, float] = {} if laps_ms is None else dict(laps_ms)

    def lap(self, stage: str, end_ns: int | None = None) -> None:
        """Add the time since the last lap to a stage; the lap ends at `end_ns`, by default now."""
        if end_ns is None:
            end_ns = self._clock_ns()
        laps_ms = self.laps_ms
        laps_ms[stage] = laps_ms.get(stage, 0.0) + (end_ns - self.last_ns) / 1e6
        self.last_ns = end_ns

    @property
    def total_ms(self) -> float:
        """Sum of all laps, milliseconds."""
        return sum(self.laps_ms.values())


@dataclass(frozen=True, slots=True)
class Summary:
    """Statistics of one stage.

    Attributes:
        median: Median of the newest samples, milliseconds.
        p95: 95th percentile of the same samples, milliseconds.
        count: Number of samples since the start.
        total_ms: Sum of all samples since the start, milliseconds.
        buckets: Histogram of all samples since the start: the number of samples between each of
            `BOUNDS_MS` (inclusive) and the bound before it, then the number above the last bound.
    """

    median: float
    p95: float
    count: int
    total_ms: float = 0.0
    buckets: tuple[int, ...] = (0,) * (len(BOUNDS_MS) + 1)


class RateMeter:
    """Events per second, averaged over the last few seconds."""

    def __init__(self, span_s: float = 2.0) -> None:
        """Create a meter that averages over `span_s` seconds."""
        self._span_ns = int(span_s * 1e9)
        self._events: deque[int] = deque()

    def tick(self, now_ns: int) -> None:
        """Record one event."""
        self._events.append(now_ns)
        self._forget_old(now_ns)

    def rate(self, now_ns: int) -> float:
        """Return the events per second; the rate falls to 0 when events stop."""
        self._forget_old(now_ns)
        if len(self._events) < 2:
            return 0.0
        elapsed = self._events[-1] - self._events[0]
        silence = now_ns - self._events[-1]
        if silence * (len(self._events) - 1) > 2 * elapsed:  # longer than two average intervals
            elapsed += silence
        return (len(self._events) - 1) * 1e9 / elapsed if elapsed > 0 else 0.0

    def _forget_old(self, now_ns: int) -> None:
        while self._events and now_ns - self._events[0] > self._span_ns:
            self._events.popleft()


class Telemetry:
    """The measurements of one run. Thread-safe."""

    def __init__(self, clock_ns: Callable[[], int] = time.monotonic_ns) -> None:
        """Create empty telemetry; `clock_ns` is the monotonic clock in nanoseconds."""
        self._clock_ns = clock_ns
        self._lock = threading.Lock()
        self._samples = {stage: deque[float](maxlen=KEPT_SAMPLES) for stage in STAGES}
        self._totals_ms = dict.fromkeys(STAGES, 0.0)
        self._buckets = {stage: [0] * (len(BOUNDS_MS) + 1) for stage in STAGES}
        self._counts: Counter[Event] = Counter()
        self._shown_ms: deque[tuple[float, dict[str, float]]] = deque(maxlen=KEPT_FRAMES)
        self._meters = {event: RateMeter() for event in Event}
        self._faults: dict[str, str] = {}
        self._backends: Counter[str] = Counter()
        self._provenance: Provenance | None = None

    def add(self, stages_ms: dict[str, float]) -> None:
        """Record the durations, in milliseconds, of some of the `STAGES`."""
        with self._lock:
            self._add(stages_ms)

    def tick(self, event: Event) -> None:
        """Count one event."""
        with self._lock:
            self._tick(event, self._clock_ns())

    def processed(self, laps_ms: dict[str, float], provenance: Provenance, *, person: bool) -> None:
        """Record that the model has processed a frame.

        Args:
            laps_ms: Durations of the stages `TO_POSES`, milliseconds.
            provenance: The model and the hardware that found the poses.
            person: Whether at least one person was found.
        """
        with self._lock:
            self._add(laps_ms)
            now_ns = self._clock_ns()
            self._tick(Event.PROCESSED, now_ns)
            if person:
                self._tick(Event.PERSON, now_ns)
            self._provenance = provenance
            self._backends[provenance.backend] += 1

    def shown(self, laps_ms: dict[str, float], pose_age_ms: float | None = None) -> None:
        """Record that a frame was shown.

        Args:
            laps_ms: Durations of the frame's stages, milliseconds; the dictionary is kept.
            pose_age_ms: See `POSE_AGE`; None if the poses were found in the shown frame itself.
        """
        latency_ms = sum(laps_ms.values())
        with self._lock:
            self._tick(Event.SHOWN, self._clock_ns())
            self._shown_ms.append((latency_ms, laps_ms))
            self._add({stage: laps_ms[stage] for stage in TO_SCREEN if stage in laps_ms})
            self._add({LATENCY: latency_ms})
            if pose_age_ms is not None:
                self._add({POSE_AGE: pose_age_ms})

    def typical(self) -> dict[str, float]:
        """Return the typical share of each stage in the latency of a frame.

        Returns:
            Mean duration of each stage, milliseconds, in pipeline order, over the shown frames
            with latencies around the median. The sum is therefore close to the median latency.
            Empty if no frame was shown.
        """
        with self._lock:
            frames = sorted(self._shown_ms, key=lambda shown: shown[0])
        count = max(1, len(frames) // TYPICAL_SHARE)
        first = (len(frames) - count) // 2
        typical = frames[max(0, first) : first + count]
        sums: Counter[str] = Counter()
        for _latency_ms, laps_ms in typical:
            sums.update(laps_ms)
        return {stage: sums[stage] / len(typical) for stage in STAGES if stage in sums}

    def _add(self, stages_ms: dict[str, float]) -> None:
        for stage, value in stages_ms.items():
            self._samples[stage].append(value)
            self._totals_ms[stage] += value
            self._buckets[stage][bisect_left(BOUNDS_MS, value)] += 1

    def _tick(self, event: Event, now_ns: int) -> None:
        self._counts[event] += 1
        self._meters[event].tick(now_ns)

    def count(self, event: Event) -> int:
        """Return how often an event has happened."""
        with self._lock:
            return self._counts[event]

    def rate(self, event: Event) -> float:
        """Return the current rate of an event, per second."""
        with self._lock:
            return self._meters[event].rate(self._clock_ns())

    def summary(self, stage: str) -> Summary | None:
        """Return the statistics of a stage, or None if it never ran."""
        with self._lock:
            samples, total_ms = list(self._samples[stage]), self._totals_ms[stage]
            buckets = tuple(self._buckets[stage])
        if not samples:
            return None
        samples.sort()
        median, p95 = quantile(samples, 0.5), quantile(samples, 0.95)
        return Summary(median, p95, sum(buckets), total_ms, buckets)

    def summaries(self) -> dict[str, Summary]:
        """Return the statistics of all stages that ran, in pipeline order."""
        found = {stage: self.summary(stage) for stage in STAGES}
        return {stage: summary for stage, summary in found.items() if summary is not None}

    @property
    def provenance(self) -> Provenance | None:
        """The model and hardware of the newest result, or None before the first."""
        with self._lock:
            return self._provenance

    def backends(self) -> dict[str, int]:
        """Return the number of processed frames by name of the backend."""
        with self._lock:
            return dict(self._backends)

    def set_fault(self, part: str, message: str | None) -> None:
        """Record what is wrong with a part of the run; None means that it works again."""
        with self._lock:
            if message is None:
                self._faults.pop(part, None)
            else:
                self._faults[part] = message

    def faults(self) -> dict[str, str]:
        """Return the current faults by name of the part."""
        with self._lock:
            return dict(self._faults)


def quantile(ordered: Sequence[float], q: float) -> float:
    """Return a quantile, 0...1, of sorted samples, interpolated linearly.

    `numpy.quantile` gives the same. Its first call loads another part of NumPy, which would hold up
    the picture of a slow machine.
    """
    place = q * (len(ordered) - 1)
    below = int(place)
    above = min(below + 1, len(ordered) - 1)
    return ordered[below] + (ordered[above] - ordered[below]) * (place - below)


def fault_texts(faults: Mapping[str, str]) -> list[str]:
    """Return "part: message" for each fault; parts with the same message share one text."""
    parts: dict[str, list[str]] = {}
    for part, message in faults.items():
        parts.setdefault(message, []).append(part)
    return [f"{', '.join(names)}: {message}" for message, names in parts.items()]
