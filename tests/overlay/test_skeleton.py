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
from pose_edge.overlay.paint import Painter
from pose_edge.overlay.palette import KEYPOINT_COLOURS, ORANGE, SKY_BLUE, WHITE, limb_colour
from pose_edge.overlay.skeleton import number_stamps, place_poses, skeletons
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
    stamps = number_stamps(poses, figures)
    Painter(order).paint(canvas, Drawing(skeletons(figures), tuple(stamps)))


def someone(number: int | None = None) -> Pose:
    """Return a person who stands in the middle, all visible, the left side to the right."""
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
    """Tell whether pictures differ only by a shift of edges below one pixel, and its blending."""
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
    for a, b in SKELETON[4:]:  # in the face joints cover the lines
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
    second.keypoints[:, 0] = 1 - second.keypoints[:, 0]  # the same place, the sides swapped
    canvas = ground(640, 480)
    draw_poses(canvas, "RGB", [first, second], mirror=False, min_score=0.3)
    shin = middle(first, Keypoint.LEFT_KNEE, Keypoint.LEFT_ANKLE)
    assert at(canvas, *shin) == SKY_BLUE


def test_with_several_people_a_number_is_shown_above_the_head() -> None:
    unseen = Pose(np.zeros((17, 3), np.float32), 0.5, (0, 0, 0, 0))
    alone = ground(640, 480)
    draw_poses(alone, "RGB", [someone(12)], mirror=False, min_score=0.3)
    plain, numbered = ground(640, 480), ground(640, 480)
    draw_poses(plain, "RGB", [someone(), unseen], mirror=False, min_score=0.3)
    draw_poses(numbered, "RGB", [someone(12), unseen], mirror=False, min_score=0.3)
    assert (alone == plain).all()
    rows, columns = np.nonzero((plain != numbered).any(axis=2))
    assert rows.max() < 0.18 * 480
    assert 0.45 * 640 < columns.mean() < 0.55 * 640


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


def test_lines_keep_their_share_of_the_picture_at_every_size() -> None:
    pose = someone()
    shares = []
    for width, height in ((640, 480), (1280, 960), (1920, 1440)):
        canvas = ground(width, height)
        draw_poses(canvas, "RGB", [pose], mirror=False, min_score=0.3)
        shares.append((canvas != GREEN).any(axis=2).mean())
    assert max(shares) / min(shares) < 1.35  # smoothed edges weigh more in small pictures


def test_a_picture_that_lies_elsewhere_gets_the_same_drawing_there() -> None:
    pose = someone()
    alone, within = ground(320, 240), ground(500, 400)
    draw_poses(alone, "RGB", [pose], mirror=False, min_score=0.3)
    figures = place_poses([pose], (90, 70, 320, 240), mirror=False, min_score=0.3)
    Painter("RGB").paint(within, Drawing(skeletons(figures)))
    assert (within[70:310, 90:410] == alone).all()
