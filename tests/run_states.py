"""Run states and pose messages for tests of the code that reports them."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from helpers import pose

from pose_edge.poses import Provenance
from pose_edge.sinks.message import PoseMessage
from pose_edge.sinks.run_state import OutputState, PartState, RunState
from pose_edge.supervision.supervisor import State
from pose_edge.telemetry import Telemetry


def run_state(**changes: Any) -> RunState:  # noqa: ANN401 - of any field
    """Return the state of a run whose camera is missing; `changes` replaces fields."""
    telemetry = Telemetry()
    for value in (0.5, 10.0, 10.1, 2000.0):
        telemetry.add({"inference": value})
    return replace(
        RunState(
            uptime_s=60.2,
            source="/dev/video0",
            live=True,
            screen="none",
            paused=False,
            provenance=Provenance("movenet-lightning-int8", "cpu"),
            camera_fps=30.0,
            poses_fps=28.41,
            processed=1000,
            skipped=20,
            people=2,
            stages=telemetry.summaries(),
            faults={"source": "/dev/video0 is not there"},
            parts=(
                PartState("source", State.WAITING, "/dev/video0 is not there", 3),
                PartState("inference", State.RUNNING, "cpu", 0),
            ),
            outputs=(OutputState("mqtt", 900, 7, 3, "broker hall:1883: Connection refused"),),
            temperature=55.06,
            replacements={"inference": 2},
        ),
        **changes,
    )


def pose_message(
    index: int = 0,
    people: int = 1,
    **changes: Any,  # noqa: ANN401 - of any field
) -> PoseMessage:
    """Return the message of a frame with `people` people; `changes` replaces fields."""
    return replace(
        PoseMessage(
            index,
            1763800000.0 + index / 30,
            1280,
            720,
            [pose()] * people,
            Provenance("movenet-lightning-int8", "cpu"),
            {"inference": 9.0, "total": 41.0},
            live=True,
        ),
        **changes,
    )
