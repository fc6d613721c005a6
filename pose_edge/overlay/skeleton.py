"""Skeletons: limbs and joints, whose thickness follows the person's size."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final, Literal

import numpy as np
from numpy.typing import NDArray

from pose_edge.overlay.figures import FACE, HEAD, NECK, Figures
from pose_edge.overlay.palette import (
    INK,
    KEYPOINT_COLOURS,
    MIDDLE,
    limb_colour,
    person_colour,
)
from pose_edge.overlay.scene import NO_CAPSULES, Capsules
from pose_edge.poses import SKELETON, Keypoint

ColourBy = Literal["side", "person"]

LINE: Final = 1 / 52
"""Thickness of a limb, as a fraction of the person's height."""

THINNEST: Final = 1 / 200
THICKEST: Final = 1 / 68
"""Bounds of a limb's thickness, as fractions of the picture's shorter side: thin enough for a child
far away, and thick enough to be seen from three metres."""

LEAST_LINE: Final = 2.0
"""Minimum thickness of a limb, pixels."""

OUTLINE: Final = 0.3
"""Width of the dark edge on either side of a limb, as a multiple of the limb's thickness."""

LEAST_OUTLINE: Final = 1.0
"""Minimum width of that edge, pixels."""

JOINT: Final = 1.1
"""Radius of a joint with score 1, as a multiple of a limb's thickness; with score 0 it is half as
large."""

LEAST_JOINT: Final = 2.0
"""Minimum radius of a joint, pixels."""

SMALL: Final = 0.6
"""Scale factor of the lines and joints of the face, whose points lie close together, and of the
neck."""


def _layer(limb: tuple[Keypoint, Keypoint]) -> tuple[bool, int]:
    """Return a sort key: the face at the bottom, then middle, left and right limbs."""
    a, b = limb
    middle = Keypoint.NOSE in limb or a % 2 != b % 2
    return b not in FACE, 0 if middle else 1 if a % 2 else 2


LIMBS: Final = tuple(sorted(SKELETON, key=_layer))
"""The limbs in drawing order; they are drawn over the neck."""

PARTS: Final = np.array(
    [(NECK, HEAD), *LIMBS, *((point, point) for point in Keypoint)], dtype=np.intp
)
"""Indices of both ends of each part of a figure: the neck, the limbs, then the joints."""

_COLOURS: Final = (
    MIDDLE,
    *(limb_colour(*limb) for limb in LIMBS),
    *(KEYPOINT_COLOURS[point] for point in Keypoint),
)
SIDE_COLOURS: Final = np.array([INK] * len(_COLOURS) + list(_COLOURS), np.uint8)
"""Colours by side: first those of the parts' outlines, then those of the parts themselves."""

FIRST_JOINT: Final = len(LIMBS) + 1
"""Index of the first joint in `PARTS`."""

LIMB_FACTOR: Final = np.array(
    [SMALL, *(SMALL if limb[1] in FACE else 1.0 for limb in LIMBS)], np.float32
) / np.float32(2)
"""Half the thickness of the neck and of each limb, as a multiple of the person's `thicknesses`."""

JOINT_FACTOR: Final = np.array(
    [SMALL if point in FACE else 1.0 for point in Keypoint], np.float32
) * np.float32(JOINT / 2)
"""Radius of each joint with score 0, as a multiple of the person's `thicknesses`."""


def thicknesses(figures: Figures) -> NDArray[np.float32]:
    """Return the thickness of each person's limbs, float32 (people,), pixels."""
    unit = min(figures.place[2:])
    least = max(unit * THINNEST, LEAST_LINE)
    return np.minimum(np.maximum(figures.heights() * LINE, least), max(unit * THICKEST, least))


def skeletons(
    figures: Figures, numbers: Sequence[int | None] = (), colour_by: ColourBy = "side"
) -> Capsules:
    """Return the limbs and joints of all people, the first person on top.

    Args:
        figures: The people.
        numbers: Number of each person, or None; required for colours by person.
        colour_by: What the colours distinguish: "side" left from right, "person" the people.
    """
    people, parts = len(figures), len(PARTS)
    if people == 0:
        return NO_CAPSULES
    backwards = slice(None, None, -1)
    points, visible = figures.points[backwards], figures.visible[backwards]
    width = thicknesses(figures)[backwards, None]
    # Draw the outlines of all parts first: an outline drawn after another limb would cut that limb
    # at the joint.
    radii = np.empty((people, 2, parts), np.float32)
    limbs, joints = radii[:, 1, :FIRST_JOINT], radii[:, 1, FIRST_JOINT:]
    np.maximum(width * LIMB_FACTOR, LEAST_LINE / 2, out=limbs)
    np.maximum(width * JOINT_FACTOR * (1 + figures.scores[backwards]), LEAST_JOINT, out=joints)
    radii[:, 0] = radii[:, 1] + np.maximum(width * OUTLINE, LEAST_OUTLINE)
    ends = np.empty((people, 2, parts, 4), np.float32)
    ends[:] = points.take(PARTS, axis=1).reshape(people, 1, parts, 4)
    colours = np.concatenate([SIDE_COLOURS] * people)
    if colour_by == "person":
        own = [person_colour(number) for number in numbers]
        colours.reshape(people, 2, parts, 3)[:, 1] = np.array(own, np.uint8)[backwards, None]
    capsules = Capsules(ends.reshape(-1, 4), radii.reshape(-1), colours)

    first, second = PARTS.T
    drawn = visible.take(first, axis=1) & visible.take(second, axis=1)
    if drawn.all():
        return capsules
    index = np.flatnonzero(np.concatenate([drawn, drawn], axis=1))
    return Capsules(
        capsules.ends.take(index, 0), capsules.radii.take(index), capsules.colours.take(index, 0)
    )
