"""What the newest frames of a run took, by the model that answered."""

from __future__ import annotations

import threading
import time
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass
from itertools import pairwise
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
        index: Number of the frame; those between two are frames that were skipped or passed over.
        passed_over: Frames right before it that needed no look, see `Result`.
        time_s: The frame's own time, seconds.
        size: Its width and height, pixels.
        live: Whether its source skips frames where there is no time; a file's frames wait.
        busy_ms: What the inference thread took for it, milliseconds.
        provenance: What answered.
        complete: Whether there was time to look at everybody in it.
    """

    done_s: float
    index: int
    passed_over: int
    time_s: float
    size: tuple[int, int]
    live: bool
    busy_ms: float
    provenance: Provenance
    complete: bool


@dataclass(frozen=True, slots=True)
class Passes:
    """Consecutive frames of a run.

    Attributes:
        frames: The frames, oldest first.
    """

    frames: tuple[FramePass, ...]

    @property
    def followed(self) -> float:
        """The part of the source's frames that were processed, 0...1.

        Of a file nothing is skipped, it is played too slowly instead: the part of its own speed.
        """
        if len(self.frames) < 2:
            return 0.0
        first, last = self.frames[0], self.frames[-1]
        if first.live:
            wanted = last.index - first.index - sum(one.passed_over for one in self.frames[1:])
            return min(1.0, (len(self.frames) - 1) / max(1, wanted))
        # Summed up, because a video may begin again.
        played_s = sum(max(0.0, b.time_s - a.time_s) for a, b in pairwise(self.frames))
        return min(1.0, played_s / max(1e-6, last.done_s - first.done_s))

    @property
    def offered_fps(self) -> float:
        """The frames per second that came, those that were skipped among them."""
        if len(self.frames) < 2:
            return 0.0
        first, last = self.frames[0], self.frames[-1]
        return (last.index - first.index) / max(1e-6, last.done_s - first.done_s)

    @property
    def complete(self) -> float:
        """The part of the frames with time to look at everybody in them, 0...1."""
        return sum(one.complete for one in self.frames) / max(1, len(self.frames))

    @property
    def mean_ms(self) -> float:
        """The mean of what a frame took, milliseconds; 0 without frames."""
        return sum(one.busy_ms for one in self.frames) / max(1, len(self.frames))

    def timing(self) -> PassTiming:
        """Return what the frames took, at least one of them."""
        median, p95 = np.percentile([one.busy_ms for one in self.frames], (50, 95)).tolist()
        answered = self.frames[-1].provenance
        return PassTiming(
            answered.model, answered.backend, median, p95, self.mean_ms, self.followed
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
        laps, frame = result.stages_ms, result.frame
        one = FramePass(
            self._clock(),
            frame.index,
            result.passed_over,
            frame.captured_ns / 1e9 if frame.live else frame.time,
            (frame.width, frame.height),
            frame.live,
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
