from __future__ import annotations

import math

import cv2
import numpy as np
import pytest
from helpers import noise, person, smooth
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

from pose_edge.estimators.crop import (
    Crop,
    input_to_frame,
    next_crop,
    settled_crop,
    square_around,
    to_frame,
    torso_visible,
    warp_into,
    whole_frame,
)
from pose_edge.frames import ColourOrder, Image
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


# --- from frame to frame --------------------------------------------------------------------------

PARTS = st.floats(-0.06, 0.06)


@given(st.floats(1, 2000), st.floats(1, 2000), PARTS, PARTS, PARTS)
def test_a_crop_of_any_shape_rests_while_little_changes(
    width: float, height: float, across: float, down: float, growth: float
) -> None:
    held = Crop(100.0, 50.0, width, height)
    x, y = held.centre
    wide, high = width * (1 + growth), height * (1 + growth)
    wanted = Crop(x + across * wide - wide / 2, y + down * high - high / 2, wide, high)
    assert settled_crop(held, wanted) == held


@pytest.mark.parametrize(
    "wanted",
    [
        Crop(16, 0, 200, 100),
        Crop(0, 9, 200, 100),
        Crop(0, 0, 220, 100),
        Crop(0, 0, 200, 110),
        Crop(8, 4, 180, 90),
    ],
)
def test_a_crop_that_is_off_is_replaced_at_once(wanted: Crop) -> None:
    assert settled_crop(Crop(0, 0, 200, 100), wanted) == wanted


def test_the_square_around_a_box() -> None:
    assert square_around((0.25, 0.25, 0.75, 0.5), 640, 480) == Crop.square(160, 20, 320)
    assert square_around((0.5, 0.5, 0.5, 0.5), 640, 480) == Crop.square(319.5, 239.5, 1)


# --- to the input of a model and back -------------------------------------------------------------

CROPS = st.builds(
    Crop.square,
    st.floats(-2000, 4000),
    st.floats(-2000, 4000),
    st.floats(1, 5000, allow_subnormal=False),
)


def warp(image: Image, crop: Crop, size: int, order: ColourOrder = "RGB") -> Image:
    target = np.full((size, size, 3), 77, dtype=np.uint8)
    warp_into(image, order, crop, target)
    return target


def padded(image: Image) -> Image:
    """Return the picture in the middle of a black square."""
    height, width = image.shape[:2]
    size = max(width, height)
    top, left = (size - height) // 2, (size - width) // 2
    return np.asarray(
        cv2.copyMakeBorder(
            image, top, size - height - top, left, size - width - left, cv2.BORDER_CONSTANT
        ),
        dtype=np.uint8,
    )


def resized(image: Image, size: int) -> Image:
    """Return the picture in another size, by OpenCV's own resizing."""
    answer = cv2.resize(image, (size, size), interpolation=cv2.INTER_LINEAR)
    return np.asarray(answer, dtype=np.uint8)


@pytest.mark.parametrize("size", [(300, 40_000), (40_000, 300)])
@pytest.mark.parametrize("order", ["RGB", "BGR"])
def test_a_picture_may_be_longer_than_opencv_can_warp(
    size: tuple[int, int], order: ColourOrder
) -> None:
    """Each pixel tells its place, so a shift by one pixel would be seen."""
    height, width = size
    along = np.linspace(0, 250, max(size))
    line = along[np.newaxis, :] if width > height else along[:, np.newaxis]
    image = np.repeat(np.broadcast_to(line, size)[:, :, np.newaxis], 3, axis=2).astype(np.uint8)
    whole = warp(image, whole_frame(width, height), 192, order)
    middle = whole.max(axis=0 if width > height else 1)[:, 0]  # the rest is padding
    centres = (np.arange(192) + 0.5) / 192 * 250
    assert np.abs(middle - centres).max() < 2
    # Parts are resampled from all pixels, wherever they lie.
    for start in (-20, 1000, 35_000, max(size) - 30):
        left, top = (start, 0) if width > height else (0, start)
        crop = Crop.square(left, top, 40)
        part = image[max(0, top) : top + 40, max(0, left) : left + 40]
        before = (max(0, -top), max(0, -left))
        expected = np.zeros((40, 40, 3), dtype=np.uint8)
        expected[before[0] : before[0] + part.shape[0], before[1] : before[1] + part.shape[1]] = (
            part
        )
        np.testing.assert_array_equal(warp(image, crop, 40, order), expected)
    assert not warp(image, Crop.square(-5000, -5000, 100), 16).any()
    assert not warp(image, Crop.square(80_000, 80_000, 100), 16).any()


@pytest.mark.parametrize("order", ["RGB", "BGR"])
def test_the_same_size_is_the_same_picture(order: ColourOrder) -> None:
    image = noise(64, 64)
    found = warp(image, whole_frame(64, 64), 64, order)
    assert (found == (image if order == "RGB" else image[:, :, ::-1])).all()


@pytest.mark.parametrize(
    ("width", "height", "size"),
    [
        (640, 480, 192),
        (480, 640, 192),
        (1280, 720, 256),
        (720, 1280, 192),
        (100, 80, 192),
        (192, 192, 192),
    ],
)
def test_the_whole_frame_is_letterboxed_as_opencv_does_it(
    width: int, height: int, size: int
) -> None:
    image = smooth(width, height)
    expected = resized(padded(image), size)
    found = warp(image, whole_frame(width, height), size)
    difference = np.abs(found.astype(int) - expected.astype(int))
    # Where picture meets padding the warp's precision, 1/32 pixel, shows; elsewhere nothing does.
    inner = np.ones((size, size), dtype=bool)
    margin_y, margin_x = (max(width, height) - height) // 2, (max(width, height) - width) // 2
    scale = max(width, height) / size
    for edge in (margin_y / scale, size - margin_y / scale):
        inner[max(0, int(edge) - 1) : int(edge) + 2] = False
    for edge in (margin_x / scale, size - margin_x / scale):
        inner[:, max(0, int(edge) - 1) : int(edge) + 2] = False
    assert difference[inner].max() <= 2
    # Beyond the outermost pixels the warp has black, where OpenCV's resizing repeats them.
    assert difference[1:-1, 1:-1].max() <= 24


def test_half_a_pixel_is_not_lost() -> None:
    """A shift by half an input pixel, the usual mistake, would show: check that this test can."""
    image = smooth(640, 480)
    expected = resized(padded(image), 192).astype(int)
    shifted = whole_frame(640, 480)
    shifted = Crop.square(shifted.left + 320 / 192, shifted.top, shifted.size)
    inner = slice(40, 150)
    right = np.abs(warp(image, whole_frame(640, 480), 192) - expected)[inner, inner]
    wrong = np.abs(warp(image, shifted, 192) - expected)[inner, inner]
    assert right.max() <= 2
    assert wrong.max() > 4


@pytest.mark.parametrize("flip", [0, 1, -1])
def test_the_warp_has_no_preferred_side(flip: int) -> None:
    image = smooth(640, 480)
    whole = whole_frame(640, 480)
    flipped = np.ascontiguousarray(cv2.flip(image, flip))
    found = warp(np.asarray(flipped, dtype=np.uint8), whole, 192)
    back = cv2.flip(warp(image, whole, 192), flip)
    assert np.abs(found.astype(int) - np.asarray(back).astype(int)).max() <= 8


def test_a_crop_is_what_it_says() -> None:
    image = noise(640, 480)
    assert (warp(image, Crop.square(100, 50, 192), 192) == image[50:242, 100:292]).all()
    part = np.ascontiguousarray(smooth(640, 480)[50:434, 100:484])
    difference = warp(smooth(640, 480), Crop.square(100, 50, 384), 192).astype(int) - resized(
        part, 192
    )
    assert np.abs(difference).max() <= 2


def test_an_input_that_is_no_square() -> None:
    image = smooth(640, 480)
    target = np.zeros((96, 160, 3), dtype=np.uint8)
    warp_into(image, "RGB", whole_frame(640, 480, 160 / 96), target)
    expected = cv2.resize(cv2.copyMakeBorder(image, 0, 0, 80, 80, cv2.BORDER_CONSTANT), (160, 96))
    difference = np.abs(target.astype(int) - np.asarray(expected).astype(int))
    assert difference[:, 18:142].max() <= 2
    assert (target[:, :15] == 0).all()


def test_outside_of_the_frame_is_black() -> None:
    image = np.full((100, 100, 3), 255, dtype=np.uint8)
    found = warp(image, Crop.square(-50, -50, 100), 100)
    assert (found[:50] == 0).all()
    assert (found[:, :50] == 0).all()
    assert (found[50:, 50:] == 255).all()
    assert (warp(image, Crop.square(500, 500, 100), 64) == 0).all(), (
        "nothing of the last picture stays"
    )


def test_colours_arrive_as_rgb() -> None:
    image = np.zeros((32, 32, 3), dtype=np.uint8)
    image[:] = (10, 20, 200)
    assert (warp(image, whole_frame(32, 32), 16, "RGB") == (10, 20, 200)).all()
    assert (warp(image, whole_frame(32, 32), 16, "BGR") == (200, 20, 10)).all()
    assert (image == (10, 20, 200)).all(), "the frame itself is left alone"


def test_the_target_is_filled_in_place() -> None:
    target = np.zeros((16, 16, 3), dtype=np.uint8)
    address = target.ctypes.data
    warp_into(noise(64, 48), "BGR", whole_frame(64, 48), target)
    assert target.any()
    assert target.ctypes.data == address


@given(CROPS, st.integers(8, 512), st.integers(8, 512), st.floats(0, 1), st.floats(0, 1))
def test_to_frame_is_the_inverse_of_the_warp(
    crop: Crop, input_width: int, input_height: int, x: float, y: float
) -> None:
    """A spot of the input goes back to the spot of the frame that the warp took it from."""
    width, height = 1280, 720
    keypoints = np.zeros((17, 3), dtype=np.float32)
    keypoints[:] = (x, y, 0.5)
    found = to_frame(keypoints, crop, width, height)
    # Pixel centres are at whole numbers, the input's edges at -0.5 and half a pixel past the last.
    pixel = np.array([x * input_width - 0.5, y * input_height - 0.5, 1.0])
    expected = (input_to_frame(crop, input_width, input_height) @ pixel + 0.5) / (width, height)
    assert found[0, :2] == pytest.approx(expected, rel=1e-4, abs=2e-3)
    assert (found == found[0]).all()
    assert found[0, 2] == 0.5


@given(
    hnp.arrays(np.float32, (17, 3), elements=st.floats(0, 1, width=32)),
    st.integers(16, 4000),
    st.integers(16, 4000),
)
def test_keypoints_come_back_from_a_crop(keypoints: FloatArray, width: int, height: int) -> None:
    crop = Crop.square(width * 0.2, -height * 0.1, max(width, height) * 0.7)
    in_crop = keypoints.copy()
    in_crop[:, 0] = (keypoints[:, 0] * width - crop.left) / crop.size
    in_crop[:, 1] = (keypoints[:, 1] * height - crop.top) / crop.size
    before = in_crop.copy()
    assert to_frame(in_crop, crop, width, height) == pytest.approx(keypoints, abs=1e-3)
    assert (in_crop == before).all()


def test_a_white_spot_is_found_where_it_is() -> None:
    """The whole way: a spot in the frame, its place in the input, and back."""
    image = np.zeros((720, 1280, 3), dtype=np.uint8)
    cv2.circle(image, (900, 300), 12, (255, 255, 255), -1)
    crop = Crop.square(700, 100, 400)
    found = warp(image, crop, 192)[:, :, 0].astype(float)
    ys, xs = np.indices(found.shape)
    x, y = (xs * found).sum() / found.sum(), (ys * found).sum() / found.sum()
    keypoints = np.zeros((17, 3), dtype=np.float32)
    keypoints[:, :2] = ((x + 0.5) / 192, (y + 0.5) / 192)
    frame_x, frame_y, _ = to_frame(keypoints, crop, 1280, 720)[0].tolist()
    assert (frame_x * 1280 - 0.5, frame_y * 720 - 0.5) == pytest.approx((900, 300), abs=0.2)


@pytest.mark.parametrize("aspect", [0.5, 1.0, 1.6])
def test_a_crop_has_the_shape_of_the_input_and_holds_the_person(aspect: float) -> None:
    keypoints = person(1.0, centre=(0.5, 0.5), scale=0.3)
    crop = next_crop(keypoints, 1000, 800, 0.2, aspect)
    assert crop.width / crop.height == pytest.approx(aspect)
    assert crop != whole_frame(1000, 800, aspect)
    x, y = keypoints[:, 0] * 1000, keypoints[:, 1] * 800
    assert crop.left < x.min() < x.max() < crop.left + crop.width
    assert crop.top < y.min() < y.max() < crop.top + crop.height


def test_without_a_torso_the_whole_frame_has_the_shape_of_the_input() -> None:
    assert next_crop(person(0.0), 1000, 800, 0.2, 2.0) == Crop(-300.0, 0.0, 1600.0, 800.0)


def test_a_shaped_crop_is_the_smallest_around_it() -> None:
    assert Crop(10.0, 20.0, 100.0, 100.0).shaped(2.0) == Crop(-40.0, 20.0, 200.0, 100.0)
    assert Crop(10.0, 20.0, 100.0, 100.0).shaped(0.5) == Crop(10.0, -30.0, 100.0, 200.0)
    assert Crop(10.0, 20.0, 200.0, 100.0).shaped(2.0) == Crop(10.0, 20.0, 200.0, 100.0)
