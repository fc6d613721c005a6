"""The angles of a person's joints, as they are seen in the picture."""

from __future__ import annotations

import math
from typing import Final

from pose_edge.poses import Keypoint, Pose

JOINTS: Final[dict[Keypoint, tuple[Keypoint, Keypoint]]] = {
    Keypoint.LEFT_SHOULDER: (Keypoint.LEFT_HIP, Keypoint.LEFT_ELBOW),
    Keypoint.RIGHT_SHOULDER: (Keypoint.RIGHT_HIP, Keypoint.RIGHT_ELBOW),
    Keypoint.LEFT_ELBOW: (Keypoint.LEFT_SHOULDER, Keypoint.LEFT_WRIST),
    Keypoint.RIGHT_ELBOW: (Keypoint.RIGHT_SHOULDER, Keypoint.RIGHT_WRIST),
    Keypoint.LEFT_HIP: (Keypoint.LEFT_SHOULDER, Keypoint.LEFT_KNEE),
    Keypoint.RIGHT_HIP: (Keypoint.RIGHT_SHOULDER, Keypoint.RIGHT_KNEE),
    Keypoint.LEFT_KNEE: (Keypoint.LEFT_HIP, Keypoint.LEFT_ANKLE),
    Keypoint.RIGHT_KNEE: (Keypoint.RIGHT_HIP, Keypoint.RIGHT_ANKLE),
}
"""Each joint that has an angle, and its neighbours at the ends of the two limbs that meet there.
Ankles and wrists have none: COCO's keypoints know no toes and no fingers."""


def joint_angles(
    pose: Pose, width: int, height: int, min_score: float
) -> dict[Keypoint, float | None]:
    """Return the angle between the two limbs that meet at each joint.

    Args:
        pose: The person.
        width: Of the frame, pixels; with the height it makes the picture's shape.
        height: Of the frame, pixels.
        min_score: Score, 0...1, below which a keypoint is not known well enough.

    Returns:
        Degrees, 0 (folded) to 180 (straight), for each of `JOINTS`; None where one of the three
        keypoints is not known well enough, or two lie in the same place.

    >>> straight = joint_angles(pose, 1280, 720, 0.25)[Keypoint.LEFT_KNEE]  # doctest: +SKIP
    174.2
    """
    places = pose.pixels(width, height).tolist()
    sure = (pose.keypoints[:, 2] >= min_score).tolist()
    return {
        joint: _angle(places[first], places[joint], places[second])
        if sure[first] and sure[joint] and sure[second]
        else None
        for joint, (first, second) in JOINTS.items()
    }


def _angle(first: list[float], corner: list[float], second: list[float]) -> float | None:
    """Return the angle at a corner, degrees; None where a side has no length."""
    ax, ay = first[0] - corner[0], first[1] - corner[1]
    bx, by = second[0] - corner[0], second[1] - corner[1]
    if (ax, ay) == (0, 0) or (bx, by) == (0, 0):
        return None
    # By both products: the arc cosine alone is coarse near 0 and 180 degrees.
    return math.degrees(math.atan2(abs(ax * by - ay * bx), ax * bx + ay * by))
