from __future__ import annotations

import math

import numpy as np
import pytest
from helpers import person
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

from pose_edge.estimators.crop import Crop, next_crop, torso_visible, whole_frame
from pose_edge.poses import FloatArray, Keypoint

MIN_SCORE = float(np.float32(0.2))
"""As exact as the scores, so that no comparison depends on how numpy mixes the two types."""

WIDTHS = st.integers(16, 4000)
COORDINATES = st.floats(-0.5, 1.5, width=32)
SCORES = st.one_of(st.floats(0, 1, width=32), st.sampled_from([0.0, 0.19921875, 0.203125, 1.0]))
KEYPOINTS = st.builds(
    lambda xy, scores: np.column_stack([xy, scores]).astype(np.float32),
    hnp.arrays(np.float32, (17, 2), elements=COORDINATES),
    hnp.arrays(np.float32, 17, elements=SCORES),
)
PERSONS = st.builds(
    lambda x, y, scale, score: person(score, centre=(x, y), scale=scale),
    st.floats(0.0, 1.0),
    st.floats(0.0, 1.0),
    st.floats(0.05, 1.5),
    st.floats(0.25, 1.0),
)
ANYBODY = st.one_of(KEYPOINTS, PERSONS)


def reference(keypoints: FloatArray, width: int, height: int) -> tuple[float, float, float]:
    """Return left, top and edge by FACTS section 4, in plain Python, joint by joint."""
    letterbox = float(max(width, height))
    reset = ((width - letterbox) / 2, (height - letterbox) / 2, letterbox)
    points = [(float(x) * width, float(y) * height, float(s)) for x, y, s in keypoints]
    shoulders, hips = points[5:7], points[11:13]
    if not any(s > MIN_SCORE for *_, s in shoulders) or not any(s > MIN_SCORE for *_, s in hips):
        return reset
    cx = (hips[0][0] + hips[1][0]) / 2
    cy = (hips[0][1] + hips[1][1]) / 2
    torso_x = max(abs(x - cx) for x, _, _ in shoulders + hips)
    torso_y = max(abs(y - cy) for _, y, _ in shoulders + hips)
    body_x = max(abs(x - cx) for x, _, s in points if s >= MIN_SCORE)
    body_y = max(abs(y - cy) for _, y, s in points if s >= MIN_SCORE)
    half = max(1.9 * torso_x, 1.9 * torso_y, 1.2 * body_x, 1.2 * body_y)
    half = min(half, max(cx, width - cx, cy, height - cy))
    if half > letterbox / 2 or half < 1:
        return reset
    return (cx - half, cy - half, 2 * half)


@given(ANYBODY, WIDTHS, WIDTHS)
def test_the_formula(keypoints: FloatArray, width: int, height: int) -> None:
    crop = next_crop(keypoints, width, height, MIN_SCORE)
    left, top, size = reference(keypoints, width, height)
    if math.isclose(size, max(width, height), rel_tol=1e-9) != (crop.size == max(width, height)):
        return  # at the very limit rounding decides
    assert (crop.left, crop.top, crop.size) == pytest.approx((left, top, size), rel=1e-6, abs=1e-3)


@given(ANYBODY, WIDTHS, WIDTHS)
def test_a_crop_is_the_whole_frame_or_a_smaller_square_around_the_hips(
    keypoints: FloatArray, width: int, height: int
) -> None:
    crop = next_crop(keypoints, width, height, MIN_SCORE)
    whole = whole_frame(width, height)
    assert 0 < crop.size <= max(width, height)
    assert crop.width == crop.height
    if crop == whole:
        return
    hips = keypoints[[Keypoint.LEFT_HIP, Keypoint.RIGHT_HIP], :2].mean(axis=0, dtype=np.float64)
    assert crop.left + crop.size / 2 == pytest.approx(hips[0] * width, abs=0.01)
    assert crop.top + crop.size / 2 == pytest.approx(hips[1] * height, abs=0.01)


@given(ANYBODY, WIDTHS, WIDTHS)
def test_a_crop_holds_every_keypoint_that_counts_and_lies_in_the_frame(
    keypoints: FloatArray, width: int, height: int
) -> None:
    crop = next_crop(keypoints, width, height, MIN_SCORE)
    for x, y, score in keypoints.tolist():
        if score >= MIN_SCORE and 0 <= x <= 1 and 0 <= y <= 1:
            assert crop.left - 0.01 <= x * width <= crop.left + crop.size + 0.01
            assert crop.top - 0.01 <= y * height <= crop.top + crop.size + 0.01


@given(WIDTHS, WIDTHS)
def test_the_whole_frame_is_letterboxed(width: int, height: int) -> None:
    crop = whole_frame(width, height)
    assert crop.size == max(width, height)
    assert crop.left == -(crop.size - width) / 2
    assert crop.top == -(crop.size - height) / 2
    x0, y0, x1, y1 = crop.normalised(width, height)
    assert (x0 + x1, y0 + y1) == pytest.approx((1, 1))
    assert min(x0, y0) <= 0
    assert max(x1, y1) >= 1


@given(WIDTHS, WIDTHS, st.sampled_from([1.0, 16 / 9, 0.75]))
def test_padding_to_another_shape_is_no_more_than_needed(
    width: int, height: int, aspect: float
) -> None:
    crop = whole_frame(width, height, aspect)
    assert crop.width / crop.height == pytest.approx(aspect)
    assert crop.width >= width - 1e-6
    assert crop.height >= height - 1e-6
    assert min(crop.width - width, crop.height - height) == pytest.approx(0, abs=1e-6)
    assert crop.left * 2 + crop.width == pytest.approx(width, abs=1e-6)
    assert crop.top * 2 + crop.height == pytest.approx(height, abs=1e-6)
    assert crop.size == max(crop.width, crop.height)


@pytest.mark.parametrize(
    "hidden",
    [
        (Keypoint.LEFT_SHOULDER, Keypoint.RIGHT_SHOULDER),
        (Keypoint.LEFT_HIP, Keypoint.RIGHT_HIP),
    ],
)
def test_without_a_torso_the_whole_frame_is_looked_at(hidden: tuple[Keypoint, Keypoint]) -> None:
    keypoints = person(scale=0.3)
    assert next_crop(keypoints, 640, 480, MIN_SCORE) != whole_frame(640, 480)
    keypoints[list(hidden), 2] = 0.2  # visible is what is above the threshold
    assert not torso_visible(keypoints, MIN_SCORE)
    assert next_crop(keypoints, 640, 480, MIN_SCORE) == whole_frame(640, 480)
    keypoints[hidden[1], 2] = 0.21  # one of the two is enough
    assert torso_visible(keypoints, MIN_SCORE)
    assert next_crop(keypoints, 640, 480, MIN_SCORE) != whole_frame(640, 480)


@pytest.mark.parametrize(
    "arm",
    [
        (Keypoint.LEFT_WRIST, (0.75, 0.42)),
        (Keypoint.RIGHT_WRIST, (0.25, 0.42)),
        (Keypoint.LEFT_ANKLE, (0.5, 0.78)),
        (Keypoint.LEFT_WRIST, (0.55, 0.22)),
    ],
)
def test_spread_arms_and_legs_are_not_cut_off(arm: tuple[Keypoint, tuple[float, float]]) -> None:
    """The TensorFlow sample for the Raspberry Pi fails this: wrists never count there."""
    keypoint, (x, y) = arm
    keypoints = person(scale=0.3, places={keypoint: (x, y)})
    crop = next_crop(keypoints, 1280, 720, MIN_SCORE)
    assert crop != whole_frame(1280, 720)
    reach = max(abs(x - 0.5) * 1280, abs(y - 0.5) * 720)
    assert crop.size / 2 == pytest.approx(1.2 * reach, rel=1e-5)
    assert crop.left < x * 1280 < crop.left + crop.size
    assert crop.top < y * 720 < crop.top + crop.size


def test_junk_does_not_stretch_the_crop() -> None:
    plain = next_crop(person(scale=0.3), 1280, 720, MIN_SCORE)
    junk = person(
        scale=0.3, places={Keypoint.LEFT_WRIST: (1, 1)}, scores={Keypoint.LEFT_WRIST: 0.19}
    )
    assert next_crop(junk, 1280, 720, MIN_SCORE) == plain


def test_who_fills_the_picture_is_seen_whole() -> None:
    assert next_crop(person(scale=1.6), 640, 640, MIN_SCORE) == whole_frame(640, 640)


def test_a_person_shrunk_to_a_point_gives_the_whole_frame() -> None:
    assert next_crop(person(scale=0.0), 640, 480, MIN_SCORE) == whole_frame(640, 480)


def test_the_crop_may_reach_outside_of_the_frame() -> None:
    crop = next_crop(person(centre=(0.05, 0.5), scale=0.5), 640, 480, MIN_SCORE)
    assert crop.left < 0
    assert crop.normalised(640, 480)[0] < 0


def test_normalised() -> None:
    assert Crop.square(64, -48, 320).normalised(640, 480) == pytest.approx(
        (0.1, -0.1, 0.6, 272 / 480)
    )
