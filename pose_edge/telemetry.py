"""How long each stage takes, how often things happen, and what is wrong right now."""

from __future__ import annotations

import threading
import time
from collections import deque
from dataclasses import dataclass
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
"draw" and "present" show one; "latency" is the whole way from exposure to screen."""


POSES_BY: Final = "poses by "
"""Begin of the events that count what each backend did."""


class Stopwatch:
    """Times consecutive stages of one frame, in milliseconds."""

    __slots__ = ("_last_ns", "laps_ms")

    def __init__(self, start_ns: int | None = None) -> None:
        """Start now, or at a moment on the monotonic clock."""
        self._last_ns = time.monotonic_ns() if start_ns is None else start_ns
        self.laps_ms: dict[str, float] = {}

    def lap(self, stage: str) -> None:
        """Add the time since the last lap to a stage."""
        now_ns = time.monotonic_ns()
        self.laps_ms[stage] = self.laps_ms.get(stage, 0.0) + (now_ns - self._last_ns) / 1e6
        self._last_ns = now_ns


@dataclass(frozen=True, slots=True)
class Summary:
    """Statistics of one stage, in milliseconds.

    Attributes:
        median: Of the newest samples (see `Window`).
        p95: 95th percentile of the same.
        count: Samples since the start.
    """

    median: float
    p95: float
    count: int


class Window:
    """The newest samples of one quantity, in a fixed amount of memory."""

    def __init__(self, size: int = 512) -> None:
        """Keep the newest `size` samples."""
        self._samples = np.zeros(size, dtype=np.float64)
        self._count = 0

    def add(self, value: float) -> None:
        """Add one sample."""
        self._samples[self._count % len(self._samples)] = value
        self._count += 1

    def summary(self) -> Summary | None:
        """Return median and 95th percentile, or None before the first sample."""
        if self._count == 0:
            return None
        median, p95 = np.percentile(self._samples[: self._count], [50, 95])
        return Summary(float(median), float(p95), self._count)


class RateMeter:
    """Events per second over the last two seconds or so."""

    def __init__(self, span_s: float = 2.0) -> None:
        """Look back `span_s` seconds."""
        self._span_ns = int(span_s * 1e9)
        self._events: deque[int] = deque()

    def tick(self, now_ns: int) -> None:
        """Note one event."""
        self._events.append(now_ns)
        self._forget(now_ns)

    def rate(self, now_ns: int) -> float:
        """Return events per second; falls to 0 when they stop instead of freezing."""
        self._forget(now_ns)
        if len(self._events) < 2:
            return 0.0
        elapsed = self._events[-1] - self._events[0]
        silence = now_ns - self._events[-1]
        if silence * (len(self._events) - 1) > 2 * elapsed:  # longer than two usual intervals
            elapsed += silence
        return (len(self._events) - 1) * 1e9 / elapsed if elapsed > 0 else 0.0

    def _forget(self, now_ns: int) -> None:
        while self._events and now_ns - self._events[0] > self._span_ns:
            self._events.popleft()


class Telemetry:
    """The numbers of one run, shared by all its threads."""

    def __init__(self) -> None:
        """Start with nothing measured."""
        self._lock = threading.Lock()
        self._windows: dict[str, Window] = {}
        self._meters: dict[str, RateMeter] = {}
        self._counts: dict[str, int] = {}
        self._faults: dict[str, str] = {}
        self._provenance: Provenance | None = None

    def add(self, stages_ms: dict[str, float]) -> None:
        """Add the times of stages, milliseconds."""
        with self._lock:
            for stage, value in stages_ms.items():
                self._windows.setdefault(stage, Window()).add(value)

    def tick(self, event: str) -> None:
        """Count one event ("camera", "inference", "somebody", "screen") and its rate."""
        with self._lock:
            self._counts[event] = self._counts.get(event, 0) + 1
            self._meters.setdefault(event, RateMeter()).tick(time.monotonic_ns())

    def count(self, event: str) -> int:
        """Return how often an event happened."""
        with self._lock:
            return self._counts.get(event, 0)

    def rate(self, event: str) -> float:
        """Return how often an event happens, per second."""
        with self._lock:
            meter = self._meters.get(event)
            return meter.rate(time.monotonic_ns()) if meter else 0.0

    def summary(self, stage: str) -> Summary | None:
        """Return the statistics of a stage, or None when it never ran."""
        with self._lock:
            window = self._windows.get(stage)
            return window.summary() if window else None

    def summaries(self) -> dict[str, Summary]:
        """Return the statistics of all stages that ran, in the order of the flow."""
        found = {stage: self.summary(stage) for stage in STAGES}
        return {stage: summary for stage, summary in found.items() if summary is not None}

    def set_provenance(self, provenance: Provenance) -> None:
        """Say what found the newest poses; how many each backend found is counted too.

        Events: "poses by cpu" and the like, and "switch" when it is another than before.
        """
        with self._lock:
            last, self._provenance = self._provenance, provenance
        self.tick(POSES_BY + provenance.backend)
        if last is not None and last.backend != provenance.backend:
            self.tick("switch")

    def backends(self) -> dict[str, int]:
        """Return how many frames each backend looked at, by its name."""
        begin = POSES_BY
        with self._lock:
            found = self._counts.items()
            return {event.removeprefix(begin): n for event, n in found if event.startswith(begin)}

    @property
    def place(self) -> str:
        """What found the newest poses, e.g. "edgetpu" or "cpu (edgetpu lost 12:03)"."""
        with self._lock:
            return self._provenance.place if self._provenance else "-"

    def set_fault(self, part: str, message: str | None) -> None:
        """Say what is wrong with a part, or (None) that it works again."""
        with self._lock:
            if message is None:
                self._faults.pop(part, None)
            else:
                self._faults[part] = message

    def faults(self) -> dict[str, str]:
        """Return what is wrong right now, by part."""
        with self._lock:
            return dict(self._faults)
