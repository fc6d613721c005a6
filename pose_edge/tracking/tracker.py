"""Who is who: the same id for the same person from frame to frame."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import Final

import numpy as np
from numpy.typing import NDArray

from pose_edge.poses import Pose
from pose_edge.tracking.similarity import iou, oks_matrix
from pose_edge.tracking.track import Track

DOUBLE_OKS: Final = 0.75
"""Two poses more alike than this lie on one body. On pictures of two persons who walk past each
other, two true poses reached 0.59 at most, the poses of a body found twice 0.91 and more."""


class Tracker:
    """Gives each person an id, from 1, and keeps it while they are seen, and a while beyond.

    Each frame's poses are compared with where the known persons should be by now; the most alike
    pair is joined first. Likeness is the mean of object keypoint similarity, which tells apart
    people whose boxes overlap, and overlap of boxes, which still sees a likeness when limbs are
    hidden or have moved far between two frames. (An assignment that maximises the sum of all
    likenesses, or one by descending score, made as many mistakes on real video. Joining the most
    alike first, a newcomer with a better score cannot take the id of somebody they stand beside.)

    Every pose that is returned has an id. A sure pose of somebody new has one, and is shown, from
    its first frame on. An unsure one is held back until a second frame agrees, so that a ghost of
    one frame is neither shown nor counted; once known, a person is followed with unsure poses too.
    """

    def __init__(
        self,
        *,
        max_age: float = 1.0,
        max_tracks: int = 18,
        min_similarity: float = 0.1,
        sure_score: float = 0.4,
        min_keypoint_score: float = 0.3,
    ) -> None:
        """Know nobody.

        Args:
            max_age: Seconds, 0.1...10, after which somebody who is not seen is forgotten; who
                comes back later gets a new id.
            max_tracks: Persons known at a time, 1...100; those seen longest ago are forgotten
                first.
            min_similarity: Likeness, 0...1, that a pose needs with a known person.
            sure_score: Score, 0...1, from which a new pose is shown from its first frame on.
            min_keypoint_score: Score, 0...1, below which a keypoint is not compared.
        """
        self._max_age = max_age
        self._max_tracks = max_tracks
        self._min_similarity = min_similarity
        self._sure_score = sure_score
        self._min_keypoint_score = min_keypoint_score
        self._tracks: list[Track] = []
        self._time_s = 0.0
        self._last_id = 0

    def reset(self) -> None:
        """Forget everybody, and count from 1 again."""
        self._tracks = []
        self._last_id = 0

    def update(self, poses: Sequence[Pose], time_s: float, width: int, height: int) -> list[Pose]:
        """Say who is who in a frame.

        Args:
            poses: What was found in it; ids they may have are ignored.
            time_s: The frame's time, seconds, on any clock that does not run backwards. When it
                does, this is another sequence: everybody is new (ids still never come twice).
            width: Of the frame, pixels.
            height: Of the frame, pixels.

        Returns:
            The poses with ids, best first, without doubles and without unsure newcomers.
        """
        self._forget(time_s)
        best_first = sorted(poses, key=lambda pose: pose.score, reverse=True)
        singles = self._without_doubles(best_first, width, height)[: self._max_tracks]
        owners, unclear = self._match(singles, time_s, width, height)
        tracked = []
        for index, (pose, owner) in enumerate(zip(singles, owners, strict=True)):
            if owner is None:
                track = Track(pose, time_s)
                self._tracks.append(track)
            else:
                track = owner
                track.see(
                    pose,
                    time_s,
                    clear=index not in unclear,
                    min_score=self._min_keypoint_score,
                )
            if track.id is None and (pose.score >= self._sure_score or track.seen > 1):
                self._last_id += 1
                track.id = self._last_id
            if track.id is not None:
                tracked.append(replace(pose, id=track.id))
        # An unsure newcomer who is missing in the next frame was a ghost.
        kept = [track for track in self._tracks if track.id is not None or track.seen_at == time_s]
        kept.sort(key=lambda track: track.seen_at, reverse=True)
        self._tracks = kept[: self._max_tracks]
        return tracked

    def _forget(self, time_s: float) -> None:
        """Drop who was not seen for too long."""
        if time_s < self._time_s:
            self._tracks = []
        self._time_s = time_s
        self._tracks = [t for t in self._tracks if time_s - t.seen_at <= self._max_age]

    def _without_doubles(self, poses: Sequence[Pose], width: int, height: int) -> list[Pose]:
        """Return the poses, best first as they came, without those on a body of a better one."""
        if len(poses) < 2:
            return list(poses)
        alike = self._oks(poses, poses, width, height)
        singles: list[int] = []
        for index in range(len(poses)):
            if all(alike[index, better] < DOUBLE_OKS for better in singles):
                singles.append(index)
        return [poses[index] for index in singles]

    def _match(
        self, poses: Sequence[Pose], time_s: float, width: int, height: int
    ) -> tuple[list[Track | None], set[int]]:
        """Find the known person whom each pose shows.

        Returns:
            For each pose the person or None, and the indices of the poses that may show somebody
            else as well, who is nowhere else in the frame.
        """
        owners: list[Track | None] = [None] * len(poses)
        if not poses or not self._tracks:
            return owners, set()
        # Where somebody should be comes before where they were last seen, and who is known before
        # who may be a ghost.
        pairs = []
        for is_last, guesses in enumerate(
            ([track.expected(time_s) for track in self._tracks], [t.last for t in self._tracks])
        ):
            alike = self._oks(poses, guesses, width, height)
            for (pose_index, track_index), likeness in np.ndenumerate(alike):
                overlap = iou(poses[pose_index].box, guesses[track_index].box)
                mean = (float(likeness) + overlap) / 2
                if mean >= self._min_similarity:
                    known = self._tracks[track_index].id is not None
                    pairs.append((known, not is_last, mean, pose_index, track_index))
        pairs.sort(reverse=True)
        taken: set[int] = set()
        for *_order, pose_index, track_index in pairs:
            if owners[pose_index] is None and track_index not in taken:
                owners[pose_index] = self._tracks[track_index]
                taken.add(track_index)
        unclear = {
            pose_index
            for known, is_expected, _mean, pose_index, track_index in pairs
            if known and is_expected and track_index not in taken
        }
        return owners, unclear

    def _oks(
        self, poses: Sequence[Pose], others: Sequence[Pose], width: int, height: int
    ) -> NDArray[np.float64]:
        return oks_matrix(
            np.stack([pose.keypoints for pose in poses]),
            np.stack([other.keypoints for other in others]),
            width,
            height,
            min_score=self._min_keypoint_score,
        )
