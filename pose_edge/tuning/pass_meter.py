"""What the newest frames of a run took, by the model that answered."""

from __future__ import annotations

import threading
import time
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass
from typing import Final

import numpy as np

from pose_edge.poses import Provenance, Result
from pose_edge.tuning.choice import PassTiming

KEPT: Final = 2048
"""Frames that are kept: 8 s of the fastest camera."""


@dataclass(frozen=True, slots=True)
class FramePass:
    """One frame that was processed.

    Attributes:
        done_s: When it was, monotonic seconds.
        index: Number of the frame; those between two are frames that were skipped.
        busy_ms: What the inference thread took for it, milliseconds.
        provenance: What answered.
        complete: Whether there was time to look at everybody in it.
    """

    done_s: float
    index: int
    busy_ms: float
    provenance: Provenance
    complete: bool


@dataclass(frozen=True, slots=True)
class Passes:
    """Consecutive frames of a run, and until when.

    Attributes:
        frames: The frames, oldest first.
    """

    frames: tuple[FramePass, ...]

    def followed(self, rate: float, *, live: bool) -> float:
        """Return the part of the source's frames that were processed, 0...1.

        Args:
            rate: Frames per second of the source; 0 where it is unknown.
            live: Whether frames are skipped where there is no time; a file's frames wait instead.
        """
        if len(self.frames) < 2:
            return 0.0
        first, last = self.frames[0], self.frames[-1]
        done = len(self.frames) - 1
        if live:
            return min(1.0, done / max(1, last.index - first.index))
        if rate <= 0:
            return 1.0
        return min(1.0, done / max(1e-6, rate * (last.done_s - first.done_s)))

    def timing(self, rate: float, *, live: bool) -> PassTiming:
        """Return what the frames took, at least two of them; arguments as for `followed`."""
        busy = [one.busy_ms for one in self.frames]
        median, p95 = np.percentile(busy, (50, 95)).tolist()
        return PassTiming(
            self.frames[-1].provenance.model,
            self.frames[-1].provenance.backend,
            median_ms=median,
            p95_ms=p95,
            mean_ms=sum(busy) / len(busy),
            followed=self.followed(rate, live=live),
        )


class PassMeter:
    """A sink that keeps what the newest frames took.

    Attributes:
        failed: None; see `Sink`.
        lost: 0; see `Sink`.
    """

    failed: str | None = None
    lost: int = 0

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        """Start without frames."""
        self._clock = clock
        self._lock = threading.Lock()
        self._frames: deque[FramePass] = deque(maxlen=KEPT)

    def open(self) -> None:
        """Do nothing; see `Sink.open`."""

    def send(self, result: Result, /) -> None:
        """Take a result; called in the inference thread."""
        laps = result.stages_ms
        one = FramePass(
            self._clock(),
            result.frame.index,
            laps.get("total", 0.0) - laps.get("wait", 0.0),
            result.provenance,
            not any(pose.predicted for pose in result.poses),
        )
        with self._lock:
            self._frames.append(one)

    def close(self) -> None:
        """Do nothing; see `Sink.close`."""

    def since(self, begin_s: float, model: str | None = None) -> Passes:
        """Return the frames since a time, of the given model only where one is given."""
        with self._lock:
            frames = tuple(self._frames)
        return Passes(
            tuple(
                one
                for one in frames
                if one.done_s >= begin_s and model in (None, one.provenance.model)
            )
        )
