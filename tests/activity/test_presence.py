from __future__ import annotations

from collections import Counter
from typing import Any

import pytest
from hypothesis import given
from hypothesis import settings as hypothesis_settings
from hypothesis import strategies as st

from pose_edge.activity.presence import Presence

SIGHTS = st.lists(
    st.tuples(st.frozensets(st.integers(1, 4), max_size=4), st.sampled_from((0.1, 0.5, 3.0, 30.0)))
)
"""For each frame: the ids of the people in it, and the seconds since the previous frame."""


def told(
    presence: Presence, sights: list[tuple[set[int], float]]
) -> list[tuple[float, dict[str, Any]]]:
    """Return the events, each with its time, of frames given as (ids of the people, time)."""
    return [(moment, event) for ids, moment in sights for event in presence.update(ids, moment)]


def test_somebody_comes_and_leaves() -> None:
    presence = Presence(enter_s=0.5, leave_s=1.0)
    sights = [({7}, 0.1 * frame) for frame in range(20)]
    sights += [(set(), 0.1 * frame) for frame in range(20, 40)]
    assert [(round(moment, 1), event) for moment, event in told(presence, sights)] == [
        (0.5, {"type": "person_entered", "id": 7}),
        (0.5, {"type": "people", "people": 1}),
        (2.9, {"type": "person_left", "id": 7, "seconds": 1.9}),
        (2.9, {"type": "people", "people": 0}),
    ]


def test_a_flicker_is_nobody() -> None:
    presence = Presence(enter_s=0.5, leave_s=1.0)
    assert told(presence, [({1}, 0.0), ({1}, 0.4), (set(), 0.5), (set(), 2.0)]) == []
    assert presence.people == 0


def test_a_pause_is_no_absence() -> None:
    presence = Presence(enter_s=0.0, leave_s=1.0)
    told(presence, [({1}, 0.0)])
    assert told(presence, [(set(), 0.1), (set(), 0.9), ({1}, 0.95), (set(), 1.9)]) == []
    assert presence.people == 1


def test_one_comes_as_another_leaves_and_the_number_stays() -> None:
    presence = Presence(enter_s=0.0, leave_s=0.0)
    told(presence, [({1}, 0.0)])
    assert told(presence, [({2}, 1.0)]) == [
        (1.0, {"type": "person_left", "id": 1, "seconds": 0.0}),
        (1.0, {"type": "person_entered", "id": 2}),
    ]


def test_after_a_long_gap_without_frames_it_is_another_visit() -> None:
    """While the camera was away nobody can know whether the people stayed."""
    presence = Presence(enter_s=0.5, leave_s=1.0)
    told(presence, [({1}, 0.0), ({1}, 1.0)])
    events = told(presence, [({1}, 60.0), ({1}, 61.0)])
    assert [(moment, event["type"]) for moment, event in events] == [
        (60.0, "person_left"),
        (60.0, "people"),
        (61.0, "person_entered"),
        (61.0, "people"),
    ]


@pytest.mark.parametrize(
    ("leave_s", "interval_s"), [(0.0, 0.033), (0.05, 0.07), (1.0, 1.2), (1.0, 4.0)]
)
def test_frames_that_are_further_apart_than_the_limit_are_no_absence(
    leave_s: float, interval_s: float
) -> None:
    presence = Presence(enter_s=0.5, leave_s=leave_s)
    sights = [({1}, interval_s * frame) for frame in range(1, 30)]
    events = told(presence, [*sights, (set(), interval_s * 30), (set(), interval_s * 60)])
    assert [event["type"] for _, event in events] == [
        *("person_entered", "people", "person_left", "people"),
    ]


def test_other_limits_take_effect_for_the_people_who_are_there() -> None:
    presence = Presence(enter_s=0.0, leave_s=100.0)
    told(presence, [({1}, 0.0)])
    presence.change(0.0, 1.0)
    assert presence.people == 1
    assert [event["type"] for _, event in told(presence, [(set(), 2.0)])] == [
        *("person_left", "people"),
    ]


def test_a_new_sequence_begins_without_people() -> None:
    presence = Presence(enter_s=0.0, leave_s=1.0)
    told(presence, [({1}, 5.0)])
    assert [event["type"] for _, event in told(presence, [({1}, 0.0)])] == [
        *("person_left", "person_entered"),
    ]


@pytest.mark.parametrize(("enter_s", "leave_s"), [(0.0, 0.0), (0.5, 1.0), (2.0, 0.2)])
@hypothesis_settings(deadline=None)
@given(sights=SIGHTS)
def test_nobody_enters_twice_or_leaves_before_they_came(
    enter_s: float, leave_s: float, sights: list[tuple[frozenset[int], float]]
) -> None:
    presence, moment = Presence(enter_s, leave_s), 0.0
    inside: Counter[int] = Counter()
    for ids, pause in sights:
        moment += pause
        before = presence.people
        events = presence.update(ids, moment)
        for event in events:
            if event["type"] == "person_entered":
                inside[event["id"]] += 1
                assert event["id"] in ids
            elif event["type"] == "person_left":
                inside[event["id"]] -= 1
                assert 0 <= event["seconds"] <= moment
            assert set(inside.values()) <= {0, 1}
        assert presence.people == sum(inside.values())
        numbers = [event["people"] for event in events if event["type"] == "people"]
        assert numbers == ([presence.people] if presence.people != before else [])
