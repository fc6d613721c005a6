"""People on a canvas or screen: where their keypoints are, which are drawn, how tall they are."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

import numpy as np
from numpy.typing import NDArray

from pose_edge.overlay.scene import Rectangle
from pose_edge.poses import KEYPOINT_COUNT, SKELETON, Keypoint, Pose

NECK: Final = KEYPOINT_COUNT
HEAD: Final = KEYPOINT_COUNT + 1
"""Indices of two points after the keypoints: the mean of the visible shoulders, and the nose or,
without it, the mean of the visible points of the face. A line connects the two."""

FACE: Final = range(Keypoint.NOSE, Keypoint.RIGHT_EAR + 1)

BORDER: Final = 0.003
"""Width of a border of the frame, as a fraction of its size, in which keypoints are not drawn.
Estimators clamp points outside the frame to its edge, and smoothing moves these points a little."""

RULERS: Final[dict[tuple[Keypoint, Keypoint], float]] = {
    (Keypoint.LEFT_SHOULDER, Keypoint.RIGHT_SHOULDER): 0.21,
    (Keypoint.LEFT_SHOULDER, Keypoint.LEFT_HIP): 0.29,
    (Keypoint.RIGHT_SHOULDER, Keypoint.RIGHT_HIP): 0.29,
    (Keypoint.LEFT_SHOULDER, Keypoint.LEFT_ELBOW): 0.18,
    (Keypoint.RIGHT_SHOULDER, Keypoint.RIGHT_ELBOW): 0.18,
    (Keypoint.LEFT_ELBOW, Keypoint.LEFT_WRIST): 0.15,
    (Keypoint.RIGHT_ELBOW, Keypoint.RIGHT_WRIST): 0.15,
    (Keypoint.LEFT_HIP, Keypoint.LEFT_KNEE): 0.245,
    (Keypoint.RIGHT_HIP, Keypoint.RIGHT_KNEE): 0.245,
    (Keypoint.LEFT_KNEE, Keypoint.LEFT_ANKLE): 0.245,
    (Keypoint.RIGHT_KNEE, Keypoint.RIGHT_ANKLE): 0.245,
    (Keypoint.LEFT_EAR, Keypoint.RIGHT_EAR): 0.09,
}
"""Distances between keypoints as fractions of a person's height, approximately after Drillis and
Contini (1966); the shoulder width is the distance between the shoulder keypoints."""

_RULER_ENDS: Final = np.array(list(RULERS), np.intp).T
_RULER_SCALES: Final = np.array([1 / share for share in RULERS.values()], np.float32)
_LIMB_ENDS: Final = np.array([*SKELETON, (NECK, HEAD)], np.intp)

EXTENSIONS: Final[dict[tuple[int, int], float]] = {
    (NECK, HEAD): 0.6,
    (Keypoint.LEFT_ELBOW, Keypoint.LEFT_WRIST): 0.6,
    (Keypoint.RIGHT_ELBOW, Keypoint.RIGHT_WRIST): 0.6,
    (Keypoint.LEFT_KNEE, Keypoint.LEFT_ANKLE): 0.25,
    (Keypoint.RIGHT_KNEE, Keypoint.RIGHT_ANKLE): 0.25,
}
"""Distance by which the top of the head, hands and feet extend beyond the last point of a line, as
a multiple of the line's length."""

_BEYOND_ENDS: Final = np.array(list(EXTENSIONS), np.intp)
_BEYOND_SHARES: Final = np.array(list(EXTENSIONS.values()), np.float32)[:, None]


@dataclass(frozen=True, slots=True)
class Figures:
    """People, placed on a canvas or screen.

    Attributes:
        points: float32 (people, 19, 2), pixels: the keypoints, `NECK` and `HEAD`; finite, but
            arbitrary where not visible.
        scores: float32 (people, 17), 0...1 where visible.
        visible: bool (people, 19), whether a point is drawn.
        place: Where the picture lies on the canvas or screen.
    """

    points: NDArray[np.float32]
    scores: NDArray[np.float32]
    visible: NDArray[np.bool_]
    place: Rectangle

    def __len__(self) -> int:
        """Return the number of people."""
        return len(self.points)

    def heights(self) -> NDArray[np.float32]:
        """Return how tall each person would be standing upright, float32 (people,), pixels.

        This is the second largest of the estimates from `RULERS`, or the only one: foreshortening
        only shortens a limb, and the largest estimate may come from a wrong keypoint. It is 0 where
        no length of `RULERS` can be measured.
        """
        first, second = _RULER_ENDS
        along = self.points[:, first] - self.points[:, second]
        squares = np.einsum("pri,pri->pr", along, along)
        lengths: NDArray[np.float32] = np.sqrt(squares) * _RULER_SCALES
        lengths *= self.visible[:, first] & self.visible[:, second]
        lengths.sort(axis=1)
        largest, chosen = lengths[:, -1], lengths[:, -2]
        return chosen if chosen.all() else np.where(chosen > 0, chosen, largest)

    def outline(self) -> NDArray[np.float32]:
        """Return points spread over the people, float32 (n, 2); see `placement.hidden_points`."""
        limbs = self.points[:, _LIMB_ENDS][self.visible[:, _LIMB_ENDS].all(axis=2)]
        lasts = self.points[:, _BEYOND_ENDS]
        beyond = lasts[:, :, 1] + (lasts[:, :, 1] - lasts[:, :, 0]) * _BEYOND_SHARES
        along = limbs[:, 1] - limbs[:, 0]
        return np.concatenate(
            [
                self.points[self.visible],
                beyond[self.visible[:, _BEYOND_ENDS].all(axis=2)],
                *(limbs[:, 0] + along * share for share in (0.25, 0.5, 0.75)),
            ]
        )


def place_poses(
    poses: Sequence[Pose], place: Rectangle, *, mirror: bool, min_score: float
) -> Figures:
    """Return the figures of poses: where the keypoints lie, and which are drawn.

    Args:
        poses: The people, in coordinates of the unmirrored picture.
        place: Where the picture lies on the canvas or screen.
        mirror: Whether the picture is shown mirrored; a person's left stays their left.
        min_score: Lowest score of a keypoint that is drawn. Keypoints in the border of the picture
            (see `BORDER`), outside it, or with infinite or NaN coordinates are not drawn either.
    """
    keypoints = np.array([pose.keypoints for pose in poses], np.float32)
    keypoints = keypoints.reshape(-1, KEYPOINT_COUNT, 3)
    inside = np.abs(keypoints[..., :2] - 0.5) < 0.5 - BORDER  # False where it is not finite
    visible = np.empty((len(keypoints), HEAD + 1), np.bool_)
    seen = visible[:, :NECK]
    np.logical_and(inside[..., 0], inside[..., 1], out=seen)
    seen &= keypoints[..., 2] >= min_score
    if not seen.all():
        keypoints[~seen] = 0.0  # they may be infinite or NaN
    x, y, width, height = place
    scale, origin = np.array(
        [[-width, height], [x + width, y]] if mirror else [[width, height], [x, y]], np.float32
    )
    points = np.empty((*visible.shape, 2), np.float32)
    np.multiply(keypoints[..., :2], scale, out=points[:, :NECK])
    points[:, :NECK] += origin
    _add_neck_and_head(points, visible)
    return Figures(points, np.minimum(keypoints[..., 2], 1.0), visible, place)


def _add_neck_and_head(points: NDArray[np.float32], visible: NDArray[np.bool_]) -> None:
    """Compute `NECK` and `HEAD` of each person from the keypoints, in place."""
    left, right = Keypoint.LEFT_SHOULDER, Keypoint.RIGHT_SHOULDER
    points[:, NECK] = (points[:, left] + points[:, right]) / 2
    points[:, HEAD] = points[:, Keypoint.NOSE]
    visible[:, NECK] = visible[:, left] & visible[:, right]
    visible[:, HEAD] = visible[:, Keypoint.NOSE]
    if visible[:, NECK:].all():  # the usual case
        return
    shoulders = slice(left, right + 1)
    for index in np.nonzero(~visible[:, NECK:].all(axis=1))[0]:
        for point, others in ((NECK, shoulders), (HEAD, slice(FACE.start, FACE.stop))):
            among = points[index, others][visible[index, others]]
            if not visible[index, point] and len(among):
                points[index, point], visible[index, point] = among.mean(axis=0), True
