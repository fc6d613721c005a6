from __future__ import annotations

import threading

import pytest
from helpers import GENEROUS_S, make_frame, make_result, wait_until_blocked

from pose_edge.errors import EndOfStream, SourceLost
from pose_edge.pipeline.worker_thread import ResultQueue


def test_a_queue_that_drops_keeps_the_newest_and_releases_the_others() -> None:
    queue = ResultQueue(drop=True)
    results = [make_result(make_frame(index=n)) for n in range(3)]
    for result in results:
        queue.put(result)
    assert queue.take(0) is results[2]
    assert queue.take(0) is None
    assert results[2].frame.index == 2
    for result in results[:2]:
        with pytest.raises(RuntimeError, match="released"):
            _ = result.frame


def test_a_queue_that_does_not_drop_lets_the_giver_wait() -> None:
    queue = ResultQueue(drop=False)
    results = [make_result(make_frame(index=n)) for n in range(5)]

    def give() -> None:
        for result in results:
            queue.put(result)
        queue.close()

    thread = threading.Thread(target=give, daemon=True)
    thread.start()
    assert [queue.take(GENEROUS_S) for _ in results] == results
    with pytest.raises(EndOfStream):
        queue.take(GENEROUS_S)
    thread.join(GENEROUS_S)


def test_closing_a_queue_frees_a_waiting_giver_and_loses_nothing() -> None:
    queue = ResultQueue(drop=False)
    results = [make_result(make_frame(index=n)) for n in range(2)]
    queue.put(results[0])
    thread = threading.Thread(target=queue.put, args=(results[1],), daemon=True)
    thread.start()
    wait_until_blocked(thread)
    queue.close(SourceLost("gone"))
    thread.join(GENEROUS_S)
    assert not thread.is_alive()
    queue.close()
    assert [queue.take(0), queue.take(0)] == results
    with pytest.raises(SourceLost):
        queue.take(0)


@pytest.mark.parametrize("error", [None, SourceLost("gone")])
def test_closing_a_queue_wakes_a_waiting_taker(error: Exception | None) -> None:
    results = ResultQueue(drop=True)
    raised: list[BaseException] = []

    def take() -> None:
        try:
            results.take(GENEROUS_S)
        except (EndOfStream, SourceLost) as caught:
            raised.append(caught)

    thread = threading.Thread(target=take, daemon=True)
    thread.start()
    wait_until_blocked(thread)
    results.close(error)
    thread.join(GENEROUS_S / 2)
    assert [type(one) for one in raised] == [type(error) if error else EndOfStream]
