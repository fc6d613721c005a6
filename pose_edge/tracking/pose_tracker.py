"""Track and then smooth the poses of one source."""

from __future__ import annotations

from collections.abc import Sequence

from pose_edge.config.schema import Settings
from pose_edge.frames import Frame
from pose_edge.poses import Pose
from pose_edge.tracking.smoother import Smoother
from pose_edge.tracking.tracker import Tracker


class PoseTracker:
    """Assigns ids to the poses of consecutive frames, and smooths them if the settings say so."""

    def __init__(self, settings: Settings, *, live: bool) -> None:
        """Create a tracker without people.

        Args:
            settings: The sections tracking and smoothing, the minimum keypoint score, and whether
                poses are replayed (`source.poses`); replayed poses are not changed.
            live: Whether the source is a camera or stream. The monotonic clock is then used for the
                time of its frames, and smoothing is on by default.
        """
        tracking, smoothing = settings.tracking, settings.smoothing
        self._live = live
        self._tracker = self._smoother = None
        if tracking.enabled and settings.source.poses is None:  # replayed poses have ids already
            self._tracker = Tracker(
                max_age=tracking.max_age, min_similarity=tracking.min_similarity
            )
            if smoothing.mode == "on" or (smoothing.mode == "auto" and live):
                self._smoother = Smoother(
                    min_cutoff=smoothing.min_cutoff,
                    beta=smoothing.beta,
                    min_keypoint_score=settings.model.min_keypoint_score,
                )

    def apply(self, poses: Sequence[Pose], frame: Frame) -> list[Pose]:
        """Track the people of the next frame.

        Args:
            poses: The poses found in the frame.
            frame: The frame. Still pictures are unrelated to each other, so their poses are
                returned unchanged.

        Returns:
            The tracked poses, with ids, best first; see `Tracker.update`.
        """
        if frame.file is not None or self._tracker is None:
            return list(poses)
        time_s = frame.captured_ns / 1e9 if self._live else frame.time
        tracked = self._tracker.update(poses, time_s, frame.width, frame.height)
        if self._smoother is None:
            return tracked
        return self._smoother.apply(tracked, time_s, frame.width, frame.height)
