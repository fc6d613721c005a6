"""Match the poses of a frame to the known people."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TypeVar

import numpy as np

from pose_edge.poses import Pose
from pose_edge.tracking.similarity import iou, pose_similarities
from pose_edge.tracking.track import Track

AnyTrack = TypeVar("AnyTrack", bound=Track)


def match_poses(
    poses: Sequence[Pose],
    tracks: Sequence[AnyTrack],
    time_s: float,
    size: tuple[int, int],
    *,
    min_similarity: float,
) -> tuple[list[AnyTrack | None], set[int]]:
    """Match poses to tracks greedily, the most similar pair first.

    Similarity is the mean of two measures: OKS, which separates people whose boxes overlap, and the
    IoU of the boxes, which still works when limbs are hidden or have moved far between two frames.

    Args:
        poses: The poses of one frame, without duplicates.
        tracks: The known people.
        time_s: The frame's time, seconds.
        size: Width and height of the frame, pixels.
        min_similarity: Minimum similarity, 0...1, of a pose and a person.

    Returns:
        The track of each pose, or None; and the indices of unclear poses, which are also similar to
        another known person who was left without a pose.
    """
    owners: list[AnyTrack | None] = [None] * len(poses)
    if not poses or not tracks:
        return owners, set()
    if len(poses) == len(tracks) == 1:
        # The usual case, decided without OKS: the similarity of the boxes alone is sufficient.
        (track,) = tracks
        if iou(poses[0].box, track.expected_box(time_s)) / 2 >= min_similarity:
            return [track], set()
    # Known people come before those who may be false detections; after that, the expected place
    # comes before the place where a person was last seen.
    pairs = []
    expected = [track.expected(time_s) for track in tracks]
    last = [track.last for track in tracks]
    for is_expected, guesses in ((True, expected), (False, last)):
        similar = pose_similarities(poses, guesses, size)
        for (pose_index, track_index), similarity in np.ndenumerate(similar):
            overlap = iou(poses[pose_index].box, guesses[track_index].box)
            mean = (float(similarity) + overlap) / 2
            if mean >= min_similarity:
                known = tracks[track_index].known
                pairs.append((known, is_expected, mean, pose_index, track_index))
    pairs.sort(reverse=True)
    taken: set[int] = set()
    for *_order, pose_index, track_index in pairs:
        if owners[pose_index] is None and track_index not in taken:
            owners[pose_index] = tracks[track_index]
            taken.add(track_index)
    unclear = {
        pose_index
        for known, is_expected, _mean, pose_index, track_index in pairs
        if known and is_expected and track_index not in taken
    }
    return owners, unclear
