"""The people followed by the two-stage estimator: whom to refine next, and where everybody is."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import Final

import numpy as np

from pose_edge.estimators.crop import Crop
from pose_edge.poses import Pose, box_of
from pose_edge.tracking.matching import match_poses
from pose_edge.tracking.similarity import drop_duplicates
from pose_edge.tracking.track import Track

FORGET_S: Final = 0.5
"""Time, in seconds, after which a person who is not found in their place is no longer followed."""
MIN_SIMILARITY: Final = 0.2
"""Minimum similarity (see `match_poses`) of a refined pose to the person expected in its place."""
SAME_PERSON: Final = 0.4
"""Minimum similarity of a newcomer's pose, which may be coarse, to a person already known."""
NEWCOMER_PRIORITY_S: Final = 0.5
"""Time, in seconds, by which newcomers are preferred in the queue for refinement passes."""


class Follower(Track):
    """A person who is followed with refinement passes.

    Attributes:
        confirmed: Whether a refinement pass has found the person; until then only the finder has.
        refined_at: Time of the last refinement pass, seconds; before the first one,
            `NEWCOMER_PRIORITY_S` before the finder found the person.
        missed_since: Time, in seconds, of the first of the consecutive refinement passes that did
            not find the person; None if the last pass found them.
        crop: Crop of the last refinement pass.
    """

    __slots__ = ("confirmed", "crop", "missed_since", "refined_at")

    def __init__(self, pose: Pose, time_s: float, *, confirmed: bool) -> None:
        """Create the follower from the person's first pose."""
        super().__init__(pose, time_s)
        self.confirmed = confirmed
        self.refined_at = time_s if confirmed else time_s - NEWCOMER_PRIORITY_S
        self.missed_since: float | None = None
        self.crop: Crop | None = None

    def miss(self, time_s: float) -> None:
        """Record a refinement pass as a miss; a following `find` or `confirm` cancels the miss."""
        self.refined_at = time_s
        if self.missed_since is None:
            self.missed_since = time_s

    def find(self, pose: Pose, time_s: float, *, clear: bool) -> None:
        """Add the pose that a refinement pass found, see `Track.add`."""
        self.add(pose, time_s, clear=clear)
        self.missed_since = None

    def confirm(self, pose: Pose, time_s: float) -> None:
        """Restart the track from a refined pose; the finder's is too coarse to give a velocity."""
        super().__init__(pose, time_s)
        self.confirmed = True
        self.missed_since = None

    @property
    def known(self) -> bool:
        """Whether a refinement pass has found the person."""
        return self.confirmed

    @property
    def present(self) -> bool:
        """Whether the last refinement pass found the person."""
        return self.confirmed and self.missed_since is None


class Crowd:
    """The followed people of one source."""

    def __init__(self, max_people: int, min_keypoint_score: float) -> None:
        """Create an empty crowd.

        Args:
            max_people: Maximum number of people followed at a time.
            min_keypoint_score: Minimum keypoint score; weaker keypoints are ignored for boxes.
        """
        self._max_people = max_people
        self._min_keypoint_score = min_keypoint_score
        self._followers: list[Follower] = []

    def forget(self) -> None:
        """Remove all people."""
        self._followers = []

    @property
    def queue(self) -> list[Follower]:
        """The people, sorted by how long they have waited for a refinement pass, longest first."""
        return sorted(self._followers, key=lambda one: one.refined_at)

    @property
    def empty(self) -> bool:
        """Whether nobody is present."""
        return not any(one.present for one in self._followers)

    @property
    def full(self) -> bool:
        """Whether the maximum number of people is present."""
        return sum(one.present for one in self._followers) >= self._max_people

    @property
    def lost(self) -> bool:
        """Whether a followed person was missed by their last refinement pass."""
        return any(one.missed_since is not None for one in self._followers)

    def add_candidates(self, poses: Sequence[Pose], time_s: float, size: tuple[int, int]) -> None:
        """Start to follow the people whom the finder has found, except those already known.

        Args:
            poses: The poses found in one search, best first, without duplicates.
            time_s: The frame's time, seconds.
            size: Width and height of the frame, pixels.
        """
        known = [one for one in self._followers if one.missed_since is None]
        owners, _ = match_poses(poses, known, time_s, size, min_similarity=SAME_PERSON)
        new = [pose for pose, owner in zip(poses, owners, strict=True) if owner is None]
        room = 2 * self._max_people - len(self._followers)
        self._followers += [Follower(pose, time_s, confirmed=False) for pose in new[:room]]

    def update(
        self,
        looks: Sequence[tuple[Follower, Pose | None]],
        time_s: float,
        size: tuple[int, int],
    ) -> list[Pose]:
        """Process the results of a frame's refinement passes.

        Args:
            looks: The refined people, each with the pose found in their place, if any. That pose
                may belong to somebody else.
            time_s: The frame's time, seconds.
            size: Width and height of the frame, pixels.

        Returns:
            The people in the frame, best first. Present people without a refinement pass in this
            frame are included at their extrapolated positions.
        """
        refined_at = [one for one, _pose in looks]
        for one in refined_at:
            one.miss(time_s)
        found = [(pose, one) for one, pose in looks if pose is not None]
        found.sort(key=lambda look: float(look[0].keypoints[:, 2].mean()), reverse=True)
        places = {id(pose): one for pose, one in found}
        poses = drop_duplicates([pose for pose, _one in found], size)
        owners, unclear = match_poses(
            poses, refined_at, time_s, size, min_similarity=MIN_SIMILARITY
        )
        shown: list[Pose] = []
        newcomers: list[tuple[Pose, Follower]] = []
        for index, (pose, owner) in enumerate(zip(poses, owners, strict=True)):
            one = owner or places[id(pose)]
            if one is owner and one.confirmed:
                one.find(pose, time_s, clear=index not in unclear)
                shown.append(pose)
            # A pose in a known person's place that does not match them is a part of somebody else
            # in the margin of the crop. It is ignored: only the finder finds newcomers.
            elif not one.confirmed:
                newcomers.append((pose, one))
        waiting = [one for one in self._followers if one.present and one not in refined_at]
        shown += self._confirm_newcomers(newcomers, waiting, len(shown), time_s, size)
        moved = [self._moved(one, time_s) for one in waiting if one.refined_at < time_s]
        self._followers = [one for one in self._followers if _is_followed(one, time_s)]
        shown = drop_duplicates([*shown, *moved], size)
        return sorted(shown, key=lambda pose: pose.score, reverse=True)

    def _confirm_newcomers(
        self,
        newcomers: Sequence[tuple[Pose, Follower]],
        waiting: Sequence[Follower],
        count: int,
        time_s: float,
        size: tuple[int, int],
    ) -> list[Pose]:
        """Confirm newcomers up to the maximum number of people, and return their poses.

        Args:
            newcomers: Refined poses of people whom only the finder had seen, best first.
            waiting: The known people without a refinement pass in this frame; a newcomer may turn
                out to be one of them.
            count: Number of known people who were found in this frame.
            time_s: The frame's time, seconds.
            size: Width and height of the frame, pixels.
        """
        poses = [pose for pose, _one in newcomers]
        owners, _ = match_poses(poses, waiting, time_s, size, min_similarity=SAME_PERSON)
        room = self._max_people - count - len(waiting)
        shown = []
        for (pose, newcomer), owner in zip(newcomers, owners, strict=True):
            if owner is not None:
                owner.miss(time_s)
                owner.find(pose, time_s, clear=True)
            elif room > 0 and not newcomer.confirmed:
                newcomer.confirm(pose, time_s)
                room -= 1
            else:
                continue
            shown.append(pose)
        return shown

    def _moved(self, one: Follower, time_s: float) -> Pose:
        """Return the person's pose extrapolated to a time, clipped to the frame."""
        keypoints = one.expected(time_s).keypoints
        np.clip(keypoints[:, :2], 0.0, 1.0, out=keypoints[:, :2])
        box = box_of(keypoints, self._min_keypoint_score)
        return replace(one.last, keypoints=keypoints, box=box, confidence=None, predicted=True)


def _is_followed(one: Follower, time_s: float) -> bool:
    """Return whether a person is still followed in the next frame."""
    if one.missed_since is None:
        return True
    return one.confirmed and time_s - one.missed_since < FORGET_S
