"""The summary of a run that has ended."""

from __future__ import annotations

from dataclasses import dataclass

from pose_edge.telemetry import Summary


@dataclass(frozen=True, slots=True)
class RunReport:
    """Summary of a run.

    Attributes:
        processed: Frames that were processed.
        with_person: Frames in which at least one person was found.
        skipped: Frames that were captured, but not processed because newer ones had arrived.
        passed_over: Frames that were not processed because the scene was at rest.
        seconds: Duration of the run.
        stages: Statistics of the duration of each stage, milliseconds.
        backends: Number of frames that each backend has processed.
        failures: Why outputs are incomplete, and what of a file could not be read.
    """

    processed: int
    with_person: int
    skipped: int
    passed_over: int
    seconds: float
    stages: dict[str, Summary]
    backends: dict[str, int]
    failures: tuple[str, ...]
