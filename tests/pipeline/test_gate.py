from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from pose_edge.pipeline.gate import Gate


@given(st.lists(st.sampled_from(["close", "open", "step", "pass"])))
def test_a_closed_gate_lets_one_frame_pass_and_one_more_for_each_step(actions: list[str]) -> None:
    gate, permits = Gate(), None
    for action in actions:
        match action:
            case "close":
                gate.close()
                permits = 1
            case "open":
                gate.open()
                permits = None
            case "step":
                gate.step()
                permits = None if permits is None else permits + 1
            case _:
                assert gate.wait(0) == (permits != 0)
                permits = max(0, permits - 1) if permits is not None else None
        assert gate.closed == (permits is not None)
