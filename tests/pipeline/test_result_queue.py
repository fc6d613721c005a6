from __future__ import annotations

import threading
import time

import pytest
from helpers import GENEROUS_S, make_frame, make_result

from pose_edge.errors import EndOfStream, SourceLost
from pose_edge.pipeline.result_queue import ResultQueue


def test_an_outbox_that_drops_keeps_the_newest_and_releases_the_others() -> None:
    outbox = ResultQueue(drop=True)
    results = [make_result(make_frame(index=n)) for n in range(3)]
    for result in results:
        outbox.put(result)
    assert outbox.take(0) is results[2]
    assert outbox.take(0) is None
    assert results[2].frame.index == 2
    for result in results[:2]:
        with pytest.raises(RuntimeError, match="released"):
            _ = result.frame


def test_an_outbox_that_does_not_drop_lets_the_giver_wait() -> None:
    outbox = ResultQueue(drop=False)
    results = [make_result(make_frame(index=n)) for n in range(5)]

    def give() -> None:
        for result in results:
            outbox.put(result)
        outbox.close()

    thread = threading.Thread(target=give, daemon=True)
    thread.start()
    assert [outbox.take(GENEROUS_S) for _ in results] == results
    with pytest.raises(EndOfStream):
        outbox.take(GENEROUS_S)
    thread.join(GENEROUS_S)


def test_closing_an_outbox_frees_a_waiting_giver_and_loses_nothing() -> None:
    outbox = ResultQueue(drop=False)
    results = [make_result(make_frame(index=n)) for n in range(2)]
    outbox.put(results[0])
    thread = threading.Thread(target=outbox.put, args=(results[1],), daemon=True)
    thread.start()
    time.sleep(0.05)
    outbox.close(SourceLost("gone"))
    thread.join(GENEROUS_S)
    assert not thread.is_alive()
    outbox.close()
    assert [outbox.take(0), outbox.take(0)] == results
    with pytest.raises(SourceLost):
        outbox.take(0)


@pytest.mark.parametrize("error", [None, SourceLost("gone")])
def test_closing_an_outbox_wakes_a_waiting_taker(error: Exception | None) -> None:
    outbox = ResultQueue(drop=True)
    threading.Timer(0.05, outbox.close, [error]).start()
    with pytest.raises(type(error) if error else EndOfStream):
        outbox.take(GENEROUS_S)
