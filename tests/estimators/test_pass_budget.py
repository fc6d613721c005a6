"""For how many inference passes a frame has time, with made-up durations."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pose_edge.estimators.pass_budget import (
    LEAST_INTERVAL_S,
    SHARE,
    PassBudget,
    passes_within,
)

times = st.floats(1e-4, 2.0)


@given(times, times, st.one_of(st.just(0.0), times))
def test_the_passes_fit_into_the_interval_unless_there_is_one_only(
    interval_s: float, refine_s: float, search_s: float
) -> None:
    passes = passes_within(interval_s, refine_s, search_s)
    least = 0 if search_s else 1
    assert passes >= least
    spent_s = passes * refine_s + search_s
    available_s = SHARE * max(interval_s, LEAST_INTERVAL_S)
    if passes > least:
        assert spent_s <= available_s + 1e-9
    assert spent_s + refine_s > available_s - 1e-9, "another pass would fit"


@given(times, times, times)
def test_a_slower_source_or_a_faster_model_never_means_fewer_passes(
    interval_s: float, refine_s: float, more_s: float
) -> None:
    passes = passes_within(interval_s, refine_s)
    assert passes_within(interval_s + more_s, refine_s) >= passes
    assert passes_within(interval_s, refine_s + more_s) <= passes


def measured(
    fps: float, refine_s: float, search_s: float, *, skipped: int = 0, start: int = 0
) -> PassBudget:
    budget = PassBudget()
    for number in range(60):
        index = start + number * (1 + skipped)
        budget.start_frame(index, index / fps)
        budget.note_refinement(refine_s)
        budget.note_search(search_s)
    return budget


@pytest.mark.parametrize(
    ("fps", "refine_s", "search_s", "beside_a_search", "otherwise"),
    [
        (30, 0.004, 0.012, 4, 7),  # a fast computer
        (30, 0.040, 0.110, 0, 1),  # a small computer
        (10, 0.040, 0.110, 0, 2),  # a small computer with a slow camera
        (60, 0.004, 0.012, 4, 7),  # a fast camera, of which every other frame is skipped
        (5, 0.040, 0.110, 1, 4),
    ],
)
def test_passes_of_machines_and_cameras(
    fps: float, refine_s: float, search_s: float, beside_a_search: int, otherwise: int
) -> None:
    budget = measured(fps, refine_s, search_s)
    assert budget.passes(0) == otherwise
    assert budget.passes(1) == beside_a_search


def test_skipped_frames_do_not_slow_the_source_down() -> None:
    assert measured(10, 0.04, 0.1, skipped=4).passes(0) == 2


def test_before_anything_is_measured_one_pass_is_made() -> None:
    assert PassBudget().passes(0) == 1
    assert PassBudget().passes(1) == 1


def test_an_interruption_and_a_new_count_are_no_interval() -> None:
    budget = measured(10, 0.04, 0.1)
    for index, time_s in ((1000, 5000.0), (0, 5000.1), (1, 5000.2), (1, 5000.2)):
        budget.start_frame(index, time_s)
    assert budget.passes(0) == 2


def test_one_slow_pass_does_not_change_the_share_for_long() -> None:
    budget = measured(30, 0.004, 0.012)
    budget.note_refinement(0.1)
    assert budget.passes(0) == 1
    for _ in range(20):
        budget.note_refinement(0.004)
    assert budget.passes(0) == 7
