"""Read the state of a run, for the outputs that report it."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable
from typing import Any

from pose_edge.pipeline.pipeline import Pipeline
from pose_edge.sinks.restarting_sink import RestartingSink
from pose_edge.sinks.run_state import OutputState, PartState, RunState
from pose_edge.supervision.supervisor import Supervisor
from pose_edge.telemetry import INFERENCE, SOURCE, Event, Telemetry
from pose_edge.util.temperature import hottest
from pose_edge.util.text import one_line
from pose_edge.util.urls import redact
from pose_edge.web.pose_feed import PoseFeed


def read_state(
    pipeline: Pipeline,
    telemetry: Telemetry,
    supervisor: Supervisor,
    sinks: Iterable[RestartingSink[..., Any] | PoseFeed],
    *,
    screen: str,
    people: int,
    started_s: float,
    temperature: Callable[[], float | None] = hottest,
) -> RunState:
    """Return the state of a run now; may be called in any thread.

    Args:
        pipeline: Source and model.
        telemetry: Rates, durations and faults.
        supervisor: The parts.
        sinks: All outputs; those that are switched off are left out.
        screen: Name of the screen, or "none".
        people: Number of people in the newest result.
        started_s: Start of the run, monotonic seconds.
        temperature: Returns the temperature of the machine in degrees Celsius, None if unknown.
    """
    faults = {part: redact(text) for part, text in telemetry.faults().items()}
    return RunState(
        uptime_s=time.monotonic() - started_s,
        source=one_line(redact(pipeline.describe_source())),
        live=pipeline.live,
        screen=screen,
        paused=pipeline.paused,
        provenance=telemetry.provenance,
        camera_fps=telemetry.rate(Event.CAPTURED),
        poses_fps=telemetry.rate(Event.PROCESSED),
        processed=telemetry.count(Event.PROCESSED),
        skipped=pipeline.skipped,
        people=0 if SOURCE in faults or INFERENCE in faults else people,
        stages=telemetry.summaries(),
        faults=faults,
        parts=tuple(
            PartState(part.name, part.state, redact(part.detail), part.tries)
            for part in supervisor.parts
        ),
        outputs=tuple(
            OutputState(sink.name, sink.written, sink.dropped, sink.lost, sink.failed)
            for sink in sinks
            if sink.active
        ),
        temperature=temperature(),
        replacements=supervisor.replacements(),
    )
