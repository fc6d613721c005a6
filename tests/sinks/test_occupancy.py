from __future__ import annotations

from pose_edge.sinks.occupancy import NO_PICTURE_S, Occupancy


def watched(present_after: float = 1.0, absent_after: float = 3.0) -> Occupancy:
    return Occupancy(0.0, present_after, absent_after)


def test_nothing_is_known_at_first() -> None:
    presence = watched()
    presence.advance(1.0)
    assert (presence.present, presence.picture) == (None, None)


def test_a_person_is_present_once_seen_for_long_enough() -> None:
    presence = watched()
    presence.see(10.0, True)
    presence.see(10.9, True)
    assert presence.present is None
    presence.see(11.0, True)
    assert presence.present is True


def test_a_frame_without_a_person_begins_the_wait_anew() -> None:
    presence = watched()
    for now, somebody in ((10.0, True), (10.6, False), (10.7, True), (11.6, True)):
        presence.see(now, somebody)
    assert presence.present is None
    presence.see(11.7, True)
    assert presence.present is True


def test_a_person_is_absent_only_after_the_longer_delay() -> None:
    presence = watched(present_after=0.0)
    presence.see(10.0, True)
    assert presence.present is True
    for now in (11.0, 12.0, 13.9):
        presence.see(now, False)
    assert presence.present is True
    presence.see(14.0, False)
    assert presence.present is False


def test_time_alone_ends_the_delay() -> None:
    presence = watched()
    presence.see(10.0, True)
    presence.advance(11.0)
    assert presence.present is True


def test_presence_ends_without_a_picture_too() -> None:
    presence = watched(present_after=0.0)
    presence.see(10.0, True)
    presence.advance(10.0 + NO_PICTURE_S - 0.1)
    assert (presence.present, presence.picture) == (True, True)
    presence.advance(10.0 + NO_PICTURE_S)
    assert (presence.present, presence.picture) == (False, False)


def test_a_longer_delay_counts_from_the_last_picture() -> None:
    presence = watched(present_after=0.0, absent_after=8.0)
    presence.see(10.0, True)
    presence.advance(17.9)
    assert presence.present is True
    presence.advance(18.0)
    assert presence.present is False


def test_slow_frames_are_no_missing_picture() -> None:
    presence = watched(present_after=0.0, absent_after=0.0)
    presence.see(10.0, True)
    presence.advance(10.0 + NO_PICTURE_S - 0.1)
    assert presence.present is True


def test_what_was_not_watched_changes_nothing() -> None:
    presence = watched()
    presence.see(10.0, True)
    presence.see(11.0, True)
    presence.forget(100.0)
    presence.advance(101.0)
    assert (presence.present, presence.picture) == (True, None)
    presence.see(101.5, False)
    presence.see(104.4, False)
    assert presence.present is True
    presence.see(104.5, False)
    assert presence.present is False
