from __future__ import annotations

from pose_edge.web.throttle import Throttle


def test_events_pass_at_a_rate_and_some_at_once() -> None:
    now = 0.0
    throttle = Throttle(2.0, 3, lambda: now)
    assert [throttle.take() for _ in range(4)] == [0, 0, 0, None]
    now = 0.5
    assert throttle.take() == 0
    assert throttle.take() is None
    now = 100.0
    assert [throttle.take() for _ in range(4)] == [0, 0, 0, None]


def test_events_that_may_wait_queue_up_to_the_longest_wait() -> None:
    throttle = Throttle(2.0, 1, lambda: 0.0)
    assert [throttle.take(1.0) for _ in range(4)] == [0, 0.5, 1.0, None]
    assert throttle.take(1.0) is None, "one that is refused does not count"
