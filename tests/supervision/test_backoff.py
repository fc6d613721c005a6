from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from pose_edge.supervision.backoff import Backoff


def test_waits_double_up_to_the_limit_and_start_again_after_success() -> None:
    backoff = Backoff(first_s=1.0, limit_s=10.0)
    assert [backoff.next() for _ in range(6)] == [1, 2, 4, 8, 10, 10]
    backoff.reset()
    assert [backoff.next() for _ in range(2)] == [1, 2]


@given(st.floats(0.01, 10), st.floats(10, 100), st.integers(1, 50))
def test_waits_never_shrink_and_never_pass_the_limit(
    first: float, limit: float, count: int
) -> None:
    backoff = Backoff(first, limit)
    waits = [backoff.next() for _ in range(count)]
    assert waits == sorted(waits)
    assert waits[0] == first
    assert max(waits) <= limit
