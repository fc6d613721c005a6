"""Show a camera's newest frame with the poses of an earlier one: `overlay.sync: live`."""

from __future__ import annotations

from dataclasses import replace
from typing import Final

from pose_edge.frames import Frame, Lease
from pose_edge.pipeline.pipeline import Pipeline
from pose_edge.poses import Pose, Result
from pose_edge.tracking import move_forward

MAX_AGE_S: Final = 0.3
"""Age of poses, in seconds, above which they are not shown: people may have moved too far."""
TOO_SLOW_S: Final = 0.12
"""Mean time from exposure to poses, in seconds, above which poses are shown on their own frames, as
with `overlay.sync: frame`: moving them forward over a longer time is not accurate enough."""
FAST_AGAIN_S: Final = 0.1
"""Mean time, in seconds, below which poses are moved to the newest frame again (hysteresis)."""
DELAY_WEIGHT: Final = 0.1
"""Weight of the newest result in the moving average of the time from exposure to poses."""


class NewestFrames:
    """Joins each new frame with the last poses, moved forward to its time.

    Attributes:
        posed_ns: Exposure time of the frame in which the last poses were found, on the monotonic
            clock, nanoseconds.
    """

    def __init__(self, pipeline: Pipeline, min_score: float, since_ns: int) -> None:
        """Start without poses.

        Args:
            pipeline: Delivers the frames and the results.
            min_score: See `move_forward`.
            since_ns: Poses of frames that were exposed earlier are not moved to newer frames.
        """
        self.posed_ns = since_ns
        self._pipeline = pipeline
        self._min_score = min_score
        self._shown_index = -1
        self._last: Result | None = None  # its frame is released
        self._before: dict[int | None, Pose] = {}
        self._interval_s = 0.0
        self._delay_s = 0.0
        self._too_slow = False

    def take(self) -> Result | None:
        """Return the next result to show, if there is one yet; the caller releases it.

        While the scene is at rest, or inference is too slow, the results of inference are returned
        unchanged: each frame with its own poses.

        Returns:
            A frame that was not shown yet, with poses, or None when there is none. Frames before
            the first result are left out, because no poses are known yet.

        Raises:
            EndOfStream: There will be no more results; see also `Pipeline.take`.
        """
        if self._too_slow or self._pipeline.rest.resting:
            return self._take_own()
        lease = self._pipeline.newest(self._shown_index)
        try:
            while (result := self._pipeline.take(0.0)) is not None:
                self._note(result)
                result.release()
        except BaseException:
            if lease is not None:
                lease.release()
            raise
        if lease is None:
            return None
        self._shown_index = lease.frame.index
        if self._last is None:
            lease.release()
            return None
        return self._joined(lease, self._last)

    def _take_own(self) -> Result | None:
        """Return the next result unchanged, if its frame is newer than the last one shown."""
        result = self._pipeline.take(0.0)
        if result is None:
            return None
        self._note(result)
        if result.frame.index <= self._shown_index:
            result.release()
            return None
        self._shown_index = result.frame.index
        return result

    def _note(self, result: Result) -> None:
        """Keep the poses of a result, and update the mean time that poses take."""
        delay_s = result.stages_ms["total"] / 1e3
        self._delay_s += (DELAY_WEIGHT if self._delay_s else 1.0) * (delay_s - self._delay_s)
        self._too_slow = self._delay_s > (FAST_AGAIN_S if self._too_slow else TOO_SLOW_S)
        captured_ns = result.frame.captured_ns
        if captured_ns < self.posed_ns:
            return
        self._before = {pose.id: pose for pose in self._last.poses} if self._last else {}
        self._interval_s = (captured_ns - self.posed_ns) / 1e9
        self._last, self.posed_ns = result, captured_ns

    def _joined(self, lease: Lease, last: Result) -> Result:
        age_s = (lease.frame.captured_ns - self.posed_ns) / 1e9
        current = 0.0 <= age_s <= MAX_AGE_S
        return Result(
            lease=lease,
            poses=[self._moved(pose, lease.frame, age_s) for pose in last.poses] if current else [],
            provenance=last.provenance,
            crop=last.crop if current else None,
            stages_ms=last.stages_ms,
        )

    def _moved(self, pose: Pose, frame: Frame, age_s: float) -> Pose:
        before = self._before.get(pose.id)
        if pose.id is not None and before is not None:
            pose = move_forward(
                pose,
                before,
                interval_s=self._interval_s,
                ahead_s=age_s,
                size=(frame.width, frame.height),
                min_score=self._min_score,
            )
        return replace(pose, predicted=True) if age_s > 0.0 else pose
