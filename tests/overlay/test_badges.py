from __future__ import annotations

import itertools

import numpy as np
import pytest
from helpers import person

from pose_edge.overlay import Rectangle, Size, Stamp
from pose_edge.overlay.badges import UNSEEN_NS, Badges
from pose_edge.overlay.figures import FACE, Figures, place_poses
from pose_edge.overlay.palette import INK, WHITE
from pose_edge.overlay.placement import LOOK_NS
from pose_edge.poses import Keypoint, Pose

SIZE = (1280, 720)


def at(x: float, y: float, number: int | None, scale: float = 0.5) -> Pose:
    """Return a pose centred at a place, with no hand raised."""
    keypoints = person(0.9)
    keypoints[:, :2] = (keypoints[:, :2] - 0.5) * scale + (x, y)
    return Pose(keypoints, 0.9, (0, 0, 1, 1), number)


def figures_of(poses: list[Pose], size: Size = SIZE) -> Figures:
    return place_poses(poses, (0, 0, *size), mirror=False, min_score=0.3)


def stamps_of(poses: list[Pose], badges: Badges | None = None, size: Size = SIZE) -> list[Stamp]:
    """Return the badges in the order of the people."""
    numbers = [pose.id for pose in poses]
    badges = badges or Badges()
    return badges.stamps(numbers, figures_of(poses, size), size, "side")[::-1]


def overlap(a: Rectangle, b: Rectangle) -> bool:
    return all(a[i] < b[i] + b[i + 2] and b[i] < a[i] + a[i + 2] for i in (0, 1))


def test_a_single_person_has_no_badge_nor_has_one_without_a_number() -> None:
    assert stamps_of([at(0.5, 0.5, 1)]) == []
    assert len(stamps_of([at(0.3, 0.5, 1), at(0.7, 0.5, None)])) == 1
    unseen = Pose(np.zeros((17, 3), np.float32), 0.5, (0, 0, 0, 0), 2)
    assert len(stamps_of([at(0.3, 0.5, 1), unseen])) == 1


@pytest.mark.parametrize("size", [(640, 480), (1280, 720), (1920, 1080), (1080, 1920)])
@pytest.mark.parametrize("count", [2, 3, 6])
def test_badges_lie_beside_the_heads_on_nobody_and_in_the_picture(count: int, size: Size) -> None:
    people = [at((i + 0.5) / count, 0.5, i + 1, 1.2 / count) for i in range(count)]
    figures, stamps = figures_of(people, size), stamps_of(people, size=size)
    assert len(stamps) == count
    for index, stamp in enumerate(stamps):
        x, y, width, height = stamp.place
        assert 0 <= x < x + width <= size[0]
        assert 0 <= y < y + height <= size[1]
        face = figures.points[index, FACE]
        nose = face[Keypoint.NOSE]
        tall = float(figures.heights()[index])
        assert np.hypot(x + width / 2 - nose[0], y + height / 2 - nose[1]) < 0.3 * tall + 60
        inside = (figures.points > (x, y)) & (figures.points < (x + width, y + height))
        assert not inside.all(axis=2).any()
    for a, b in itertools.combinations(stamps, 2):
        assert not overlap(a.place, b.place)


def test_a_badge_keeps_off_a_raised_hand_and_comes_back_late() -> None:
    now = [10**12]
    badges = Badges(lambda: now[0])
    people = [at(0.3, 0.5, 1), at(0.7, 0.5, 2)]
    before = stamps_of(people, badges)[0]
    x, y, width, height = before.place
    raised = at(0.3, 0.5, 1)
    middle = (x + width / 2) / SIZE[0], (y + height / 2) / SIZE[1]
    raised.keypoints[[Keypoint.LEFT_WRIST, Keypoint.LEFT_ELBOW], :2] = middle
    people[0] = raised
    now[0] += LOOK_NS
    assert stamps_of(people, badges)[0].place == before.place, "it does not hop"
    for _ in range(10):
        now[0] += LOOK_NS
        after = stamps_of(people, badges)[0]
    assert not overlap(after.place, before.place)
    now[0] += UNSEEN_NS + 1
    stamps_of([at(0.6, 0.5, 3), at(0.7, 0.5, 2)], badges)
    people[0] = at(0.3, 0.5, 1)
    assert stamps_of(people, badges)[0].place == before.place


def test_a_badge_has_a_rim_that_is_seen_on_dark() -> None:
    (stamp, _) = stamps_of([at(0.3, 0.5, 1), at(0.7, 0.5, 2)])
    middle = stamp.picture[stamp.picture.shape[0] // 2]
    opaque = middle[middle[:, 3] == 255]
    assert tuple(opaque[0, :3]) == WHITE
    assert tuple(opaque[5, :3]) == INK


def test_the_same_badge_is_the_same_array() -> None:
    people = [at(0.3, 0.5, 1), at(0.7, 0.5, 2)]
    first, second = stamps_of(people), stamps_of(people)
    assert [a.picture is b.picture for a, b in zip(first, second, strict=True)] == [True, True]
