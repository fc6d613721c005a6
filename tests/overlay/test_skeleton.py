from __future__ import annotations

import cv2
import numpy as np
import pytest
from canvases import EXTREME, GREEN, SIZES, Picture, framed, ground, untouched_outside
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp
from numpy.typing import NDArray

from pose_edge.frames import ColourOrder
from pose_edge.overlay import Drawing
from pose_edge.overlay.badges import Badges
from pose_edge.overlay.figures import HEAD, NECK, Figures, place_poses
from pose_edge.overlay.paint import Painter
from pose_edge.overlay.palette import (
    INK,
    KEYPOINT_COLOURS,
    ORANGE,
    SKY_BLUE,
    WHITE,
    limb_colour,
    person_colour,
)
from pose_edge.overlay.skeleton import skeletons, thicknesses
from pose_edge.poses import SKELETON, Keypoint, Pose

SCORES = st.one_of(st.floats(0, 1, width=32), st.sampled_from([np.nan, np.inf, -1.0, 2.0]))


def keypoints_from(xy: NDArray[np.float64], scores: NDArray[np.float64]) -> NDArray[np.float32]:
    return np.column_stack([xy, scores]).astype(np.float32)


ANY_POSE = st.builds(
    lambda xy, scores, number: Pose(keypoints_from(xy, scores), 0.5, (0, 0, 1, 1), number),
    hnp.arrays(np.float64, (17, 2), elements=EXTREME),
    hnp.arrays(np.float64, 17, elements=SCORES),
    st.one_of(st.none(), st.integers(1, 10**6)),
)


def draw_poses(
    canvas: Picture, order: ColourOrder, poses: list[Pose], *, mirror: bool, min_score: float
) -> None:
    """Draw people on a picture that fills the canvas."""
    height, width = canvas.shape[:2]
    figures = place_poses(poses, (0, 0, width, height), mirror=mirror, min_score=min_score)
    stamps = Badges().stamps([pose.id for pose in poses], figures, (width, height), "side")
    Painter(order).paint(canvas, Drawing(skeletons(figures), tuple(stamps)))


def someone(number: int | None = None) -> Pose:
    """Return a person facing the camera in the middle, with all keypoints visible."""
    places = {
        Keypoint.NOSE: (0.5, 0.2),
        Keypoint.LEFT_EYE: (0.52, 0.18),
        Keypoint.LEFT_EAR: (0.54, 0.19),
        Keypoint.LEFT_SHOULDER: (0.6, 0.3),
        Keypoint.LEFT_ELBOW: (0.7, 0.4),
        Keypoint.LEFT_WRIST: (0.8, 0.5),
        Keypoint.LEFT_HIP: (0.57, 0.55),
        Keypoint.LEFT_KNEE: (0.58, 0.7),
        Keypoint.LEFT_ANKLE: (0.59, 0.85),
    }
    keypoints = np.ones((17, 3), np.float32)
    for point, (x, y) in places.items():
        keypoints[point, :2] = x, y
        if point != Keypoint.NOSE:
            keypoints[point + 1, :2] = 1 - x, y
    return Pose(keypoints, 1.0, (0.2, 0.18, 0.8, 0.85), number)


def at(canvas: Picture, x: float, y: float) -> tuple[int, ...]:
    height, width = canvas.shape[:2]
    return tuple(canvas[int(y * height), int(x * width)].tolist())


def middle(pose: Pose, a: Keypoint, b: Keypoint) -> tuple[float, float]:
    x, y = (pose.keypoints[a, :2] + pose.keypoints[b, :2]) / 2
    return float(x), float(y)


def alike(first: Picture, second: Picture) -> bool:
    """Return whether two pictures differ only at edges, by a shift below one pixel."""
    kernel = np.ones((3, 3), np.uint8)
    low = cv2.erode(second, kernel).astype(int) - 32
    high = cv2.dilate(second, kernel).astype(int) + 32
    return bool(((first >= low) & (first <= high)).mean() > 0.995)


def test_left_right_and_middle_have_their_colours() -> None:
    assert limb_colour(Keypoint.LEFT_SHOULDER, Keypoint.LEFT_HIP) == SKY_BLUE
    assert limb_colour(Keypoint.RIGHT_KNEE, Keypoint.RIGHT_ANKLE) == ORANGE
    assert limb_colour(Keypoint.LEFT_HIP, Keypoint.RIGHT_HIP) == WHITE
    assert limb_colour(Keypoint.NOSE, Keypoint.LEFT_EYE) == WHITE
    for point, colour in KEYPOINT_COLOURS.items():
        side = point.name.split("_")[0]
        assert colour == {"LEFT": SKY_BLUE, "RIGHT": ORANGE, "NOSE": WHITE}[side]


@pytest.mark.parametrize("order", ["RGB", "BGR"])
@pytest.mark.parametrize("mirror", [False, True])
@pytest.mark.parametrize("size", [(640, 480), (1280, 720), (720, 1280)])
def test_every_limb_has_the_colour_of_its_side(
    order: ColourOrder, mirror: bool, size: tuple[int, int]
) -> None:
    canvas = ground(*size)
    pose = someone()
    draw_poses(canvas, order, [pose], mirror=mirror, min_score=0.3)
    for a, b in SKELETON[4:]:  # without the face, where discs cover the lines
        x, y = middle(pose, a, b)
        expected = limb_colour(a, b)
        assert at(canvas, 1 - x if mirror else x, y) == (
            expected if order == "RGB" else expected[::-1]
        )


def test_unsure_keypoints_and_their_limbs_are_not_drawn() -> None:
    pose = someone()
    pose.keypoints[Keypoint.LEFT_ELBOW, 2] = 0.29
    pose.keypoints[Keypoint.RIGHT_ELBOW, 2] = np.nan
    canvas = ground(640, 480)
    draw_poses(canvas, "RGB", [pose], mirror=False, min_score=0.3)
    for side in ("LEFT", "RIGHT"):
        shoulder, elbow, wrist = (Keypoint[f"{side}_{j}"] for j in ("SHOULDER", "ELBOW", "WRIST"))
        assert at(canvas, *middle(pose, shoulder, elbow)) == GREEN
        assert at(canvas, *middle(pose, elbow, wrist)) == GREEN
        assert at(canvas, *pose.keypoints[elbow, :2].tolist()) == GREEN
        assert at(canvas, *pose.keypoints[wrist, :2].tolist()) != GREEN


def test_without_people_the_picture_stays_as_it_is() -> None:
    canvas = ground(64, 48)
    draw_poses(canvas, "RGB", [], mirror=False, min_score=0.3)
    unsure = someone(3)
    unsure.keypoints[:, 2] = 0.1
    draw_poses(canvas, "RGB", [unsure], mirror=False, min_score=0.3)
    assert (canvas == GREEN).all()


def test_the_best_person_is_on_top() -> None:
    first, second = someone(), someone()
    second.keypoints[:, 0] = 1 - second.keypoints[:, 0]  # the same place, but the sides swapped
    canvas = ground(640, 480)
    draw_poses(canvas, "RGB", [first, second], mirror=False, min_score=0.3)
    shin = middle(first, Keypoint.LEFT_KNEE, Keypoint.LEFT_ANKLE)
    assert at(canvas, *shin) == SKY_BLUE


def test_positions_are_finer_than_a_pixel() -> None:
    seen = set()
    for step in range(4):
        pose = someone()
        pose.keypoints[:, 0] += step / 4 / 640
        canvas = ground(640, 480)
        draw_poses(canvas, "RGB", [pose], mirror=False, min_score=0.3)
        seen.add(canvas.tobytes())
    assert len(seen) == 4


@settings(max_examples=100, deadline=None)
@given(SIZES, st.lists(ANY_POSE, max_size=3), st.booleans(), st.floats(0, 1))
def test_any_pose_can_be_drawn_and_nothing_beside_the_picture(
    size: tuple[int, int], poses: list[Pose], mirror: bool, min_score: float
) -> None:
    canvas, whole = framed(*size)
    draw_poses(canvas, "BGR", poses, mirror=mirror, min_score=min_score)
    assert untouched_outside(whole)


@settings(max_examples=60, deadline=None)
@given(
    st.tuples(st.integers(100, 400), st.integers(100, 400)),
    hnp.arrays(np.float64, (17, 2), elements=st.floats(-0.25, 1.25, width=32)),
    hnp.arrays(np.float64, 17, elements=st.floats(0, 1, width=32)),
)
def test_a_mirrored_drawing_is_the_mirror_image_of_the_drawing(
    size: tuple[int, int], xy: NDArray[np.float64], scores: NDArray[np.float64]
) -> None:
    pose = Pose(keypoints_from(xy, scores), 0.5, (0, 0, 1, 1))
    straight, mirrored = ground(*size), ground(*size)
    draw_poses(straight, "RGB", [pose], mirror=False, min_score=0.3)
    draw_poses(mirrored, "RGB", [pose], mirror=True, min_score=0.3)
    assert alike(np.ascontiguousarray(mirrored[:, ::-1]), straight)


def test_a_skeleton_keeps_its_share_of_the_picture_at_every_size() -> None:
    pose = someone()
    shares = []
    for width, height in ((640, 480), (1280, 960), (1920, 1440)):
        canvas = ground(width, height)
        draw_poses(canvas, "RGB", [pose], mirror=False, min_score=0.3)
        shares.append((canvas != GREEN).any(axis=2).mean())
    assert max(shares) / min(shares) < 1.35  # blended edges weigh more in small pictures


def placed(poses: list[Pose], width: int = 1280, height: int = 720) -> Figures:
    return place_poses(poses, (0, 0, width, height), mirror=False, min_score=0.3)


def scaled(pose: Pose, scale: float, x: float = 0.5, y: float = 0.5) -> Pose:
    """Return the pose scaled, and centred at another place."""
    keypoints = pose.keypoints.copy()
    keypoints[:, :2] = (keypoints[:, :2] - 0.5) * scale + (x, y)
    return Pose(keypoints, pose.score, pose.box, pose.id)


def test_lines_are_as_thick_as_the_person_is_large_within_bounds() -> None:
    sizes = (0.02, 0.2, 0.4, 0.9, 1.1)
    people = [scaled(someone(), size) for size in sizes]
    widths = thicknesses(placed(people)).tolist()
    assert widths == sorted(widths)
    assert widths[2] == pytest.approx(2 * widths[1], rel=0.05), "between the bounds in proportion"
    assert 720 / 250 < widths[0] < 720 / 150
    assert 720 / 80 < widths[-1] < 720 / 50
    assert widths[-2] == widths[-1]


def test_one_wrong_keypoint_does_not_make_a_person_a_giant() -> None:
    pose = scaled(someone(), 0.4)
    (before,) = placed([pose]).heights()
    pose.keypoints[Keypoint.LEFT_WRIST, :2] = 0.05, 0.95
    (after,) = placed([pose]).heights()
    assert after == pytest.approx(before, rel=0.2)


def test_the_head_is_held_by_a_neck() -> None:
    pose = someone()
    figures = placed([pose])
    left, right = (pose[point] for point in (Keypoint.LEFT_SHOULDER, Keypoint.RIGHT_SHOULDER))
    middle_of_shoulders = [(left.x + right.x) / 2 * 1280, (left.y + right.y) / 2 * 720]
    assert figures.points[0, NECK].tolist() == pytest.approx(middle_of_shoulders)
    assert figures.points[0, HEAD].tolist() == figures.points[0, Keypoint.NOSE].tolist()
    canvas = ground(1280, 720)
    draw_poses(canvas, "RGB", [pose], mirror=False, min_score=0.3)
    assert at(canvas, 0.5, 0.26) == WHITE


@pytest.mark.parametrize(
    ("unseen", "joined_points"),
    [
        ([Keypoint.NOSE], {Keypoint.LEFT_EYE, Keypoint.RIGHT_EYE}),
        ([Keypoint.LEFT_SHOULDER], {Keypoint.RIGHT_SHOULDER}),
        ([*range(1, 5), Keypoint.RIGHT_SHOULDER], {Keypoint.NOSE, Keypoint.LEFT_SHOULDER}),
    ],
)
def test_the_head_does_not_float_where_some_of_it_is_unseen(
    unseen: list[int], joined_points: set[Keypoint]
) -> None:
    pose = someone()
    pose.keypoints[unseen, 2] = 0.0
    figures = placed([pose])
    assert figures.visible[0, [NECK, HEAD]].all()
    ends = {tuple(row) for row in skeletons(figures).ends.round().tolist()}
    neck = (*figures.points[0, NECK].round().tolist(), *figures.points[0, HEAD].round().tolist())
    assert neck in ends
    assert all(figures.visible[0, point] for point in joined_points)


def test_without_shoulders_or_face_there_is_no_neck() -> None:
    for hidden in ([Keypoint.LEFT_SHOULDER, Keypoint.RIGHT_SHOULDER], list(range(5))):
        pose = someone()
        pose.keypoints[hidden, 2] = 0.0
        assert not placed([pose]).visible[0, [NECK, HEAD]].all()


@pytest.mark.parametrize("edge", [(0.5, 1.0), (0.5, 0.0), (0.0, 0.5), (1.0, 0.5), (0.5, 0.9995)])
def test_a_keypoint_on_the_border_is_not_drawn(edge: tuple[float, float]) -> None:
    """Estimators clip keypoints outside the picture to its border."""
    pose = someone()
    pose.keypoints[[Keypoint.LEFT_HIP, Keypoint.RIGHT_HIP], :2] = edge
    figures = placed([pose])
    assert not figures.visible[0, [Keypoint.LEFT_HIP, Keypoint.RIGHT_HIP]].any()
    on_border = figures.points[0, Keypoint.LEFT_HIP]
    ends = skeletons(figures).ends.reshape(-1, 2)
    assert np.abs(ends - on_border).max(axis=1).min() > 1
    pose.keypoints[Keypoint.LEFT_HIP, :2] = 0.5, 0.99
    assert placed([pose]).visible[0, Keypoint.LEFT_HIP]


def test_colours_can_tell_people_apart_instead_of_sides() -> None:
    people = [scaled(someone(number), 0.4, x) for number, x in ((1, 0.2), (2, 0.5), (7, 0.8))]
    figures = placed([*people, scaled(someone(), 0.4, 0.35)])
    capsules = skeletons(figures, [1, 2, 7, None], "person")
    used = {tuple(colour) for colour in capsules.colours.tolist()}
    assert used == {INK, WHITE, *(person_colour(number) for number in (1, 2))}
    assert person_colour(7) == person_colour(1)
    drawn = capsules.colours.tolist()
    assert drawn[-1] == list(person_colour(1)), "the first person is on top"


def test_a_picture_that_lies_elsewhere_gets_the_same_drawing_there() -> None:
    pose = someone()
    alone, within = ground(320, 240), ground(500, 400)
    draw_poses(alone, "RGB", [pose], mirror=False, min_score=0.3)
    figures = place_poses([pose], (90, 70, 320, 240), mirror=False, min_score=0.3)
    Painter("RGB").paint(within, Drawing(skeletons(figures)))
    assert (within[70:310, 90:410] == alone).all()
