"""Skeletons: limbs, joints, and the number of each person."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

import cv2
import numpy as np
from numpy.typing import NDArray

from pose_edge.frames import ColourOrder, Image
from pose_edge.overlay.geometry import SHIFT, SUBPIXELS, relative, to_subpixels
from pose_edge.overlay.palette import INK, ORANGE, SKY_BLUE, WHITE, Colour, ordered
from pose_edge.poses import SKELETON, Keypoint, Pose

LINE: Final = 1 / 135
"""Thickness of a limb, in parts of the picture's shorter side, as are all that follow."""

OUTLINE: Final = 1 / 400
"""Width of the dark edge on either side of a limb, and around a joint."""

JOINT: Final = 1 / 85
"""Radius of a joint that is sure; an unsure one has half of it."""

LEAST_JOINT: Final = 3
"""Pixels; OpenCV draws smaller circles as diamonds."""

FACE: Final = 0.6
"""Eyes, ears and nose lie close together: their lines and joints are this much smaller."""

NUMBER: Final = 1 / 24
"""Height of the badge with a person's number."""

HEAD: Final = range(Keypoint.NOSE, Keypoint.RIGHT_EAR + 1)

NUMBER_FONT: Final = cv2.FONT_HERSHEY_DUPLEX


def side_colour(*keypoints: Keypoint) -> Colour:
    """Return the colour of a joint or limb: the person's left blue, right orange, middle white.

    In COCO's order the left keypoints are odd and the right ones even, but the nose.
    """
    if Keypoint.NOSE in keypoints or len({point % 2 for point in keypoints}) > 1:
        return WHITE
    return SKY_BLUE if keypoints[0] % 2 else ORANGE


JOINT_COLOURS: Final = tuple(side_colour(point) for point in Keypoint)

Stroke = tuple[Colour, float, tuple[tuple[Keypoint, Keypoint], ...]]


def strokes() -> tuple[Stroke, ...]:
    """Group the limbs by colour and weight, as those that share both are drawn in one call."""
    return tuple(
        (
            colour,
            weight,
            tuple(
                limb
                for limb in SKELETON
                if side_colour(*limb) == colour and (limb[1] in HEAD) == (weight == FACE)
            ),
        )
        for weight in (FACE, 1.0)
        for colour in (WHITE, SKY_BLUE, ORANGE)
    )


STROKES: Final = strokes()


@dataclass(frozen=True, slots=True)
class Figure:
    """One person, placed on the canvas.

    Attributes:
        points: int32 (17, 2), fixed-point pixels; zero where not visible.
        radii: int32 (17,), of the joints, fixed-point pixels.
        visible: bool (17,), whether a keypoint is drawn.
    """

    points: NDArray[np.int32]
    radii: NDArray[np.int32]
    visible: NDArray[np.bool_]

    def lines(self, limbs: Sequence[tuple[Keypoint, Keypoint]]) -> list[NDArray[np.int32]]:
        """Return those limbs of which both ends are visible, each as int32 (2, 2)."""
        return [self.points[[a, b]] for a, b in limbs if self.visible[a] and self.visible[b]]


def draw_poses(
    canvas: Image,
    order: ColourOrder,
    poses: Sequence[Pose],
    *,
    mirror: bool,
    min_score: float,
) -> None:
    """Draw the skeletons of all persons, the best on top.

    Args:
        canvas: uint8 (height, width, 3), drawn on.
        order: Its order of colours.
        poses: The persons, best first, in coordinates of the unmirrored picture.
        mirror: Whether the canvas shows the picture mirrored; a person's left stays their left.
        min_score: Keypoints below this score, and limbs that end in one, are not drawn; nor are
            those that are not finite.
    """
    figures = [_place(pose, canvas, mirror=mirror, min_score=min_score) for pose in poses]
    for figure in reversed(figures):
        _draw_figure(canvas, order, figure)
    if len(poses) < 2:
        return  # a number tells people apart: somebody alone needs none
    for pose, figure in zip(reversed(poses), reversed(figures), strict=True):
        if pose.id is not None and figure.visible.any():
            _draw_number(canvas, order, figure, pose.id)


def _place(pose: Pose, canvas: Image, *, mirror: bool, min_score: float) -> Figure:
    keypoints = pose.keypoints
    visible = np.isfinite(keypoints).all(axis=1) & (keypoints[:, 2] >= min_score)
    known = np.where(visible[:, None], keypoints, np.float32(0.0))
    radii = min(canvas.shape[:2]) * JOINT * (0.5 + 0.5 * np.clip(known[:, 2], 0.0, 1.0))
    radii[HEAD] *= FACE
    return Figure(
        points=to_subpixels(known[:, :2], canvas, mirror=mirror),
        radii=np.rint(np.maximum(radii, LEAST_JOINT) * SUBPIXELS).astype(np.int32),
        visible=visible,
    )


def _draw_figure(canvas: Image, order: ColourOrder, figure: Figure) -> None:
    edge = relative(canvas, OUTLINE)
    ink = ordered(INK, order)
    lines = [
        (figure.lines(limbs), ordered(colour, order), relative(canvas, LINE * weight, least=2))
        for colour, weight, limbs in STROKES
    ]
    # The whole outline comes first: drawn limb by limb, it would cut the limbs at the joints.
    for limbs, _, width in lines:
        cv2.polylines(canvas, limbs, False, ink, width + 2 * edge, cv2.LINE_AA, SHIFT)
    _draw_joints(canvas, figure, [ink] * len(Keypoint), edge * SUBPIXELS)
    for limbs, colour, width in lines:
        cv2.polylines(canvas, limbs, False, colour, width, cv2.LINE_AA, SHIFT)
    _draw_joints(canvas, figure, [ordered(colour, order) for colour in JOINT_COLOURS], 0)


def _draw_joints(
    canvas: Image, figure: Figure, colours: Sequence[Colour], extra_radius: int
) -> None:
    for index in np.flatnonzero(figure.visible).tolist():
        x, y = figure.points[index].tolist()
        radius = int(figure.radii[index]) + extra_radius
        cv2.circle(canvas, (x, y), radius, colours[index], cv2.FILLED, cv2.LINE_AA, SHIFT)


def _draw_number(canvas: Image, order: ColourOrder, figure: Figure, number: int) -> None:
    """Draw a person's number on a dark badge above the head, or above whatever is highest."""
    height = relative(canvas, NUMBER, least=8)
    head = figure.points[HEAD][figure.visible[HEAD]]
    anchors = head if len(head) else figure.points[figure.visible]
    x = float(anchors[:, 0].mean()) / SUBPIXELS
    # The face's keypoints end at the eyes; the top of the head is about as far above them as the
    # head is wide.
    y = float(anchors[:, 1].min() - (np.ptp(head[:, 0]) if len(head) else 0)) / SUBPIXELS - height
    if 0 <= x < canvas.shape[1]:
        y = max(y, height * 0.5 + 1)  # a head at the upper edge keeps its number in the picture

    text = str(number)
    scale = cv2.getFontScaleFromHeight(NUMBER_FONT, round(height * 0.55))
    (text_width, text_height), _ = cv2.getTextSize(text, NUMBER_FONT, scale, 1)
    reach = max(0.0, text_width - height * 0.4) / 2
    ends = [(round((x + dx) * SUBPIXELS), round(y * SUBPIXELS)) for dx in (-reach, reach)]
    cv2.line(canvas, ends[0], ends[1], ordered(INK, order), height, cv2.LINE_AA, SHIFT)
    cv2.putText(
        canvas,
        text,
        (round(x - text_width / 2), round(y + text_height / 2)),
        NUMBER_FONT,
        scale,
        ordered(WHITE, order),
        max(1, height // 24),
        cv2.LINE_AA,
    )
