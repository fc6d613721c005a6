"""Gives the same person the same id from frame to frame."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import Final

from pose_edge.poses import Pose
from pose_edge.tracking.matching import match_poses
from pose_edge.tracking.similarity import drop_duplicates
from pose_edge.tracking.track import Track

SURE_SCORE: Final = 0.4
"""Score from which a new pose is shown from its first frame on."""


class Tracker:
    """Gives each person an id, from 1, and keeps it until they were not seen for `max_age`.

    The poses of a frame are compared with where the known people should be by now, see
    `match_poses`. As the most similar pair comes first, a newcomer with a better score cannot take
    the id of the person beside them.

    Every returned pose has an id. A new pose with a high score gets one, and is shown, in its first
    frame. One with a low score is held back until a second frame confirms it, so that a false
    detection in a single frame is neither shown nor counted; a known person is followed with low
    scores too.
    """

    def __init__(
        self, *, max_age: float = 1.0, max_tracks: int = 18, min_similarity: float = 0.1
    ) -> None:
        """Start without people.

        Args:
            max_age: Seconds, 0.1...10, after which an unseen person is forgotten; they get a new id
                when they come back.
            max_tracks: The most people known at a time, 1...100; those seen longest ago are
                forgotten first.
            min_similarity: Least similarity, 0...1, of a pose and a known person.
        """
        self._max_age = max_age
        self._max_tracks = max_tracks
        self._min_similarity = min_similarity
        self._tracks: list[Track] = []
        self._time_s = 0.0
        self._last_id = 0

    def update(self, poses: Sequence[Pose], time_s: float, width: int, height: int) -> list[Pose]:
        """Give the poses of a frame their ids.

        Args:
            poses: The poses found in the frame; their own ids are ignored.
            time_s: The frame's time, seconds, on any clock. When it goes backwards, a new
                sequence begins: all people get new ids.
            width: Of the frame, pixels.
            height: Of the frame, pixels.

        Returns:
            The poses with ids, best first, without duplicates and unconfirmed ones.
        """
        self._forget(time_s)
        best_first = sorted(poses, key=lambda pose: pose.score, reverse=True)
        distinct = drop_duplicates(best_first, (width, height))[: self._max_tracks]
        owners, unclear = match_poses(
            distinct,
            self._tracks,
            time_s,
            (width, height),
            min_similarity=self._min_similarity,
        )
        tracked = []
        for index, (pose, owner) in enumerate(zip(distinct, owners, strict=True)):
            track = owner or Track(pose, time_s)
            if owner is None:
                self._tracks.append(track)
            else:
                track.add(pose, time_s, clear=index not in unclear)
            if track.id is None and (pose.score >= SURE_SCORE or track.seen > 1):
                self._last_id += 1
                track.id = self._last_id
            if track.id is not None:
                tracked.append(replace(pose, id=track.id))
        # An unconfirmed person who is missing in the next frame was a false detection.
        kept = [track for track in self._tracks if track.id is not None or track.seen_at == time_s]
        kept.sort(key=lambda track: track.seen_at, reverse=True)
        self._tracks = kept[: self._max_tracks]
        return tracked

    def _forget(self, time_s: float) -> None:
        """Drop the people who were not seen for `max_age`."""
        if time_s < self._time_s:
            self._tracks = []
        self._time_s = time_s
        self._tracks = [t for t in self._tracks if time_s - t.seen_at <= self._max_age]
