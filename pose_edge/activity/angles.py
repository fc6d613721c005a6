"""The angles of a person's joints, in the plane of the picture."""

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
"""The joints that have an angle, each with the far ends of the two limbs that meet there. Wrists
and ankles have none, because COCO has no keypoints for fingers and toes."""


def joint_angles(
    pose: Pose, width: int, height: int, min_score: float
) -> dict[Keypoint, float | None]:
    """Return the angle between the two limbs that meet at each joint, in the plane of the picture.

    Args:
        pose: The person.
        width: Width of the frame, pixels; only its ratio to the height matters.
        height: Height of the frame, pixels.
        min_score: Score, 0...1, below which a keypoint is not used.

    Returns:
        Degrees, 0 (folded) to 180 (straight), for each of `JOINTS`; None where one of the three
        keypoints scores below `min_score`, or a limb has no length.

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
    """Return the angle at a corner, degrees; None if a side has no length."""
    ax, ay = first[0] - corner[0], first[1] - corner[1]
    bx, by = second[0] - corner[0], second[1] - corner[1]
    if (ax, ay) == (0, 0) or (bx, by) == (0, 0):
        return None
    # From cross and dot product: the arc cosine is inaccurate near 0 and 180 degrees.
    return math.degrees(math.atan2(abs(ax * by - ay * bx), ax * bx + ay * by))
