"""Samples of the last ten minutes, for the page's plot, and the health of the run."""

from __future__ import annotations

import time
from collections import deque
from collections.abc import Callable
from typing import Any, Final, NamedTuple

from pose_edge.sinks.run_state import RunState
from pose_edge.supervision.supervisor import State
from pose_edge.telemetry import SOURCE

INTERVAL_S: Final = 2.0
"""Interval between two samples, seconds."""
KEPT_S: Final = 600.0
"""Time for which samples are kept, seconds."""
STALL_S: Final = 10.0
"""Time without a processed frame after which the run counts as stalled, seconds; longer than any
source may pause."""
TO_RESULT: Final = ("wait", "preprocess", "inference", "postprocess")
"""The stages from exposure to result."""


class Sample(NamedTuple):
    """The figures at one moment.

    Attributes:
        time_s: Monotonic seconds.
        poses_fps: Frames processed per second.
        latency_ms: See `latency_to_result`; None while no frames are processed.
        temperature: Temperature of the processor, degrees Celsius, or None.
    """

    time_s: float
    poses_fps: float
    latency_ms: float | None
    temperature: float | None


class History:
    """Keeps the newest samples; `add` must be called every `INTERVAL_S` seconds."""

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        """Create an empty history; `clock` returns monotonic seconds."""
        self._clock = clock
        self._samples: deque[Sample] = deque(maxlen=round(KEPT_S / INTERVAL_S))
        self._processed = 0
        self._progress_s = clock()

    def add(self, state: RunState) -> None:
        """Add a sample of the run's state."""
        now = self._clock()
        self._note_progress(state, now)
        latency = latency_to_result(state) if state.poses_fps > 0 else None
        self._samples.append(Sample(now, state.poses_fps, latency, state.temperature))

    def record(self) -> dict[str, Any]:
        """Return the samples as JSON values, oldest first."""
        now, samples = self._clock(), list(self._samples)
        return {
            "interval_s": INTERVAL_S,
            "age_s": [round(now - one.time_s, 1) for one in samples],
            "poses_fps": [round(one.poses_fps, 1) for one in samples],
            "latency_ms": [rounded(one.latency_ms) for one in samples],
            "temperature": [rounded(one.temperature) for one in samples],
        }

    def is_healthy(self, state: RunState) -> bool:
        """Return whether the run is healthy.

        It is healthy while frames are processed, while it is paused, and while its source is
        waiting or at its end.
        """
        now = self._clock()
        self._note_progress(state, now)
        source = next((part.state for part in state.parts if part.name == SOURCE), None)
        flowing = now - self._progress_s < STALL_S
        return flowing or state.paused or source in (State.WAITING, State.DONE)

    def _note_progress(self, state: RunState, now: float) -> None:
        if state.processed != self._processed:
            self._processed, self._progress_s = state.processed, now


def latency_to_result(state: RunState) -> float | None:
    """Return the typical time from exposure to result, milliseconds; None before the first result.

    This is the sum of the medians of the stages in `TO_RESULT`.
    """
    medians = [state.stages[name].median for name in TO_RESULT if name in state.stages]
    return sum(medians) if medians else None


def rounded(value: float | None) -> float | None:
    """Return a figure rounded to one decimal place."""
    return None if value is None else round(value, 1)
