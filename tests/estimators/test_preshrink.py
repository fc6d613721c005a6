"""Halving a large crop before it is resampled."""

from __future__ import annotations

import cv2
import numpy as np
import pytest
from helpers import noise, smooth
from hypothesis import given
from hypothesis import strategies as st
from numpy.typing import NDArray

from pose_edge.estimators.crop import Crop
from pose_edge.estimators.preshrink import MIN_SHRINK, TARGET_SHRINK, Preshrinker, halvings
from pose_edge.estimators.warp import warp_into
from pose_edge.frames import Image

SIZE = (48, 64)
SCENE = smooth(640, 480)


def crop_of(shrink: float, left: float = 10.0, top: float = 10.0) -> Crop:
    return Crop(left, top, SIZE[1] * shrink, SIZE[0] * shrink)


def warped(image: Image, crop: Crop) -> Image:
    target = np.zeros((*SIZE, 3), np.uint8)
    warp_into(image, "RGB", crop, target)
    return target


@pytest.mark.parametrize(
    ("shrink", "times"), [(0.4, 0), (4.0, 0), (4.01, 1), (5.99, 1), (6.0, 2), (12.0, 3), (20.0, 3)]
)
def test_large_crops_are_halved_until_little_is_left_to_the_warp(shrink: float, times: int) -> None:
    assert halvings(shrink) == times
    assert times == 0 or TARGET_SHRINK / 2 <= shrink / 2**times < TARGET_SHRINK


def test_a_small_crop_is_left_alone() -> None:
    crop = crop_of(MIN_SHRINK - 0.01)
    image, same = Preshrinker().apply(SCENE, crop, SIZE)
    assert image is SCENE
    assert same is crop


@given(st.floats(MIN_SHRINK, 9), st.floats(-100, 700), st.floats(-100, 500))
def test_the_model_sees_the_same(shrink: float, left: float, top: float) -> None:
    """Except within one input pixel of the picture's border, both ways give the same input."""
    crop = crop_of(shrink, left, top)
    found = warped(*Preshrinker().apply(SCENE, crop, SIZE)).astype(int)
    expected = warped(SCENE, crop).astype(int)
    height, width = SCENE.shape[:2]
    inside = np.logical_and.outer(
        depth(top, shrink, SIZE[0], height) > 1, depth(left, shrink, SIZE[1], width) > 1
    )
    assert np.abs(found - expected)[inside].max(initial=0) <= 12
    outside = np.logical_or.outer(
        depth(top, shrink, SIZE[0], height) < -1, depth(left, shrink, SIZE[1], width) < -1
    )
    assert not found[outside].any()


def depth(begin: float, shrink: float, count: int, limit: int) -> NDArray[np.float64]:
    """Return how far inside the picture each input pixel is along an axis, in input pixels."""
    places = begin + (np.arange(count) + 0.5) * shrink
    return np.minimum(places, limit - places) / shrink


def test_a_spot_stays_where_it_is() -> None:
    image = np.zeros((720, 1280, 3), np.uint8)
    cv2.circle(image, (901, 303), 15, (255, 255, 255), -1)
    crop = Crop(700.3, 101.7, 64 * 5.1, 48 * 5.1)
    found = warped(*Preshrinker().apply(image, crop, SIZE))[:, :, 0].astype(float)
    ys, xs = np.indices(found.shape)
    x, y = (xs * found).sum() / found.sum(), (ys * found).sum() / found.sum()
    place = (crop.left + (x + 0.5) * 5.1 - 0.5, crop.top + (y + 0.5) * 5.1 - 0.5)
    assert place == pytest.approx((901, 303), abs=0.5)


def test_noise_is_averaged() -> None:
    image = noise(640, 480)
    crop = crop_of(6.0, 20.5, 20.5)
    # Without halving the warp averages 4 pixels; with it 4 averages of 16 pixels each.
    before, after = warped(image, crop), warped(*Preshrinker().apply(image, crop, SIZE))
    assert after.std() < 0.7 * before.std()


def test_the_frame_is_left_alone_and_the_memory_reused() -> None:
    image = noise(640, 480)
    before = image.copy()
    preshrinker = Preshrinker()
    first, _ = preshrinker.apply(image, crop_of(5.9), SIZE)
    address = first.ctypes.data
    for shrink in (4.1, 5.5, 5.9):
        smaller, _ = preshrinker.apply(image, crop_of(shrink), SIZE)
        assert smaller.ctypes.data == address
    assert (image == before).all()
    again, _ = preshrinker.apply(image, crop_of(9.0), SIZE)
    assert again.size < first.size
    address = again.ctypes.data
    again, _ = preshrinker.apply(image, crop_of(9.0), SIZE)
    assert again.ctypes.data == address


@pytest.mark.parametrize("place", [(-5000.0, 0.0), (0.0, 9000.0), (641.0, 0.0), (-400.0, -400.0)])
def test_beside_the_picture_is_black(place: tuple[float, float]) -> None:
    image = np.full((480, 640, 3), 255, np.uint8)
    assert not warped(*Preshrinker().apply(image, crop_of(4.5, *place), SIZE)).any()
