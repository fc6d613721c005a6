"""Which people are followed from frame to frame, with made-up poses."""

from __future__ import annotations

import pytest
from helpers import person, pose

from pose_edge.estimators.crowd import FORGET_S, Crowd, Follower
from pose_edge.poses import Pose

SIZE = (640, 480)


def at(x: float, score: float = 0.8) -> Pose:
    return pose(person(score, centre=(x, 0.5), scale=0.5), score)


def crowd_of(*places: float, max_people: int = 12) -> tuple[Crowd, list[Follower]]:
    """Return a crowd of people found at time 0, and its followers from left to right."""
    crowd = Crowd(max_people, 0.2)
    crowd.add_candidates([at(x) for x in places], 0.0, SIZE)
    looks = [(one, one.last) for one in crowd.queue]
    crowd.update(looks, 0.0, SIZE)
    return crowd, sorted(crowd.queue, key=lambda one: one.last.box[0])


def test_whoever_has_waited_longest_is_looked_at_first() -> None:
    crowd, (left, middle, right) = crowd_of(0.2, 0.5, 0.8)
    crowd.update([(middle, at(0.5))], 0.1, SIZE)
    crowd.update([(left, at(0.2))], 0.2, SIZE)
    assert crowd.queue == [right, middle, left]


def test_newcomers_come_before_those_who_were_looked_at_just_now() -> None:
    crowd, (left,) = crowd_of(0.2)
    crowd.add_candidates([at(0.2), at(0.8)], 0.1, SIZE)
    newcomer, known = crowd.queue
    assert known is left
    assert not newcomer.confirmed
    assert len(crowd.queue) == 2, "who is known already is no newcomer"


def test_who_was_not_looked_at_is_moved_on_and_marked() -> None:
    crowd, (left, _right) = crowd_of(0.2, 0.8)
    found = crowd.update([(left, at(0.2))], 0.1, SIZE)
    assert [one.predicted for one in sorted(found, key=lambda one: one.box[0])] == [False, True]


def test_who_was_not_found_is_not_shown_and_soon_forgotten() -> None:
    crowd, (one,) = crowd_of(0.5)
    assert crowd.update([(one, None)], 0.1, SIZE) == []
    assert crowd.lost
    assert crowd.queue == [one]
    assert crowd.update([(one, None)], 0.1 + FORGET_S, SIZE) == []
    assert crowd.queue == []


def test_who_is_found_again_in_time_is_the_same_one() -> None:
    crowd, (one,) = crowd_of(0.5)
    crowd.update([(one, None)], 0.1, SIZE)
    assert len(crowd.update([(one, at(0.5))], 0.2, SIZE)) == 1
    assert not crowd.lost
    assert crowd.queue == [one]


def test_a_newcomer_who_is_not_confirmed_is_nobody() -> None:
    crowd = Crowd(12, 0.2)
    crowd.add_candidates([at(0.5)], 0.0, SIZE)
    assert crowd.update([(crowd.queue[0], None)], 0.0, SIZE) == []
    assert crowd.queue == []


def test_what_is_seen_of_a_neighbour_where_somebody_was_is_no_newcomer() -> None:
    crowd, (left, right) = crowd_of(0.2, 0.45)
    found = crowd.update([(left, at(0.45)), (right, at(0.7))], 0.1, SIZE)
    assert len(found) <= 2
    assert len(crowd.queue) == 2


def test_a_newcomer_may_be_somebody_who_waits() -> None:
    crowd, (known,) = crowd_of(0.5)
    coarse = at(0.68)  # the finder's pose is far off
    crowd.add_candidates([coarse], 0.1, SIZE)
    newcomer = next(one for one in crowd.queue if not one.confirmed)
    (found,) = crowd.update([(newcomer, at(0.5))], 0.1, SIZE)
    assert not found.predicted
    assert crowd.queue == [known]


def test_two_looks_at_one_body_are_one_person() -> None:
    crowd, (left, right) = crowd_of(0.3, 0.6)
    (found,) = crowd.update([(left, at(0.6)), (right, at(0.6))], 0.1, SIZE)
    assert found.box == at(0.6).box
    assert right.present
    assert not left.present


@pytest.mark.parametrize("most", [1, 2])
def test_the_best_newcomers_get_the_room_there_is(most: int) -> None:
    crowd = Crowd(most, 0.2)
    crowd.add_candidates([at(0.2, 0.5), at(0.5, 0.9), at(0.8, 0.7)], 0.0, SIZE)
    found = crowd.update([(one, one.last) for one in crowd.queue], 0.0, SIZE)
    assert [one.score for one in found] == [0.9, 0.7][:most]
    assert crowd.full
