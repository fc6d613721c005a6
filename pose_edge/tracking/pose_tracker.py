"""Tracks, then smooths the poses of one source."""

from __future__ import annotations

from collections.abc import Sequence

from pose_edge.config.schema import Settings
from pose_edge.frames import Frame
from pose_edge.poses import Pose
from pose_edge.tracking.smoother import Smoother
from pose_edge.tracking.tracker import Tracker


class PoseTracker:
    """Gives the poses of consecutive frames ids, and smooths them if the settings say so."""

    def __init__(self, settings: Settings, *, live: bool) -> None:
        """Start without people.

        Args:
            settings: The sections tracking, smoothing and source: replayed poses stay as they are.
            live: Whether the source is a camera or stream. The time of its frames is then that of
                the monotonic clock, and smoothing is on by default.
        """
        tracking, smoothing = settings.tracking, settings.smoothing
        self._live = live
        self._tracker = self._smoother = None
        if tracking.enabled and settings.source.poses is None:  # which have their ids
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
            poses: The poses found in it.
            frame: The frame. A still picture has nothing to do with the one before: its poses are
                returned as they are.
        """
        if frame.file is not None or self._tracker is None:
            return list(poses)
        time_s = frame.captured_ns / 1e9 if self._live else frame.time
        tracked = self._tracker.update(poses, time_s, frame.width, frame.height)
        if self._smoother is None:
            return tracked
        return self._smoother.apply(tracked, time_s, frame.width, frame.height)
