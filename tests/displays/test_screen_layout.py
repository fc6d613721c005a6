from __future__ import annotations

from typing import get_args

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from pose_edge.displays.screen_layout import Rotation, ScreenLayout, placed_picture

SIDES = st.integers(1, 4000)
ROTATIONS = st.sampled_from(get_args(Rotation))


@given(SIDES, SIDES, SIDES, SIDES)
def test_letterbox_keeps_the_aspect_and_fills_one_direction(
    width: int, height: int, room_width: int, room_height: int
) -> None:
    x, y, w, h = placed_picture((width, height), (room_width, room_height))
    assert 0 <= x <= x + w <= room_width
    assert 0 <= y <= y + h <= room_height
    assert w == room_width or h == room_height
    assert abs(x - (room_width - w - x)) <= 1
    assert abs(y - (room_height - h - y)) <= 1
    assert abs(w * height - h * width) <= max(width, height)


@given(SIDES, SIDES, SIDES, SIDES)
def test_a_picture_that_fills_a_room_leaves_nothing_beside_it(
    width: int, height: int, room_width: int, room_height: int
) -> None:
    x, y, w, h = placed_picture((width, height), (room_width, room_height), "fill")
    assert x <= 0 <= room_width <= x + w
    assert y <= 0 <= room_height <= y + h
    assert w == room_width or h == room_height
    assert abs(w * height - h * width) <= max(width, height)


@pytest.mark.parametrize(
    ("rotation", "corner"), [(0, (0, 0)), (90, (1920, 0)), (180, (1920, 1080)), (270, (0, 1080))]
)
def test_the_upper_left_corner_turns_clockwise(rotation: Rotation, corner: tuple[int, int]) -> None:
    layout = ScreenLayout((1920, 1080), rotation)
    assert layout.size == ((1080, 1920) if rotation in (90, 270) else (1920, 1080))
    assert layout.turned(np.zeros((1, 2), np.float32)).tolist() == [list(corner)]


@given(SIDES, SIDES, ROTATIONS, SIDES, SIDES)
def test_places_stay_on_the_screen_and_keep_their_size(
    width: int, height: int, rotation: Rotation, picture_width: int, picture_height: int
) -> None:
    layout = ScreenLayout((width, height), rotation)
    place = placed_picture((picture_width, picture_height), layout.size)
    x, y, w, h = layout.bounds(place)
    assert 0 <= x <= x + w <= width
    assert 0 <= y <= y + h <= height
    assert sorted((w, h)) == sorted(place[2:])
    left, top, w_upright, h_upright = layout.centred(place)
    assert (w_upright, h_upright) == place[2:]
    assert left + w_upright / 2 == pytest.approx(x + w / 2, abs=0.01)
    assert top + h_upright / 2 == pytest.approx(y + h / 2, abs=0.01)
