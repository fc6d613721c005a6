"""Resampling a crop of a frame into a model's input, and mapping keypoints back."""

from __future__ import annotations

import cv2
import numpy as np
import pytest
from helpers import noise, smooth
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

from pose_edge.estimators.crop import Crop, whole_frame
from pose_edge.estimators.warp import input_to_frame, to_frame, warp_into
from pose_edge.frames import ColourOrder, Image
from pose_edge.poses import FloatArray

EDGES = st.floats(1, 5000)
CROPS = st.builds(Crop, st.floats(-2000, 4000), st.floats(-2000, 4000), EDGES, EDGES)


def padded_frame(width: int, height: int) -> Crop:
    """Return the crop that pads a frame to a square."""
    return whole_frame(width, height).shaped((1, 1))


def warp(image: Image, crop: Crop, size: int, order: ColourOrder = "RGB") -> Image:
    target = np.full((size, size, 3), 77, dtype=np.uint8)
    warp_into(image, order, crop, target)
    return target


def padded(image: Image) -> Image:
    """Return the picture, padded with black to a square."""
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
    """Return the picture resized by cv2.resize."""
    answer = cv2.resize(image, (size, size), interpolation=cv2.INTER_LINEAR)
    return np.asarray(answer, dtype=np.uint8)


@pytest.mark.parametrize("size", [(300, 40_000), (40_000, 300)])
@pytest.mark.parametrize("order", ["RGB", "BGR"])
def test_a_picture_may_be_longer_than_opencv_can_warp(
    size: tuple[int, int], order: ColourOrder
) -> None:
    """Brightness encodes the position, so that a shift would show."""
    height, width = size
    along = np.linspace(0, 250, max(size))
    line = along[np.newaxis, :] if width > height else along[:, np.newaxis]
    image = np.repeat(np.broadcast_to(line, size)[:, :, np.newaxis], 3, axis=2).astype(np.uint8)
    whole = warp(image, padded_frame(width, height), 192, order)
    middle = whole.max(axis=0 if width > height else 1)[:, 0]  # the rest is padding
    centres = (np.arange(192) + 0.5) / 192 * 250
    assert np.abs(middle - centres).max() < 2
    # Crops of the original resolution are exact, wherever they lie.
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
    found = warp(image, padded_frame(64, 64), 64, order)
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
    found = warp(image, padded_frame(width, height), size)
    difference = np.abs(found.astype(int) - expected.astype(int))
    # At the padding the warp's resolution of 1/32 pixel shows; elsewhere both agree.
    inner = np.ones((size, size), dtype=bool)
    margin_y, margin_x = (max(width, height) - height) // 2, (max(width, height) - width) // 2
    scale = max(width, height) / size
    for edge in (margin_y / scale, size - margin_y / scale):
        inner[max(0, int(edge) - 1) : int(edge) + 2] = False
    for edge in (margin_x / scale, size - margin_x / scale):
        inner[:, max(0, int(edge) - 1) : int(edge) + 2] = False
    assert difference[inner].max() <= 2
    # Outside the picture the warp has black, whereas cv2.resize repeats the outermost pixels.
    assert difference[1:-1, 1:-1].max() <= 24


def test_half_a_pixel_is_not_lost() -> None:
    """These tests would reveal a shift by half an input pixel, which is the usual mistake."""
    image = smooth(640, 480)
    expected = resized(padded(image), 192).astype(int)
    shifted = padded_frame(640, 480)
    shifted = Crop.square(shifted.left + 320 / 192, shifted.top, shifted.size)
    inner = slice(40, 150)
    right = np.abs(warp(image, padded_frame(640, 480), 192) - expected)[inner, inner]
    wrong = np.abs(warp(image, shifted, 192) - expected)[inner, inner]
    assert right.max() <= 2
    assert wrong.max() > 4


@pytest.mark.parametrize("flip", [0, 1, -1])
def test_the_warp_has_no_preferred_side(flip: int) -> None:
    image = smooth(640, 480)
    whole = padded_frame(640, 480)
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
    warp_into(image, "RGB", whole_frame(640, 480).shaped((96, 160)), target)
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
    assert (warp(image, padded_frame(32, 32), 16, "RGB") == (10, 20, 200)).all()
    assert (warp(image, padded_frame(32, 32), 16, "BGR") == (200, 20, 10)).all()
    assert (image == (10, 20, 200)).all(), "the frame itself is left alone"


def test_the_target_is_filled_in_place() -> None:
    target = np.zeros((16, 16, 3), dtype=np.uint8)
    address = target.ctypes.data
    warp_into(noise(64, 48), "BGR", padded_frame(64, 48), target)
    assert target.any()
    assert target.ctypes.data == address


@given(CROPS, st.integers(8, 512), st.integers(8, 512), st.floats(0, 1), st.floats(0, 1))
def test_to_frame_is_the_inverse_of_the_warp(
    crop: Crop, input_width: int, input_height: int, x: float, y: float
) -> None:
    """A point of the input is mapped to the point of the frame that the warp sampled."""
    width, height = 1280, 720
    keypoints = np.zeros((17, 3), dtype=np.float32)
    keypoints[:] = (x, y, 0.5)
    found = to_frame(keypoints, crop, width, height)
    # Pixel centres have integer coordinates: the input reaches from -0.5 to half a pixel past the
    # last.
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
    """A spot of the frame is found in the input and mapped back."""
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
