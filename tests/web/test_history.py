from __future__ import annotations

import pytest
from web_rig import made_up_state

from pose_edge.sinks.run_state import PartState
from pose_edge.supervision.supervisor import State
from pose_edge.web.history import INTERVAL_S, KEPT_S, STALL_S, History


class Clock:
    """A fake clock that only advances when `now` is changed."""

    def __init__(self) -> None:
        self.now = 1000.0

    def __call__(self) -> float:
        return self.now


def test_ten_minutes_are_kept() -> None:
    clock = Clock()
    history = History(clock)
    for number in range(400):
        clock.now += INTERVAL_S
        history.add(made_up_state(poses_fps=float(number), temperature=None))
    record = history.record()
    assert len(record["poses_fps"]) == KEPT_S / INTERVAL_S
    assert record["poses_fps"][-1] == 399
    assert record["age_s"][-1] == 0
    assert record["age_s"][0] == KEPT_S - INTERVAL_S
    assert set(record["temperature"]) == {None}
    assert set(record["latency_ms"]) == {10.0}


def test_without_frames_no_latency_is_told() -> None:
    history = History()
    history.add(made_up_state(poses_fps=0.0))
    assert history.record()["latency_ms"] == [None]


@pytest.mark.parametrize(
    ("state", "paused", "healthy"),
    [
        (State.RUNNING, False, False),
        (State.FAILED, False, False),
        (State.WAITING, False, True),
        (State.DONE, False, True),
        (State.RUNNING, True, True),
    ],
)
def test_a_run_is_healthy_while_frames_flow_or_a_camera_is_waited_for(
    state: State, paused: bool, healthy: bool
) -> None:
    clock = Clock()
    history = History(clock)
    told = made_up_state(parts=(PartState("source", state, "", 0),), paused=paused)
    assert history.is_healthy(told)
    clock.now += STALL_S
    assert history.is_healthy(told) is healthy
    assert history.is_healthy(made_up_state(processed=301)), "frames flow again"
