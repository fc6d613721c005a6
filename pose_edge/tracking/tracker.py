"""Assign ids to people that stay the same from frame to frame."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import Final

from pose_edge.frames import LONG_GAP_S
from pose_edge.poses import Pose
from pose_edge.tracking.matching import match_poses
from pose_edge.tracking.similarity import drop_duplicates
from pose_edge.tracking.track import Track

SURE_SCORE: Final = 0.4
"""Minimum score of a new person's pose to get an id in its first frame."""


class Tracker:
    """Assigns an id, from 1, to each person and keeps it until they are unseen for `max_age`.

    The poses of a frame are compared with the expected positions of the known people, see
    `match_poses`. Because the most similar pair is matched first, a newcomer with a higher score
    cannot take the id of the person beside them.

    Every returned pose has an id. A new pose with a high score gets an id in its first frame. One
    with a low score is held back until a second frame confirms it, so that a false detection in a
    single frame is neither shown nor counted. Known people are followed even with low scores.
    """

    def __init__(
        self, *, max_age: float = 1.0, max_tracks: int = 18, min_similarity: float = 0.1
    ) -> None:
        """Create a tracker without people.

        Args:
            max_age: Time, 0.1...10 seconds, after which an unseen person is forgotten. They get a
                new id when they come back. The time between two consecutive frames counts only
                above `LONG_GAP_S`.
            max_tracks: Maximum number of known people, 1...100; those seen longest ago are
                forgotten first.
            min_similarity: Minimum similarity, 0...1, of a pose and a known person.
        """
        self._max_age = max_age
        self._max_tracks = max_tracks
        self._min_similarity = min_similarity
        self._tracks: list[Track] = []
        self._time_s = 0.0
        self._last_id = 0

    def update(self, poses: Sequence[Pose], time_s: float, width: int, height: int) -> list[Pose]:
        """Assign ids to the poses of a frame.

        Args:
            poses: The poses found in the frame; their own ids are ignored.
            time_s: The frame's time, seconds, on any clock. If it goes backwards, a new sequence
                begins and all people get new ids.
            width: Width of the frame, pixels.
            height: Height of the frame, pixels.

        Returns:
            The poses with ids, best first, without duplicates and unconfirmed poses.
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
        # A person without an id who is missing in this frame was a false detection.
        kept = [track for track in self._tracks if track.id is not None or track.seen_at == time_s]
        kept.sort(key=lambda track: track.seen_at, reverse=True)
        self._tracks = kept[: self._max_tracks]
        return tracked

    def _forget(self, time_s: float) -> None:
        """Drop the people unseen for longer than `max_age`, or all if the time went backwards.

        Those of the previous frame were not missed in any; they are kept for `LONG_GAP_S`.
        """
        before_s, self._time_s = self._time_s, time_s
        if time_s < before_s:
            self._tracks = []
        gap_s = max(self._max_age, LONG_GAP_S)
        self._tracks = [
            track
            for track in self._tracks
            if time_s - track.seen_at <= (self._max_age if track.seen_at < before_s else gap_s)
        ]
