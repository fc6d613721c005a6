from __future__ import annotations

import math

import numpy as np
import pytest
from helpers import oks, person
from hypothesis import given
from hypothesis import strategies as st
from tracking.scenes import BODIES

from pose_edge.poses import Box, FloatArray, Keypoint
from pose_edge.tracking import SIGMAS, iou, oks_matrix

SIZES = st.tuples(st.integers(16, 4000), st.integers(16, 4000))
BOXES = st.tuples(*[st.floats(0, 1) for _ in range(4)]).map(
    lambda b: (min(b[0], b[2]), min(b[1], b[3]), max(b[0], b[2]), max(b[1], b[3]))
)


@given(BODIES, BODIES, SIZES)
def test_oks_is_between_0_and_1(a: FloatArray, b: FloatArray, size: tuple[int, int]) -> None:
    assert 0.0 <= oks(a, b, *size) <= 1.0


@given(BODIES, SIZES)
def test_a_pose_is_as_like_itself_as_can_be(a: FloatArray, size: tuple[int, int]) -> None:
    assert oks(a, a, *size) == pytest.approx(1.0)


@pytest.mark.parametrize("count", [0, 1, 3])
def test_few_keypoints_in_one_place_are_as_like_themselves(count: int) -> None:
    a = person(0.1, scale=0.0)
    a[:count, 2] = 0.9
    assert oks(a, a, 1280, 720) == pytest.approx(1.0)
    assert oks(person(0.9), a, 1280, 720) < 0.5


def test_oks_is_the_formula_of_coco() -> None:
    track = person(0.9)
    pose = track.copy()
    pose[:, 0] += 0.01
    x0, y0 = track[:, :2].min(axis=0) * (1280, 720)
    x1, y1 = track[:, :2].max(axis=0) * (1280, 720)
    area = (x1 - x0) * (y1 - y0)
    expected = np.mean([math.exp(-(12.8**2) / (2 * area * (2 * s) ** 2)) for s in SIGMAS])
    assert oks(pose, track, 1280, 720) == pytest.approx(expected, rel=1e-4)


@given(st.floats(-0.1, 0.1), st.floats(-0.1, 0.1), SIZES)
def test_oks_of_bodies_of_one_size_is_symmetric(
    dx: float, dy: float, size: tuple[int, int]
) -> None:
    a, b = person(0.9), person(0.9, centre=(0.5 + dx, 0.5 + dy))
    assert oks(a, b, *size) == pytest.approx(oks(b, a, *size), abs=1e-4)


def test_a_step_across_a_wide_frame_is_longer_than_the_same_step_down_it() -> None:
    track, across, down = person(), person(centre=(0.53, 0.5)), person(centre=(0.5, 0.53))
    assert oks(across, track, 1280, 720) < oks(down, track, 1280, 720)
    assert oks(across, track, 720, 720) == pytest.approx(oks(down, track, 720, 720), abs=1e-5)


@given(st.floats(0.2, 5.0))
def test_resolution_does_not_matter(factor: float) -> None:
    track, pose = person(), person(centre=(0.53, 0.5))
    size = (round(1600 * factor) * 2, round(900 * factor) * 2)
    assert oks(pose, track, *size) == pytest.approx(oks(pose, track, 3200, 1800), abs=0.01)


def test_unsure_keypoints_do_not_count() -> None:
    four = {Keypoint.NOSE: 0.9, Keypoint.LEFT_HIP: 0.9, Keypoint.RIGHT_HIP: 0.9}
    four[Keypoint.LEFT_KNEE] = 0.9
    far = {Keypoint.RIGHT_ANKLE: (0.0, 0.0)}
    assert oks(person(0.2, scores=four, places=far), person(), 1280, 720) == pytest.approx(1.0)


def test_too_few_in_common_are_no_likeness() -> None:
    upper = {keypoint: 0.9 for keypoint in Keypoint if keypoint <= Keypoint.RIGHT_HIP}
    lower = {keypoint: 0.9 for keypoint in Keypoint if keypoint >= Keypoint.LEFT_WRIST}
    one = person(0.1, scores=upper)
    assert oks(one, person(0.1, scores=lower), 1280, 720) == pytest.approx(1.0)
    del lower[Keypoint.RIGHT_HIP]
    assert oks(one, person(0.1, scores=lower), 1280, 720) == 0.0


def test_a_score_that_is_no_number_does_not_count() -> None:
    nan = person(0.9)
    nan[:, 2] = np.nan
    assert oks(nan, person(), 1280, 720) == 0.0


def test_a_body_seen_from_the_side_keeps_a_size() -> None:
    track, pose = person(), person()
    track[:, 0] = 0.5
    pose[:, 0] = 0.505
    assert oks(pose, track, 720, 720) > 0.5


def test_a_matrix_holds_every_pair() -> None:
    poses = np.stack([person(centre=(x, 0.5)) for x in (0.3, 0.5, 0.7)])
    tracks = np.stack([person(centre=(x, 0.5), scale=0.7) for x in (0.31, 0.68)])
    matrix = oks_matrix(poses, tracks, 1280, 720)
    assert matrix.shape == (3, 2)
    for i, pose in enumerate(poses):
        for j, track in enumerate(tracks):
            assert matrix[i, j] == pytest.approx(oks(pose, track, 1280, 720))
    assert matrix[0, 0] > matrix[1, 0] > matrix[2, 0]


@given(BOXES, BOXES)
def test_overlap_is_between_0_and_1_and_symmetric(a: Box, b: Box) -> None:
    assert 0.0 <= iou(a, b) <= 1.0
    assert iou(a, b) == pytest.approx(iou(b, a))


def test_overlap_of_boxes() -> None:
    assert iou((0, 0, 1, 1), (0, 0, 1, 1)) == 1.0
    assert iou((0, 0, 0.5, 1), (0.25, 0, 0.75, 1)) == pytest.approx(1 / 3)
    assert iou((0, 0, 0.5, 1), (0.5, 0, 1, 1)) == pytest.approx(0.0, abs=1e-6)


@given(BOXES)
def test_a_box_overlaps_itself_wholly(a: Box) -> None:
    assert iou(a, a) == 1.0


@pytest.mark.parametrize("box", [(0.0, 0.0, 0.0, 0.0), (0.4, 0.5, 0.4, 0.5), (0.2, 0.5, 0.7, 0.5)])
def test_a_box_without_an_area_overlaps_only_what_is_there(box: Box) -> None:
    x0, y0, x1, y1 = box
    assert iou(box, box) == 1.0
    assert iou(box, (x0, y0 + 0.01, x1, y1 + 0.01)) == 0.0
    assert iou(box, (0.0, 0.0, 1.0, 1.0)) < 1e-6
