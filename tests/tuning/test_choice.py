"""The choice among measured models, tested by its properties."""

from __future__ import annotations

from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pose_edge.tuning.choice import (
    MAX_SHARE,
    PassTiming,
    Requirements,
    busy_share,
    choose,
    frame_ms,
    holds,
    promised_fps,
    typical_ms,
    worthwhile_models,
)

ACCURACY = {"light": 0.5, "middle": 0.6, "heavy": 0.7}


def timing(model: str, ms: float, *, followed: float = 1.0, p95: float | None = None) -> PassTiming:
    return PassTiming(model, "cpu", ms, ms if p95 is None else p95, ms, followed)


@st.composite
def measured(draw: st.DrawFn) -> list[PassTiming]:
    names = draw(st.lists(st.sampled_from(sorted(ACCURACY)), min_size=1, unique=True))
    times = st.floats(0.1, 2000.0)
    return [
        PassTiming(
            name,
            "cpu",
            median := draw(times),
            p95_ms=median * draw(st.floats(1.0, 20.0)),
            mean_ms=median * draw(st.floats(0.8, 10.0)),
            followed=draw(st.floats(0.0, 1.0)),
        )
        for name in names
    ]


rates = st.floats(1.0, 240.0)
searches = st.none() | st.floats(0.1, 500.0)


@given(measured(), rates, searches)
def test_none_that_holds_is_more_accurate_than_the_chosen(
    timings: list[PassTiming], rate: float, search_ms: float | None
) -> None:
    requirements = Requirements(rate, rate, search_ms)
    choice = choose(timings, ACCURACY, requirements)
    by_name = {one.model: one for one in timings}
    holding = [one for one in timings if holds(one, requirements)]
    assert choice.held == bool(holding)
    if holding:
        assert holds(by_name[choice.model], requirements)
        assert ACCURACY[choice.model] == max(ACCURACY[one.model] for one in holding)
        assert busy_share(by_name[choice.model], requirements) <= MAX_SHARE
        assert choice.fps == rate
    else:
        assert choice.fps == max(promised_fps(one, requirements) for one in timings)
    assert choice.fps <= rate
    assert choice.reason.startswith(choice.model)
    assert "\n" not in choice.reason


@given(measured(), rates, searches, st.randoms())
def test_the_order_has_no_influence(
    timings: list[PassTiming], rate: float, search_ms: float | None, random: object
) -> None:
    mixed = list(timings)
    random.shuffle(mixed)  # type: ignore[attr-defined]
    requirements = Requirements(rate, rate, search_ms)
    assert choose(mixed, ACCURACY, requirements) == choose(timings, ACCURACY, requirements)


@given(measured(), rates, st.floats(0.05, 1.0))
def test_a_lower_rate_never_costs_accuracy(
    timings: list[PassTiming], rate: float, part: float
) -> None:
    fast = choose(timings, ACCURACY, Requirements(rate, rate))
    slow = choose(timings, ACCURACY, Requirements(rate * part, rate))
    if fast.held:
        assert slow.held
        assert ACCURACY[slow.model] >= ACCURACY[fast.model]


@given(measured(), rates, st.floats(1.0, 50.0))
def test_a_slower_machine_never_gets_a_more_accurate_model(
    timings: list[PassTiming], rate: float, times: float
) -> None:
    requirements = Requirements(rate, rate)
    slower = [
        replace(
            one,
            median_ms=one.median_ms * times,
            p95_ms=one.p95_ms * times,
            mean_ms=one.mean_ms * times,
        )
        for one in timings
    ]
    after = choose(slower, ACCURACY, requirements)
    if after.held:
        assert ACCURACY[choose(timings, ACCURACY, requirements).model] >= ACCURACY[after.model]


@pytest.mark.parametrize(
    ("rate", "model"), [(10.0, "heavy"), (30.0, "middle"), (90.0, "light"), (240.0, "light")]
)
def test_the_faster_the_camera_the_lighter_the_model(rate: float, model: str) -> None:
    timings = [timing("light", 5.0), timing("middle", 12.0), timing("heavy", 35.0)]
    choice = choose(timings, ACCURACY, Requirements(rate, rate))
    assert choice.model == model
    assert choice.held == (rate < 160)


def test_a_good_median_does_not_help_where_frames_were_left_out() -> None:
    """With a CPU quota, for example, all threads are stopped ten times a second."""
    requirements = Requirements(30.0, 30.0)
    timings = [timing("light", 5.0), timing("heavy", 8.0, followed=0.4)]
    choice = choose(timings, ACCURACY, requirements)
    assert choice.model == "light"
    assert "heavy does not (12 fps)" in choice.reason
    timings = [timing("light", 5.0), PassTiming("heavy", "cpu", 8.0, 60.0, 30.0, 1.0)]
    assert choose(timings, ACCURACY, requirements).model == "light"
    timings = [timing("light", 5.0), timing("heavy", 20.0, p95=80.0)]
    assert "within 80 ms" in choose(timings, ACCURACY, requirements).reason


def test_several_people_cost_a_look_each_and_a_search_now_and_then() -> None:
    assert frame_ms(10.0, Requirements(30.0, 30.0)) == 10.0
    assert frame_ms(10.0, Requirements(30.0, 30.0, search_ms=15.0)) == 32.0
    assert frame_ms(10.0, Requirements(2.0, 2.0, search_ms=15.0)) == 45.0
    timings = [timing("light", 5.0), timing("heavy", 12.0)]
    assert choose(timings, ACCURACY, Requirements(30.0, 30.0)).model == "heavy"
    several = choose(timings, ACCURACY, Requirements(30.0, 30.0, search_ms=15.0))
    assert several.model == "light"
    assert "for 3 people" in several.reason


@given(measured(), rates)
def test_every_step_of_the_ladder_is_slower_and_more_accurate(
    timings: list[PassTiming], rate: float
) -> None:
    requirements = Requirements(rate, rate)
    chosen = choose(timings, ACCURACY, requirements).model
    steps = worthwhile_models(timings, ACCURACY, requirements, chosen)
    accuracies = [ACCURACY[one.model] for one in steps]
    assert chosen in [one.model for one in steps]
    times = [typical_ms(one, requirements) for one in steps if one.model != chosen]
    assert accuracies == sorted(set(accuracies))
    assert times == sorted(times)
    assert max(accuracies) == max(ACCURACY[one.model] for one in timings)


def test_a_model_that_runs_on_the_cpu_beside_an_edge_tpu_is_no_step() -> None:
    requirements = Requirements(30.0, 30.0)
    timings = [timing("light", 7.0), timing("middle", 90.0), timing("heavy", 14.0)]
    assert [one.model for one in worthwhile_models(timings, ACCURACY, requirements, "heavy")] == [
        "light",
        "heavy",
    ]
