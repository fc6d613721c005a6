"""How a run went."""

from __future__ import annotations

from dataclasses import dataclass

from pose_edge.telemetry import Summary


@dataclass(frozen=True, slots=True)
class RunReport:
    """How a run went.

    Attributes:
        processed: Frames that were processed.
        with_person: Frames in which at least one person was found.
        skipped: Frames that were captured but not processed, so that the newest could be.
        seconds: Duration of the run.
        stages: Durations of each stage, milliseconds.
        backends: Frames that each backend has processed.
        failures: Why configured outputs are not complete, or what of a file could not be read.
    """

    processed: int
    with_person: int
    skipped: int
    seconds: float
    stages: dict[str, Summary]
    backends: dict[str, int]
    failures: tuple[str, ...]
