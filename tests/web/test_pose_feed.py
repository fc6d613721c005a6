from __future__ import annotations

from dataclasses import replace

from helpers import make_frame, make_result

from pose_edge.sinks.message import PoseMessage
from pose_edge.web.pose_feed import KEPT_EVENTS, WAITING_LINES, PoseFeed


def message(index: int) -> PoseMessage:
    return PoseMessage.of(make_result(make_frame(index=index)))


def test_nothing_is_kept_without_clients_but_events() -> None:
    feed = PoseFeed()
    for index in range(30):
        entered = {"event": "person_entered", "id": index}
        feed.send(replace(message(index), events=(entered,), live=True))
    assert len(feed._messages) == 0
    assert len(feed.events) == KEPT_EVENTS
    assert feed.events[-1] == {"time": 29.0, "event": "person_entered", "id": 29}
    assert feed.written == 0


def test_a_loop_that_hangs_collects_only_so_much() -> None:
    feed = PoseFeed()
    feed.join()
    for index in range(100):
        feed.send(message(index))
    assert len(feed._messages) == WAITING_LINES
    assert feed.dropped == 100 - WAITING_LINES
