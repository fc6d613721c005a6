"""The figures of one run: durations of the stages, rates of events, faults."""

from __future__ import annotations

import threading
import time
from bisect import bisect_left
from collections import Counter, deque
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from enum import Enum
from typing import Final

import numpy as np

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
"""The stages up to the poses, in the order of the flow. "arrival" lasts from the exposure until the
source has the picture, "queue" is the time in the ring."""
TO_SCREEN: Final = ("handover", "compose", "upload", "draw", "present")
"""The stages after that. "handover" lasts until the main thread has the poses, "compose" makes the
scene, and the picture for a recording; the others show it."""
LATENCY: Final = "latency"
"""From exposure to screen: the sum of all stages."""
POSE_AGE: Final = "pose_age"
"""With `overlay.sync: live`: from the exposure of the frame that the poses were found in to the
screen."""
STAGES: Final = (*TO_POSES, *TO_SCREEN, LATENCY, POSE_AGE)

SOURCE: Final = "source"
INFERENCE: Final = "inference"
DISPLAY: Final = "display"
EDGETPU: Final = "edgetpu"
"""Parts of a run that can have a fault, besides the outputs, which have names of their own."""

KEPT_SAMPLES: Final = 512
"""The newest durations of each stage, from which its statistics are computed."""
KEPT_FRAMES: Final = 128
"""The newest frames that were shown, from which `Telemetry.typical` is computed."""
TYPICAL_SHARE: Final = 5
"""One of so many frames, those with the latencies nearest to the median, is typical."""

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
    PASSED_OVER = "rest"
    """A frame was not looked at, because nobody was there and nothing moved."""
    SHOWN = "screen"
    """A frame was shown on the screen."""


class Stopwatch:
    """Times consecutive stages of one frame.

    Attributes:
        laps_ms: Milliseconds of each stage.
        last_ns: When the last lap ended.
    """

    __slots__ = ("_clock_ns", "laps_ms", "last_ns")

    def __init__(
        self,
        start_ns: int | None = None,
        *,
        laps_ms: Mapping[str, float] | None = None,
        clock_ns: Callable[[], int] = time.monotonic_ns,
    ) -> None:
        """Start the first lap, or the next one.

        Args:
            start_ns: When it starts, on the monotonic clock; None for now.
            laps_ms: The laps before, of the same frame.
            clock_ns: The monotonic clock, nanoseconds.
        """
        self._clock_ns = clock_ns
        self.last_ns = clock_ns() if start_ns is None else start_ns
        self.laps_ms: dict[str, float] = {} if laps_ms is None else dict(laps_ms)

    def lap(self, stage: str, end_ns: int | None = None) -> None:
        """Add the time since the last lap to a stage; the lap ends now, unless a time is given."""
        if end_ns is None:
            end_ns = self._clock_ns()
        laps_ms = self.laps_ms
        laps_ms[stage] = laps_ms.get(stage, 0.0) + (end_ns - self.last_ns) / 1e6
        self.last_ns = end_ns

    @property
    def total_ms(self) -> float:
        """Milliseconds of all laps together."""
        return sum(self.laps_ms.values())


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
        self._shown_ms: deque[tuple[float, dict[str, float]]] = deque(maxlen=KEPT_FRAMES)
        self._meters = {event: RateMeter() for event in Event}
        self._faults: dict[str, str] = {}
        self._backends: Counter[str] = Counter()
        self._provenance: Provenance | None = None

    def add(self, stages_ms: dict[str, float]) -> None:
        """Add the durations of some of the `STAGES`, milliseconds."""
        with self._lock:
            self._add(stages_ms)

    def tick(self, event: Event) -> None:
        """Count one event."""
        with self._lock:
            self._tick(event, self._clock_ns())

    def processed(self, laps_ms: dict[str, float], provenance: Provenance, *, person: bool) -> None:
        """Note that the model has processed a frame.

        Args:
            laps_ms: The stages `TO_POSES`.
            provenance: What found the poses.
            person: Whether there are any.
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
        """Note that a frame was shown.

        Args:
            laps_ms: How long each of its stages took; they are kept.
            pose_age_ms: See `POSE_AGE`; None where the poses are those of the frame itself.
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
        """Return how the latency of a frame is made up.

        Returns:
            Mean milliseconds of each stage, in the order of the flow, over the shown frames with
            latencies around the median, so that their sum is near it; empty without any.
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
