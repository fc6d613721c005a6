from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from helpers import make_frame, make_result, noise, person, pose, smooth

from pose_edge.config.schema import OverlaySettings
from pose_edge.frames import ColourOrder, Image
from pose_edge.overlay import Readout, Renderer, Scene
from pose_edge.poses import Keypoint, Pose, Result
from pose_edge.telemetry import Telemetry

NOTHING = OverlaySettings(skeleton=False, readout="off", crop=False)
ALL = OverlaySettings(skeleton=True, readout="short", crop=True)


def renderer(
    settings: OverlaySettings = NOTHING, *, mirror: bool = False, readout: bool = False
) -> Renderer:
    numbers = Readout(Telemetry(), source=lambda: "a test", live=True) if readout else None
    return Renderer(settings, mirror=mirror, readout=numbers)


def painted(painter: Renderer, result: Result) -> Image:
    return painter.draw(painter.scene(result))


@pytest.mark.parametrize("order", ["RGB", "BGR"])
@pytest.mark.parametrize("mirror", [False, True])
def test_with_no_part_turned_on_the_picture_is_a_copy_of_the_frame(
    order: ColourOrder, mirror: bool
) -> None:
    image = noise(64, 48)
    before = image.copy()
    result = make_result(make_frame(image, order=order), [pose()])
    drawn = painted(renderer(mirror=mirror), result)
    assert (drawn == (image[:, ::-1] if mirror else image)).all()
    assert not np.shares_memory(drawn, image)
    drawn[:] = 0
    assert (image == before).all()


def test_the_frame_itself_is_never_drawn_on() -> None:
    """Otherwise the model's next pass and the recording would contain the skeleton."""
    image = smooth(320, 240)
    before = image.copy()
    result = replace(make_result(make_frame(image), [pose()]), crop=(0.1, 0.1, 0.9, 0.9))
    drawn = painted(renderer(ALL, readout=True), result)
    assert (drawn != before).any()
    assert (image == before).all()


@pytest.mark.parametrize("what", ["skeleton", "readout", "crop"])
def test_each_part_can_be_turned_on_alone(what: str) -> None:
    image = smooth(640, 480)
    result = replace(make_result(make_frame(image), [pose()]), crop=(0.55, 0.55, 0.9, 0.9))
    painter = renderer(
        NOTHING.model_copy(update={what: "short" if what == "readout" else True}), readout=True
    )
    changed = (painted(painter, result) != image).any(axis=2)
    ys, xs = np.nonzero(changed)
    assert changed.any()
    if what == "readout":
        assert (xs.max() / 640, ys.max() / 480) < (0.5, 0.2)
        assert (xs.min(), ys.min()) < (64, 48)
    elif what == "crop":
        assert (xs.min() / 640, ys.min() / 480) == pytest.approx((0.55, 0.55), abs=0.02)
    else:
        assert xs.min() / 640 == pytest.approx(0.42, abs=0.04)
        assert ys.max() / 480 == pytest.approx(0.8, abs=0.04)


def test_a_change_of_the_settings_applies_to_the_next_picture() -> None:
    image = smooth(320, 240)
    painter = renderer(OverlaySettings(readout="off"))
    result = make_result(make_frame(image), [pose()])
    assert (painted(painter, result) != image).any()
    painter.change(skeleton=False)
    assert (painted(painter, result) == image).all()
    assert painter.settings == OverlaySettings(readout="off", skeleton=False)


def test_without_people_no_skeleton_stays() -> None:
    image = smooth(320, 240)
    painter = renderer(OverlaySettings(readout="off"))
    painted(painter, make_result(make_frame(image), [pose()]))
    assert (painted(painter, make_result(make_frame(image), [])) == image).all()


def test_a_mirror_turns_picture_and_skeleton_together() -> None:
    image = np.zeros((240, 320, 3), dtype=np.uint8)
    lone = np.zeros((17, 3), dtype=np.float32)
    lone[Keypoint.NOSE] = (0.25, 0.5, 0.9)
    image[116:125, 76:85] = 255  # a white square at the nose
    result = make_result(make_frame(image), [Pose(lone, 0.9, (0.25, 0.5, 0.25, 0.5))])
    plain = painted(renderer(OverlaySettings(readout="off")), result).copy()
    mirrored = painted(renderer(OverlaySettings(readout="off"), mirror=True), result)
    assert (plain[:, 180:] == 0).all()
    assert (mirrored[:, :140] == 0).all()
    assert mirrored[120, 239].any()
    assert np.abs(mirrored[:, ::-1].astype(int) - plain).mean() < 1


def test_mirroring_leaves_left_and_right_to_the_person() -> None:
    """A left arm has the colour of the left side, mirrored or not."""
    image = np.zeros((120, 160, 3), dtype=np.uint8)
    arm = person(0.0, scores=dict.fromkeys((Keypoint.LEFT_ELBOW, Keypoint.LEFT_WRIST), 0.9))
    result = make_result(make_frame(image), [Pose(arm, 0.9, (0, 0, 1, 1))])
    plain = painted(renderer(OverlaySettings(readout="off")), result).copy()
    mirrored = painted(renderer(OverlaySettings(readout="off"), mirror=True), result)

    def colours(picture: np.ndarray[tuple[int, ...], np.dtype[np.uint8]]) -> set[tuple[int, ...]]:
        found, counts = np.unique(picture.reshape(-1, 3), axis=0, return_counts=True)
        return {tuple(c.tolist()) for c, n in zip(found, counts, strict=True) if n > 8}

    assert colours(plain) == colours(mirrored)


def test_weak_keypoints_are_not_drawn() -> None:
    image = smooth(320, 240)
    painter = renderer(OverlaySettings(readout="off", min_keypoint_score=0.5))
    weak = Pose(person(0.45), 0.45, (0, 0, 1, 1))
    assert (painted(painter, make_result(make_frame(image), [weak])) == image).all()


def test_frames_of_another_size_get_another_canvas() -> None:
    painter = renderer(ALL, readout=True)
    for width, height in ((640, 480), (1920, 1080), (32, 24), (480, 640), (640, 480)):
        drawn = painted(painter, make_result(make_frame(noise(width, height)), [pose()]))
        assert drawn.shape == (height, width, 3)


def test_the_canvas_is_used_again() -> None:
    painter = renderer()
    first = painted(painter, make_result(make_frame(noise(64, 48))))
    second = painted(painter, make_result(make_frame(noise(64, 48, 2))))
    assert first is second


def stamped(scene: Scene, size: tuple[int, int]) -> Image:
    """Return the picture of a scene that consists of a single stamp."""
    drawing = scene.overlay(size, (0, 0, *size))
    (stamp,) = drawing.stamps
    assert (stamp.x, stamp.y) == (0, 0)
    return stamp.picture


def test_a_message_stays_the_same_scene_until_a_result_or_another_message_comes() -> None:
    painter = renderer()
    first = painter.message("No picture", "camera", "gone since 12:00")
    assert first.image is None
    assert first.size == (1280, 720)
    assert painter.message("No picture", "camera", "gone since 12:00") is first
    other = painter.message("No picture", "camera", "still gone")
    assert other is not first
    assert (stamped(first, (640, 480)) != stamped(other, (640, 480))).any()
    painter.scene(make_result(make_frame(noise(640, 480))))
    again = painter.message("No picture", "camera", "still gone")
    assert again is not other
    assert again.size == (640, 480)


def test_a_message_is_set_in_the_size_of_the_screen_and_once() -> None:
    scene = renderer().message("No picture", "camera")
    picture = stamped(scene, (1920, 1080))
    assert picture.shape == (1080, 1920, 4)
    assert stamped(scene, (1920, 1080)) is picture
    assert stamped(scene, (480, 640)).shape == (640, 480, 4)


def test_a_scene_can_be_painted_again_without_its_frame_and_follows_the_keys() -> None:
    painter = renderer(OverlaySettings(readout="off"))
    scene = painter.scene(make_result(make_frame(noise(64, 48)), [pose()])).without_image()
    assert scene.image is None
    assert scene.size == (64, 48)
    drawing = scene.overlay((640, 480), (0, 0, 640, 480))
    assert len(drawing.capsules)
    painter.change(skeleton=False)
    assert not len(scene.overlay((640, 480), (0, 0, 640, 480)).capsules)


def test_numbers_come_with_several_people_only() -> None:
    painter = renderer(OverlaySettings(readout="off"))
    one, two = replace(pose(), id=1), replace(pose(), id=2)
    for poses, count in (([one], 0), ([one, two], 2)):
        scene = painter.scene(make_result(make_frame(noise(64, 48)), poses))
        assert len(scene.overlay((640, 480), (0, 0, 640, 480)).stamps) == count
