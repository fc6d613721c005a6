"""Gives the same person the same id from frame to frame."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import replace
from statistics import median
from typing import Final

import numpy as np
from numpy.typing import NDArray

from pose_edge.poses import Box, Pose
from pose_edge.tracking.similarity import iou, oks_matrix

DUPLICATE_OKS: Final = 0.75
"""Two poses with a higher similarity are one body. On pictures of two people who walk past each
other, two true poses reached 0.59 at most, the poses of a body found twice 0.91 and more."""

SURE_SCORE: Final = 0.4
"""Score from which a new pose is shown from its first frame on."""

MIN_KEYPOINT_SCORE: Final = 0.3
"""Score below which a keypoint is not compared."""

VELOCITY_S: Final = 0.3
"""Time constant of the velocity's low-pass: long enough to outlive the keypoints' jitter and the
swing of a step, short enough to follow a change of direction."""

COASTING_S: Final = 0.7
"""An unseen person is expected to slow down with this time constant: for a moment the last velocity
is the best guess, later their last place is."""


class Track:
    """One person over time.

    The body is moved as a whole: joints swing to and fro, so their own velocities predict worse
    than the median of all, and that needs no keypoint to be seen in every frame.

    While this person hides another one, the model finds one body there, which is either of the two
    or a mixture. Such an unclear pose keeps the track alive, but only clear ones change its motion:
    so both tracks pass through each other as the people do.

    Attributes:
        id: The person's number, from 1, or None while they may be a false detection.
        seen: Number of frames in which the person was found.
        seen_at: Time of the last of these frames, seconds.
        last: The pose in that frame, clear or not.
    """

    __slots__ = ("_clear", "_clear_at", "_velocity", "id", "last", "seen", "seen_at")

    def __init__(self, pose: Pose, time_s: float) -> None:
        """Start with the first pose, without an id."""
        self.id: int | None = None
        self.seen = 1
        self.seen_at = time_s
        self.last = self._clear = pose
        self._clear_at = time_s
        self._velocity = (0.0, 0.0)

    def expected(self, time_s: float) -> Pose:
        """Return the pose moved to where the person should be at a time."""
        shift_x, shift_y = self._shift(time_s)
        keypoints = self._clear.keypoints.copy()
        keypoints[:, 0] += shift_x
        keypoints[:, 1] += shift_y
        return Pose(keypoints, self._clear.score, self.expected_box(time_s))

    def expected_box(self, time_s: float) -> Box:
        """Return the box of the expected pose."""
        shift_x, shift_y = self._shift(time_s)
        x0, y0, x1, y1 = self._clear.box
        return (x0 + shift_x, y0 + shift_y, x1 + shift_x, y1 + shift_y)

    def add(self, pose: Pose, time_s: float, *, clear: bool) -> None:
        """Add a pose of this person.

        Args:
            pose: The pose.
            time_s: Its time, seconds.
            clear: The pose cannot be that of another person.
        """
        if clear:
            self._update_velocity(pose, time_s)
            self._clear, self._clear_at = pose, time_s
        self.seen += 1
        self.seen_at = time_s
        self.last = pose

    def _shift(self, time_s: float) -> tuple[float, float]:
        """Return how far the person should have moved since the last clear pose."""
        lead = COASTING_S * -math.expm1(-(time_s - self._clear_at) / COASTING_S)
        return self._velocity[0] * lead, self._velocity[1] * lead

    def _update_velocity(self, pose: Pose, time_s: float) -> None:
        elapsed = time_s - self._clear_at
        # Plain numbers: for 17 points they take a fifth of the time of NumPy's calls.
        steps = [
            (x - old_x, y - old_y)
            for (old_x, old_y, old_score), (x, y, score) in zip(
                self._clear.keypoints.tolist(), pose.keypoints.tolist(), strict=True
            )
            if min(old_score, score) >= MIN_KEYPOINT_SCORE
        ]
        if elapsed > 0.0 and steps:
            # The first measured velocity counts in full: there is none to smooth it with.
            weight = 1.0 if self.seen == 1 else -math.expm1(-elapsed / VELOCITY_S)
            x, y = (median(along) / elapsed for along in zip(*steps, strict=True))
            old_x, old_y = self._velocity
            self._velocity = old_x + weight * (x - old_x), old_y + weight * (y - old_y)


class Tracker:
    """Gives each person an id, from 1, and keeps it until they were not seen for `max_age`.

    The poses of a frame are compared with where the known people should be by now; the most similar
    pair is matched first. Similarity is the mean of OKS, which tells apart people whose boxes
    overlap, and IoU of the boxes, which still works when limbs are hidden or have moved far between
    two frames. As the most similar pair comes first, a newcomer with a better score cannot take the
    id of the person beside them.

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
        distinct = self._suppress_duplicates(best_first, (width, height))[: self._max_tracks]
        owners, unclear = self._match(distinct, time_s, (width, height))
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

    def _suppress_duplicates(self, poses: Sequence[Pose], size: tuple[int, int]) -> list[Pose]:
        """Drop duplicates of a better pose (non-maximum suppression by OKS); best first."""
        if len(poses) < 2:
            return list(poses)
        similar = _oks(poses, poses, size)
        distinct: list[int] = []
        for index, row in enumerate(similar):
            if (row[distinct] < DUPLICATE_OKS).all():
                distinct.append(index)
        return [poses[index] for index in distinct]

    def _match(
        self, poses: Sequence[Pose], time_s: float, size: tuple[int, int]
    ) -> tuple[list[Track | None], set[int]]:
        """Return the known person of each pose, or None, and the indices of unclear poses.

        An unclear pose may also be another person, who is matched with no pose.
        """
        owners: list[Track | None] = [None] * len(poses)
        if not poses or not self._tracks:
            return owners, set()
        if len(poses) == len(self._tracks) == 1:
            # The usual case: where the boxes alone are similar enough, OKS decides nothing.
            (track,) = self._tracks
            if iou(poses[0].box, track.expected_box(time_s)) / 2 >= self._min_similarity:
                return [track], set()
        # The expected place comes before the last seen one, and a person with an id before one
        # without.
        pairs = []
        expected = [track.expected(time_s) for track in self._tracks]
        last = [track.last for track in self._tracks]
        for is_expected, guesses in ((True, expected), (False, last)):
            similar = _oks(poses, guesses, size)
            for (pose_index, track_index), similarity in np.ndenumerate(similar):
                overlap = iou(poses[pose_index].box, guesses[track_index].box)
                mean = (float(similarity) + overlap) / 2
                if mean >= self._min_similarity:
                    known = self._tracks[track_index].id is not None
                    pairs.append((known, is_expected, mean, pose_index, track_index))
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
    poses: Sequence[Pose], others: Sequence[Pose], size: tuple[int, int]
) -> NDArray[np.float64]:
    rows = np.stack([pose.keypoints for pose in poses])
    columns = np.stack([other.keypoints for other in others])
    return oks_matrix(rows, columns, *size, min_score=MIN_KEYPOINT_SCORE)
