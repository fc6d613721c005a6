"""What is drawn of people: limbs, joints, and numbers that tell several people apart."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import Final

import numpy as np
from numpy.typing import NDArray
from PIL import Image as PillowImage
from PIL import ImageDraw

from pose_edge.overlay.palette import INK, KEYPOINT_COLOURS, WHITE, limb_colour
from pose_edge.overlay.scene import NO_CAPSULES, Capsules, Rectangle, Stamp, to_pixels
from pose_edge.overlay.typeset import load_font, rounded_rectangle
from pose_edge.poses import SKELETON, Keypoint, Pose

LINE: Final = 1 / 135
"""Thickness of a limb, as a fraction of the picture's shorter side."""

OUTLINE: Final = 1 / 400
"""Width of the dark edge on either side of a limb and around a joint, likewise."""

JOINT: Final = 1 / 85
"""Radius of a joint with score 1, likewise; at score 0 it is half of that."""

LEAST_LINE: Final = 2
LEAST_OUTLINE: Final = 1
LEAST_JOINT: Final = 3
"""Least sizes of the same, pixels; OpenCV draws smaller circles as diamonds."""

FACE: Final = 0.6
"""Eyes, ears and nose lie close together: their lines and joints are smaller by this factor."""

HEAD: Final = range(Keypoint.NOSE, Keypoint.RIGHT_EAR + 1)

BADGE: Final = 1 / 22
"""Height of a badge, as a fraction of the picture's shorter side."""

LEAST_BADGE: Final = 14
"""Least height of a badge, pixels: smaller digits cannot be read."""

DIGITS: Final = 0.82
"""Size of the font, as a fraction of the badge's height."""

SIDES: Final = 0.6
"""Space beside the digits, both sides together, as a fraction of the badge's height."""

CACHED_BADGES: Final = 64
"""Enough for all people in sight, on a screen and in a recording of another size."""


def _layer(limb: tuple[Keypoint, Keypoint]) -> tuple[bool, int]:
    """Return a sort key: the face at the bottom, then middle, left and right limbs."""
    a, b = limb
    middle = Keypoint.NOSE in limb or a % 2 != b % 2
    return b not in HEAD, 0 if middle else 1 if a % 2 else 2


LIMBS: Final = tuple(sorted(SKELETON, key=_layer))
"""In the order in which they are drawn."""

PARTS: Final = np.array([*LIMBS, *((point, point) for point in Keypoint)], dtype=np.intp)
"""Both ends of every part of a figure: its limbs, then its joints."""

COLOURS: Final = np.array(
    [*(limb_colour(*limb) for limb in LIMBS), *(KEYPOINT_COLOURS[point] for point in Keypoint)],
    dtype=np.uint8,
)

FIGURE_COLOURS: Final = np.concatenate([np.full_like(COLOURS, INK), COLOURS])
"""The outline of the whole figure comes first: drawn limb by limb, it would cut the limbs at the
joints."""

FACE_FACTOR: Final = np.array([FACE if point in HEAD else 1.0 for point in Keypoint], np.float32)
LIMB_FACTOR: Final = np.array([FACE if limb[1] in HEAD else 1.0 for limb in LIMBS], np.float32)


@dataclass(frozen=True, slots=True)
class Figures:
    """People, placed on a canvas or screen.

    Attributes:
        points: float32 (people, 17, 2), pixels; undefined where not visible.
        scores: float32 (people, 17), 0...1.
        visible: bool (people, 17), whether a keypoint is drawn.
        place: Where the picture lies.
    """

    points: NDArray[np.float32]
    scores: NDArray[np.float32]
    visible: NDArray[np.bool_]
    place: Rectangle


def place_poses(
    poses: Sequence[Pose], place: Rectangle, *, mirror: bool, min_score: float
) -> Figures:
    """Return where the keypoints lie, and which are drawn.

    Args:
        poses: The people, in coordinates of the unmirrored picture.
        place: Where the picture lies.
        mirror: Whether the picture is shown mirrored; a person's left stays their left.
        min_score: Keypoints below this score, and limbs that end in one, are not drawn; neither
            are those that are not finite.
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
    """Return the limbs and joints of all people, the first person on top."""
    people = len(figures.points)
    if people == 0:
        return NO_CAPSULES
    unit = min(figures.place[2:])
    joints = np.maximum(unit * JOINT * (0.5 + 0.5 * figures.scores) * FACE_FACTOR, LEAST_JOINT)
    limbs = np.maximum(unit * LINE * LIMB_FACTOR, LEAST_LINE) / 2
    radii = np.concatenate([np.broadcast_to(limbs, (people, len(limbs))), joints], axis=1)
    edge = max(unit * OUTLINE, LEAST_OUTLINE)

    drawn = figures.visible[:, PARTS].all(axis=2)
    ends = figures.points[:, PARTS].reshape(people, len(PARTS), 4)
    backwards = slice(None, None, -1)
    twice = np.tile(drawn, (1, 2))[backwards]
    return Capsules(
        ends=np.tile(ends, (1, 2, 1))[backwards][twice],
        radii=np.concatenate([radii + edge, radii], axis=1).astype(np.float32)[backwards][twice],
        colours=np.broadcast_to(FIGURE_COLOURS, (people, *FIGURE_COLOURS.shape))[twice],
    )


def number_stamps(poses: Sequence[Pose], figures: Figures) -> list[Stamp]:
    """Return a badge for each person with a number, the first person's on top.

    Args:
        poses: The people; a single person needs no number.
        figures: The same people, placed.
    """
    if len(poses) < 2:
        return []
    height = max(LEAST_BADGE, round(min(figures.place[2:]) * BADGE))
    stamps = []
    for index in reversed(range(len(poses))):
        number = poses[index].id
        if number is not None and figures.visible[index].any():
            badge = _badge(number, height)
            x, y = _above(figures, index, height)
            stamps.append(Stamp(badge, round(x - badge.shape[1] / 2), round(y - height)))
    return stamps


@lru_cache(CACHED_BADGES)  # the same array each time, as `Stamp` asks for
def _badge(number: int, height: int) -> NDArray[np.uint8]:
    font = load_font(round(height * DIGITS))
    width = max(height, round(font.getlength(str(number)) + height * SIDES))
    badge = PillowImage.new("RGBA", (width, height), (*INK, 0))
    badge.putalpha(rounded_rectangle((width, height), height // 2, 1.0))
    ImageDraw.Draw(badge).text(
        (width / 2, height / 2), str(number), fill=WHITE, font=font, anchor="mm"
    )
    return np.asarray(badge)


def _above(figures: Figures, index: int, height: int) -> tuple[float, float]:
    """Return the middle of a badge's lower edge: above the head, or above the highest keypoint."""
    points, visible = figures.points[index], figures.visible[index]
    head = points[HEAD][visible[HEAD]]
    anchors = head if len(head) else points[visible]
    x = float(anchors[:, 0].mean())
    # The face's keypoints end at the eyes; the top of the head is about as far above them as the
    # head is wide.
    y = float(anchors[:, 1].min() - (np.ptp(head[:, 0]) if len(head) else 0)) - height / 2
    left, top, width, _ = figures.place
    if left <= x < left + width:
        y = max(y, top + height + 1.0)  # a head at the upper edge keeps its number in the picture
    return x, y
