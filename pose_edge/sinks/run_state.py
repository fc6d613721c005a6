"""The state of a run, for programs and people elsewhere."""

from __future__ import annotations

from dataclasses import dataclass, field

from pose_edge.poses import Provenance
from pose_edge.supervision.supervisor import State
from pose_edge.telemetry import Summary


@dataclass(frozen=True, slots=True)
class PartState:
    """The state of one part of a run.

    Attributes:
        name: Name of the part, e.g. "source".
        state: What it is doing.
        detail: What it runs on or waits for, or why it has failed; without secrets.
        replaced: How often it was replaced, or tried in vain, since it last ran.
    """

    name: str
    state: State
    detail: str
    replaced: int


@dataclass(frozen=True, slots=True)
class OutputState:
    """The state of one output.

    Attributes:
        name: Its name, e.g. "mqtt".
        written: Frames that it has taken.
        dropped: Frames left out because it could not keep up.
        lost: Frames left out because nothing could be written or nobody was there.
        fault: What is wrong, or None.
    """

    name: str
    written: int
    dropped: int
    lost: int
    fault: str | None


@dataclass(frozen=True, slots=True)
class RunState:
    """The state of a run at one moment.

    Attributes:
        uptime_s: Seconds since the run was started.
        source: Name of the source, without secrets.
        screen: Name of the screen, or "none".
        paused: Whether the picture stands still because somebody wants it so.
        provenance: What found the newest poses, or None before the first.
        camera_fps: Frames per second that came from the source.
        poses_fps: Frames per second that were processed.
        processed: Frames that were processed since the start.
        skipped: Frames that were captured but not processed.
        people: People in the newest frame.
        stages: Durations of each stage by its name, milliseconds, in the order of the flow.
        faults: What is wrong, by the name of the part.
        parts: All parts.
        outputs: All outputs that are switched on.
        temperature: Of the processor, degrees Celsius, or None where the machine does not tell.
        replacements: How often each part was replaced since the start, by its name.
    """

    uptime_s: float
    source: str
    screen: str
    paused: bool
    provenance: Provenance | None
    camera_fps: float
    poses_fps: float
    processed: int
    skipped: int
    people: int
    stages: dict[str, Summary]
    faults: dict[str, str]
    parts: tuple[PartState, ...]
    outputs: tuple[OutputState, ...]
    temperature: float | None
    replacements: dict[str, int] = field(default_factory=dict)
