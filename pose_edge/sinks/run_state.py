"""The state of a run, as it is shown to other programs and on the web page."""

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
        replaced: Failures, and attempts to open its device, since it last ran.
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
        written: Frames that were written or sent.
        dropped: Frames dropped because the output could not keep up.
        lost: Frames dropped because nothing could be written or no peer was there.
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
        live: Whether the source is live, so not a file.
        screen: Name of the screen, or "none".
        paused: Whether a user has paused the picture.
        provenance: Model and hardware that found the newest poses, or None before the first.
        camera_fps: Frames per second that came from the source.
        poses_fps: Frames per second that were processed.
        processed: Frames that were processed since the start.
        skipped: Frames that were captured but not processed.
        people: People in the newest frame.
        stages: Statistics of each stage's duration by its name, in the order of processing.
        faults: What is wrong, keyed by the name of the part.
        parts: All parts.
        outputs: All outputs that are switched on.
        temperature: Temperature of the processor, degrees Celsius; None where it is unknown.
        replacements: How often each part was replaced since the start, keyed by its name.
    """

    uptime_s: float
    source: str
    live: bool
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
