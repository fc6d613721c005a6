from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from pose_edge.overlay import Rectangle, Size
from pose_edge.overlay.placement import (
    LOOK_NS,
    SteadyChoice,
    corner_positions,
    hidden_points,
    in_a_bar,
    shown_part,
)

SIDES = st.integers(1, 400)


@pytest.mark.parametrize(
    ("size", "place", "expected"),
    [
        ((640, 480), (0, 60, 640, 360), (12, 10)),  # in the bar above a wide picture
        ((1280, 720), (437, 0, 405, 720), (12, 12)),  # in the bar on the left of a tall picture
        ((1280, 720), (150, 0, 980, 720), None),  # the bar is too narrow
        ((640, 480), (0, 30, 640, 420), None),  # the bar is too low
        ((640, 480), (0, 0, 640, 480), None),
        ((640, 480), (-100, 0, 840, 480), None),
    ],
)
def test_a_bar_holds_a_panel_if_it_is_large_enough(
    size: Size, place: Rectangle, expected: tuple[int, int] | None
) -> None:
    assert in_a_bar((200, 40), size, place, 12) == expected


@given(st.tuples(SIDES, SIDES), st.tuples(SIDES, SIDES), st.tuples(SIDES, SIDES), SIDES)
def test_a_panel_in_a_bar_touches_neither_picture_nor_edge(
    panel: Size, size: Size, picture: Size, margin: int
) -> None:
    place = ((size[0] - picture[0]) // 2, (size[1] - picture[1]) // 2, *picture)
    position = in_a_bar(panel, size, place, margin)
    if position is not None:
        x, y = position
        assert 0 <= x <= size[0] - panel[0]
        assert 0 <= y <= size[1] - panel[1]
        assert x + panel[0] <= place[0] or y + panel[1] <= place[1]


@given(st.tuples(SIDES, SIDES), st.integers(-300, 300), st.integers(-300, 300), SIDES, SIDES)
def test_the_part_that_is_shown_lies_on_the_screen(
    size: Size, x: int, y: int, width: int, height: int
) -> None:
    left, top, across, down = shown_part(size, (x, y, width, height))
    if x < size[0] and y < size[1] and x + width > 0 and y + height > 0:
        assert 0 <= left < left + across <= size[0]
        assert 0 <= top < top + down <= size[1]
        assert x <= left < left + across <= x + width


@given(st.tuples(SIDES, SIDES), st.tuples(SIDES, SIDES), SIDES)
def test_corners_lie_inside_the_picture(panel: Size, picture: Size, margin: int) -> None:
    positions = corner_positions(panel, (50, 60, *picture), margin)
    assert len(positions) == 4
    for x, y in positions:
        assert x >= 50
        assert y >= 60
        if panel[0] <= picture[0] and panel[1] <= picture[1]:
            assert x + panel[0] <= 50 + picture[0]
            assert y + panel[1] <= 60 + picture[1]


def test_hidden_points_are_those_within_reach() -> None:
    points = np.array([[5, 5], [12, 5], [25, 25], [50, 50]], np.float32)
    assert hidden_points([(0, 0), (20, 20), (90, 90)], (10, 10), points, 0) == [1, 1, 0]
    assert hidden_points([(0, 0), (20, 20)], (10, 10), points, 4) == [2, 1]
    assert hidden_points([(0, 0)], (10, 10), points[:0], 4) == [0]


def steps(choice: SteadyChoice, costs: list[float], begin_ns: int, seconds: float) -> list[int]:
    """Return the chosen places, one per update, during some seconds of constant costs."""
    count = round(seconds * 1e9 / LOOK_NS)
    return [choice.update(costs, begin_ns + (i + 1) * LOOK_NS) for i in range(count)]


def test_a_choice_stays_until_another_has_been_better_for_some_time() -> None:
    choice = SteadyChoice()
    assert choice.due(0)
    assert choice.update([0, 0, 0], 0) == 0, "of equal ones the first"
    assert not choice.due(LOOK_NS - 1)
    assert choice.due(LOOK_NS)
    assert set(steps(choice, [2, 1, 0], 0, 0.3)) == {0}, "somebody passes by"
    assert set(steps(choice, [0, 0, 0], 10**9, 4.0)) == {0}
    moved = steps(choice, [2, 1, 0], 5 * 10**9, 2.0)
    assert (moved[0], moved[-1]) == (0, 2)
    assert set(steps(choice, [0, 0, 0], 7 * 10**9, 9.0)) == {2}, "nothing is better than this"


def test_what_comes_and_goes_counts_as_well() -> None:
    choice = SteadyChoice()
    choice.update([0, 0], 0)
    now_ns, chosen = 0, []
    for _ in range(8):  # a waving hand
        chosen += steps(choice, [2, 0], now_ns, 0.3)
        chosen += steps(choice, [0, 0], now_ns + 300_000_000, 0.3)
        now_ns += 600_000_000
    assert chosen[-1] == 1
    assert chosen == sorted(chosen), "and it does not come back"


@given(st.lists(st.lists(st.integers(0, 5), min_size=4, max_size=4), min_size=2, max_size=100))
def test_a_choice_does_not_hop(costs: list[list[int]]) -> None:
    choice, moves, before = SteadyChoice(), 0, None
    for number, one in enumerate(costs):
        now = choice.update(one, number * LOOK_NS)
        moves += before is not None and now != before
        before = now
    assert moves <= 1 + len(costs) * LOOK_NS / 200_000_000


def test_a_picture_without_a_past_gets_the_best_place_at_once() -> None:
    choice = SteadyChoice()
    choice.update([0, 1], 0)
    assert choice.update([1, 0], 1, at_once=True) == 1
    assert choice.update([0, 0], 2, at_once=True) == 1
