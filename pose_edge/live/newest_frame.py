"""The newest frame of a camera with the poses of an earlier one: `overlay.sync: live`."""

from __future__ import annotations

from dataclasses import replace
from typing import Final

from pose_edge.frames import Frame, Lease
from pose_edge.pipeline.pipeline import Pipeline
from pose_edge.poses import Pose, Result
from pose_edge.tracking import move_forward

MAX_AGE_S: Final = 0.3
"""Older poses are not shown: who knows where everybody is by now."""
TOO_SLOW_S: Final = 0.12
"""Where poses take longer from the exposure, moving them forward does not bring them near enough to
the people: each is shown on its own frame, as with `overlay.sync: frame`."""
FAST_AGAIN_S: Final = 0.1
"""Below this they are moved to the newest frame again."""
DELAY_WEIGHT: Final = 0.1
"""Weight of the newest result in the mean time that poses take."""


class NewestFrames:
    """Joins each new frame with the last poses, moved forward to its time.

    Attributes:
        posed_ns: Time of exposure of the frame that the last poses were found in, nanoseconds.
    """

    def __init__(self, pipeline: Pipeline, min_score: float, since_ns: int) -> None:
        """Start without poses.

        Args:
            pipeline: Where frames and results come from.
            min_score: See `move_forward`.
            since_ns: Poses of frames that were exposed earlier are not shown.
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
        """Return what is to be shown next, if it is there; the caller releases it.

        These are the frames that inference looks at, with their own poses, where nothing moves or
        inference is too slow.

        Returns:
            A frame that was not shown yet, or None when there is none. Frames before the first
            result are left out: it is not known yet who is there.

        Raises:
            EndOfStream: There will be no more; see also `Pipeline.take`.
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
        """Return the next result as it is, if its frame is newer than what was shown."""
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
        """Keep the poses of a result, and see how long they took."""
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
