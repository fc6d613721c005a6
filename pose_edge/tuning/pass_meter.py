"""Record the processing time of a run's newest frames, with the model that processed each."""

from __future__ import annotations

import threading
import time
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass
from itertools import pairwise
from typing import Final

from pose_edge.poses import Provenance, Result
from pose_edge.telemetry import quantile
from pose_edge.tuning.choice import PassTiming

KEPT: Final = 2048
"""Number of frames that are kept: 8 s of the fastest camera (240 frames/s)."""


@dataclass(frozen=True, slots=True)
class FramePass:
    """One processed frame.

    Attributes:
        done_s: Time when processing ended, monotonic seconds.
        index: Number of the frame in the source; numbers left out were skipped or passed over.
        passed_over: Frames directly before this one that did not need inference; see `Result`.
        time_s: Capture time of the frame or, for a file, its time in the video, seconds.
        size: Width and height of the frame, pixels.
        live: Whether the source drops frames that inference has no time for; a file waits.
        busy_ms: Time that the inference thread spent on the frame, milliseconds.
        provenance: The model and backend that processed the frame.
        complete: Whether inference ran for every person; False if a pose was only predicted.
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
        """Share of the source's frames that were processed, 0...1.

        Frames of a file are never skipped; a file plays too slowly instead. For a file, this is
        the ratio of the achieved to the normal playing speed.
        """
        if len(self.frames) < 2:
            return 0.0
        first, last = self.frames[0], self.frames[-1]
        if first.live:
            wanted = last.index - first.index - sum(one.passed_over for one in self.frames[1:])
            return min(1.0, (len(self.frames) - 1) / max(1, wanted))
        # Summed from frame to frame, because a looped video starts again at time 0.
        played_s = sum(max(0.0, b.time_s - a.time_s) for a, b in pairwise(self.frames))
        return min(1.0, played_s / max(1e-6, last.done_s - first.done_s))

    @property
    def offered_fps(self) -> float:
        """Frames per second that the source delivered, including skipped frames."""
        if len(self.frames) < 2:
            return 0.0
        first, last = self.frames[0], self.frames[-1]
        return (last.index - first.index) / max(1e-6, last.done_s - first.done_s)

    @property
    def complete(self) -> float:
        """Share of the frames in which inference ran for every person, 0...1."""
        return sum(one.complete for one in self.frames) / max(1, len(self.frames))

    @property
    def mean_ms(self) -> float:
        """Mean processing time of a frame, milliseconds; 0 without frames."""
        return sum(one.busy_ms for one in self.frames) / max(1, len(self.frames))

    def timing(self) -> PassTiming:
        """Return statistics of the processing times; there must be at least one frame."""
        busy_ms = sorted(one.busy_ms for one in self.frames)
        median, p95 = quantile(busy_ms, 0.5), quantile(busy_ms, 0.95)
        answered = self.frames[-1].provenance
        return PassTiming(
            answered.model, answered.backend, median, p95, self.mean_ms, self.followed
        )


class PassMeter:
    """A thread-safe sink that keeps the processing times of the newest frames.

    Attributes:
        failed: Always None; see `Sink`.
        lost: Always 0; see `Sink`.
    """

    failed: str | None = None
    lost: int = 0

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        """Create an empty meter."""
        self._clock = clock
        self._lock = threading.Lock()
        self._frames: deque[FramePass] = deque(maxlen=KEPT)

    def open(self) -> None:
        """Do nothing; see `Sink.open`."""

    def send(self, result: Result, /) -> None:
        """Record the times of a result; called in the inference thread."""
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
        """Return the recorded frames of a period.

        Args:
            begin_s: Start of the period, monotonic seconds.
            model: Name of the only model whose frames are wanted; None for all models.
        """
        with self._lock:
            frames = tuple(self._frames)
        return Passes(
            tuple(
                one
                for one in frames
                if one.done_s >= begin_s and model in (None, one.provenance.model)
            )
        )
