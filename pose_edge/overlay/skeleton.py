"""Skeletons: limbs and joints."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

import numpy as np
from numpy.typing import NDArray

from pose_edge.overlay.geometry import to_pixels
from pose_edge.overlay.palette import INK, ORANGE, SKY_BLUE, WHITE, Colour
from pose_edge.overlay.shapes import NO_CAPSULES, Capsules, Rectangle
from pose_edge.poses import SKELETON, Keypoint, Pose

LINE: Final = 1 / 135
"""Thickness of a limb, in parts of the picture's shorter side, as are all that follow."""

OUTLINE: Final = 1 / 400
"""Width of the dark edge on either side of a limb, and around a joint."""

JOINT: Final = 1 / 85
"""Radius of a joint that is sure; an unsure one has half of it."""

LEAST_LINE: Final = 2
LEAST_OUTLINE: Final = 1
LEAST_JOINT: Final = 3
"""Pixels; OpenCV draws smaller circles as diamonds."""

FACE: Final = 0.6
"""Eyes, ears and nose lie close together: their lines and joints are this much smaller."""

HEAD: Final = range(Keypoint.NOSE, Keypoint.RIGHT_EAR + 1)


def side_colour(*keypoints: Keypoint) -> Colour:
    """Return the colour of a joint or limb: the person's left blue, right orange, middle white.

    In COCO's order the left keypoints are odd and the right ones even, but the nose.
    """
    if Keypoint.NOSE in keypoints or len({point % 2 for point in keypoints}) > 1:
        return WHITE
    return SKY_BLUE if keypoints[0] % 2 else ORANGE


def in_face(limb: tuple[Keypoint, Keypoint]) -> bool:
    """Say whether a limb joins two keypoints of the head."""
    return limb[1] in HEAD


LAYERS: Final = (WHITE, SKY_BLUE, ORANGE)
"""Limbs in the middle lie below the left ones, and those below the right ones."""

LIMBS: Final = tuple(
    sorted(SKELETON, key=lambda limb: (not in_face(limb), LAYERS.index(side_colour(*limb))))
)
"""In the order in which they are drawn."""

JOINTS: Final = tuple((point, point) for point in Keypoint)

PARTS: Final = np.array([*LIMBS, *JOINTS], dtype=np.intp)
"""Both ends of every part of a figure: its limbs, then its joints."""

COLOURS: Final = np.array([side_colour(*part) for part in (*LIMBS, *JOINTS)], dtype=np.uint8)

FIGURE_COLOURS: Final = np.concatenate([np.full_like(COLOURS, INK), COLOURS])
"""First the whole outline: drawn limb by limb, it would cut the limbs at the joints."""

FACE_FACTOR: Final = np.array([FACE if point in HEAD else 1.0 for point in Keypoint], np.float32)
LIMB_FACTOR: Final = np.array([FACE if in_face(limb) else 1.0 for limb in LIMBS], np.float32)


@dataclass(frozen=True, slots=True)
class Figures:
    """Persons, placed on what is drawn on.

    Attributes:
        points: float32 (persons, 17, 2), pixels; anything where not visible.
        scores: float32 (persons, 17), 0...1.
        visible: bool (persons, 17), whether a keypoint is drawn.
        place: Where the picture lies.
    """

    points: NDArray[np.float32]
    scores: NDArray[np.float32]
    visible: NDArray[np.bool_]
    place: Rectangle


def place_poses(
    poses: Sequence[Pose], place: Rectangle, *, mirror: bool, min_score: float
) -> Figures:
    """Work out where the keypoints lie, and which are drawn.

    Args:
        poses: The persons, in coordinates of the unmirrored picture.
        place: Where the picture lies.
        mirror: Whether it is shown mirrored; a person's left stays their left.
        min_score: Keypoints below this score, and limbs that end in one, are not drawn; nor are
            those that are not finite.
    """
    keypoints = np.array([pose.keypoints for pose in poses], np.float32).reshape(-1, 17, 3)
    visible = np.isfinite(keypoints).all(axis=2) & (keypoints[..., 2] >= min_score)
    known = np.where(visible[..., None], keypoints, np.float32(0.0))
    return Figures(
        points=to_pixels(known[..., :2], place, mirror=mirror),
        scores=known[..., 2].clip(0.0, 1.0),
        visible=visible,
        place=place,
    )


def skeletons(figures: Figures) -> Capsules:
    """Return limbs and joints of all persons, the first person on top."""
    persons = len(figures.points)
    if persons == 0:
        return NO_CAPSULES
    unit = min(figures.place[2:])
    joints = np.maximum(unit * JOINT * (0.5 + 0.5 * figures.scores) * FACE_FACTOR, LEAST_JOINT)
    limbs = np.maximum(unit * LINE * LIMB_FACTOR, LEAST_LINE) / 2
    radii = np.concatenate([np.broadcast_to(limbs, (persons, len(limbs))), joints], axis=1)
    edge = max(unit * OUTLINE, LEAST_OUTLINE)

    drawn = figures.visible[:, PARTS].all(axis=2)
    ends = figures.points[:, PARTS].reshape(persons, len(PARTS), 4)
    backwards = slice(None, None, -1)
    twice = np.tile(drawn, (1, 2))[backwards]
    return Capsules(
        ends=np.tile(ends, (1, 2, 1))[backwards][twice],
        radii=np.concatenate([radii + edge, radii], axis=1).astype(np.float32)[backwards][twice],
        colours=np.broadcast_to(FIGURE_COLOURS, (persons, *FIGURE_COLOURS.shape))[twice],
    )
