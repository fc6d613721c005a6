"""The people of the last frames: who is looked at next, and who is where."""

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
"""Somebody who was not found in their place for so long is no longer looked for there."""
MIN_SIMILARITY: Final = 0.2
"""Similarity, see `match_poses`, that a pose needs to be the person who was expected there."""
SAME_PERSON: Final = 0.4
"""Similarity from which the finder's pose, which is coarse, is that of a person known already."""
HEAD_START_S: Final = 0.5
"""By so much newcomers come before known people who have waited for a closer look as long."""


class Follower(Track):
    """Somebody who is looked at again and again.

    Attributes:
        confirmed: Whether a closer look has found them; before, only the finder has.
        looked_at: Time of the last closer look or, before the first, a moment before the finder's.
        missed_since: Time of the first of the closer looks that did not find them; None when the
            last one did.
        crop: What was looked at last.
    """

    __slots__ = ("confirmed", "crop", "looked_at", "missed_since")

    def __init__(self, pose: Pose, time_s: float, *, confirmed: bool) -> None:
        """Start with the first pose."""
        super().__init__(pose, time_s)
        self.confirmed = confirmed
        self.looked_at = time_s if confirmed else time_s - HEAD_START_S
        self.missed_since: float | None = None
        self.crop: Crop | None = None

    def miss(self, time_s: float) -> None:
        """Note a closer look, which has found nobody unless `find` or `confirm` follows."""
        self.looked_at = time_s
        if self.missed_since is None:
            self.missed_since = time_s

    def find(self, pose: Pose, time_s: float, *, clear: bool) -> None:
        """Add the pose of a closer look, see `Track.add`."""
        self.add(pose, time_s, clear=clear)
        self.missed_since = None

    def confirm(self, pose: Pose, time_s: float) -> None:
        """Replace the finder's pose, whose motion says nothing, by that of a closer look."""
        super().__init__(pose, time_s)
        self.confirmed = True
        self.missed_since = None

    @property
    def known(self) -> bool:
        """Whether a closer look has found them."""
        return self.confirmed

    @property
    def present(self) -> bool:
        """Whether they were there when they were looked at last."""
        return self.confirmed and self.missed_since is None


class Crowd:
    """The people of one source."""

    def __init__(self, max_people: int, min_keypoint_score: float) -> None:
        """Start without people.

        Args:
            max_people: The most people followed at a time.
            min_keypoint_score: Keypoints below this score do not count for boxes.
        """
        self._max_people = max_people
        self._min_keypoint_score = min_keypoint_score
        self._followers: list[Follower] = []

    def forget(self) -> None:
        """Start again without people."""
        self._followers = []

    @property
    def queue(self) -> list[Follower]:
        """The people, those first who have waited longest for a closer look."""
        return sorted(self._followers, key=lambda one: one.looked_at)

    @property
    def empty(self) -> bool:
        """Whether nobody is there."""
        return not any(one.present for one in self._followers)

    @property
    def full(self) -> bool:
        """Whether nobody else can be followed."""
        return sum(one.present for one in self._followers) >= self._max_people

    @property
    def lost(self) -> bool:
        """Whether somebody who was there is missing."""
        return any(one.missed_since is not None for one in self._followers)

    def add_candidates(self, poses: Sequence[Pose], time_s: float, size: tuple[int, int]) -> None:
        """Follow the people whom the finder has found, unless they are known.

        Args:
            poses: The poses found in one search, best first, none of them a duplicate.
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
        """Take what the closer looks of a frame have found.

        Args:
            looks: The people who were looked at, and the pose that was found there, if any; it may
                be that of somebody else.
            time_s: The frame's time, seconds.
            size: Width and height of the frame, pixels.

        Returns:
            The people in the frame, best first. Those who were not looked at are moved on.
        """
        looked_at = [one for one, _pose in looks]
        for one in looked_at:
            one.miss(time_s)
        found = [(pose, one) for one, pose in looks if pose is not None]
        found.sort(key=lambda look: float(look[0].keypoints[:, 2].mean()), reverse=True)
        places = {id(pose): one for pose, one in found}
        poses = drop_duplicates([pose for pose, _one in found], size)
        owners, unclear = match_poses(poses, looked_at, time_s, size, min_similarity=MIN_SIMILARITY)
        shown: list[Pose] = []
        newcomers: list[tuple[Pose, Follower]] = []
        for index, (pose, owner) in enumerate(zip(poses, owners, strict=True)):
            one = owner or places[id(pose)]
            if one is owner and one.confirmed:
                one.find(pose, time_s, clear=index not in unclear)
                shown.append(pose)
            # What is found where a known person was, and is not them, is part of somebody else in
            # the margin: newcomers are found by the finder only.
            elif not one.confirmed:
                newcomers.append((pose, one))
        waiting = [one for one in self._followers if one.present and one not in looked_at]
        shown += self._welcome(newcomers, waiting, len(shown), time_s, size)
        moved = [self._moved(one, time_s) for one in waiting if one.looked_at < time_s]
        self._followers = [one for one in self._followers if _is_followed(one, time_s)]
        shown = drop_duplicates([*shown, *moved], size)
        return sorted(shown, key=lambda pose: pose.score, reverse=True)

    def _welcome(
        self,
        newcomers: Sequence[tuple[Pose, Follower]],
        waiting: Sequence[Follower],
        count: int,
        time_s: float,
        size: tuple[int, int],
    ) -> list[Pose]:
        """Return the poses of newcomers for whom there is room.

        Args:
            newcomers: Poses of closer looks at people whom only the finder had seen, best first.
            waiting: The known people who were not looked at; a newcomer may be one of them.
            count: The number of known people who were found.
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
        """Return where somebody should be now."""
        keypoints = one.expected(time_s).keypoints
        np.clip(keypoints[:, :2], 0.0, 1.0, out=keypoints[:, :2])
        box = box_of(keypoints, self._min_keypoint_score)
        return replace(one.last, keypoints=keypoints, box=box, confidence=None, predicted=True)


def _is_followed(one: Follower, time_s: float) -> bool:
    """Return whether somebody is looked for in the next frame."""
    if one.missed_since is None:
        return True
    return one.confirmed and time_s - one.missed_since < FORGET_S
