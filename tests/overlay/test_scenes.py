"""The layout of whole scenes: where each part lies, and what it covers."""

from __future__ import annotations

import numpy as np
import pytest
from helpers import make_frame, make_result, noise, person
from hypothesis import given, settings
from hypothesis import strategies as st

from pose_edge.config.schema import OverlaySettings
from pose_edge.displays.screen_layout import placed_picture
from pose_edge.overlay import Drawing, Readout, Rectangle, Renderer, Size, Stamp
from pose_edge.overlay.figures import place_poses
from pose_edge.poses import Keypoint, Pose
from pose_edge.telemetry import Telemetry

SCREENS = [(640, 480), (1280, 720), (1920, 1080), (1080, 1920)]
PICTURES = [(640, 480), (1280, 720), (720, 1280)]


def someone(x: float, y: float, scale: float, number: int = 1) -> Pose:
    keypoints = person(0.9)
    keypoints[:, :2] = (keypoints[:, :2] - 0.5) * scale + (x, y)
    return Pose(keypoints, 0.9, (0, 0, 1, 1), number)


def drawing_of(
    poses: list[Pose],
    picture: Size,
    screen: Size,
    overlay: OverlaySettings | None = None,
    fault: str | None = None,
) -> tuple[Drawing, Rectangle]:
    """Return the drawing of a scene, and the rectangle of its picture on the screen."""
    telemetry = Telemetry()
    telemetry.add({"latency": 44.0})
    telemetry.set_fault("recording", fault)
    readout = Readout(telemetry, source=lambda: "a test", live=True)
    painter = Renderer(overlay or OverlaySettings(), mirror=False, readout=readout)
    scene = painter.scene(make_result(make_frame(noise(*picture)), poses))
    place = placed_picture(scene.size, screen)
    return scene.overlay(screen, place), place


def crosses(stamp: Stamp, drawing: Drawing) -> bool:
    """Return whether any line or disc of a drawing touches a stamp."""
    x, y, width, height = stamp.place
    ends, radii = drawing.capsules.ends, drawing.capsules.radii[:, None]
    along = np.linspace(0, 1, 200)[:, None, None]
    points = ends[:, :2] + (ends[:, 2:] - ends[:, :2]) * along
    near = (points > np.array([x, y]) - radii) & (
        points < np.array([x + width, y + height]) + radii
    )
    return bool(near.all(axis=2).any())


@pytest.mark.parametrize("screen", SCREENS)
@pytest.mark.parametrize("picture", PICTURES)
@pytest.mark.parametrize("kind", ["short", "full"])
def test_the_read_out_lies_on_the_screen_and_nothing_is_drawn_across_its_text(
    screen: Size, picture: Size, kind: str
) -> None:
    people = [someone(0.2, 0.3, 0.6), someone(0.7, 0.6, 0.7, 2)]
    overlay = OverlaySettings.model_validate({"readout": kind, "crop": True})
    drawing, _ = drawing_of(people, picture, screen, overlay, fault="the disk is full")
    *badges, readout = drawing.stamps
    assert len(badges) == 2
    x, y, width, height = readout.place
    assert 0 <= x < x + width <= screen[0]
    assert 0 <= y < y + height <= screen[1]
    # Capsules are painted first, then the stamps in order: the readout is on top.
    assert drawing.stamps[-1] is readout


@pytest.mark.parametrize("screen", SCREENS)
@pytest.mark.parametrize(
    ("x", "y", "corner"), [(0.2, 0.25, (1, 0)), (0.8, 0.25, (0, 0)), (0.2, 0.75, (0, 0))]
)
def test_the_pill_is_in_a_corner_without_anybody(
    screen: Size, x: float, y: float, corner: tuple[int, int]
) -> None:
    drawing, place = drawing_of([someone(x, y, 0.5)], screen, screen)
    (pill,) = drawing.stamps
    assert place == (0, 0, *screen)
    assert not crosses(pill, drawing)
    left, top, width, height = pill.place
    middle = left + width / 2 > screen[0] / 2, top + height / 2 > screen[1] / 2
    assert middle == tuple(map(bool, corner))


def test_the_pill_keeps_off_a_hand_that_is_raised_above_the_wrist() -> None:
    pose = someone(0.5, 0.6, 0.7)
    arm = [Keypoint.RIGHT_ELBOW, Keypoint.RIGHT_WRIST]
    pose.keypoints[arm, :2] = [(0.1, 0.32), (0.09, 0.15)]
    drawing, _ = drawing_of([pose], (1280, 720), (1280, 720))
    assert drawing.stamps[-1].x > 640


def test_with_people_in_three_corners_the_pill_is_in_the_fourth() -> None:
    places = [(0.15, 0.25), (0.85, 0.25), (0.15, 0.75)]
    people = [someone(x, y, 0.5, i + 1) for i, (x, y) in enumerate(places)]
    drawing, _ = drawing_of(people, (1280, 720), (1280, 720))
    x, y, _, _ = drawing.stamps[-1].place
    assert x > 640
    assert y > 360


@pytest.mark.parametrize(
    ("picture", "screen"),
    [((1280, 720), (640, 480)), ((720, 1280), (1280, 720)), ((640, 480), (1280, 720))],
)
def test_the_pill_is_in_a_bar_where_one_holds_it(picture: Size, screen: Size) -> None:
    """In a narrow bar the figures of the pill are stacked."""
    drawing, place = drawing_of([someone(0.5, 0.5, 0.9)], picture, screen)
    (pill,) = drawing.stamps
    x, y, width, height = pill.place
    assert x + width <= place[0] or y + height <= place[1]


@settings(max_examples=30, deadline=None)
@given(
    st.lists(st.tuples(st.floats(0.1, 0.9), st.floats(0.1, 0.9), st.floats(0.05, 0.8)), max_size=6),
    st.sampled_from(SCREENS),
    st.sampled_from(PICTURES),
)
def test_no_other_corner_hides_fewer_keypoints(
    people: list[tuple[float, float, float]], screen: Size, picture: Size
) -> None:
    poses = [someone(x, y, scale, i + 1) for i, (x, y, scale) in enumerate(people)]
    drawing, place = drawing_of(poses, picture, screen)
    x, y, width, height = drawing.stamps[-1].place
    figures = place_poses(poses, place, mirror=False, min_score=0.25)
    points = figures.points[figures.visible]

    def hidden(left: float, top: float) -> int:
        inside = (points > (left, top)) & (points < (left + width, top + height))
        return int(inside.all(axis=1).sum())

    if place[0] <= x and place[1] <= y:  # the pill is inside the picture
        other_x = 2 * place[0] + place[2] - x - width
        other_y = 2 * place[1] + place[3] - y - height
        corners = [(x, y), (other_x, y), (x, other_y), (other_x, other_y)]
        if any(hidden(*corner) == 0 for corner in corners):
            assert hidden(x, y) <= 2
    else:
        assert hidden(x, y) == 0


@settings(max_examples=30, deadline=None)
@given(st.floats(-0.5, 1.5), st.floats(-0.5, 1.5), st.floats(0.2, 3), st.sampled_from(PICTURES))
def test_no_line_begins_or_ends_outside_the_picture(
    x: float, y: float, scale: float, picture: Size
) -> None:
    """Estimators clip keypoints outside the picture to its border, where they are not drawn."""
    pose = someone(x, y, scale)
    np.clip(pose.keypoints, 0.0, 1.0, out=pose.keypoints)
    drawing, (left, top, width, height) = drawing_of([pose], picture, (1280, 720))
    ends = drawing.capsules.ends.reshape(-1, 2)
    assert (ends > (left, top)).all()
    assert (ends < (left + width, top + height)).all()
