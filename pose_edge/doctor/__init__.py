"""Is this machine fit for the program? Each section of the report is one file here."""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from typing import Final

from pose_edge.doctor.context import DoctorContext
from pose_edge.doctor.finding import Finding, Verdict, has_fault
from pose_edge.doctor.isolated import examine_all
from pose_edge.doctor.report import as_json, as_lines, coloured, plain
from pose_edge.doctor.sections import SECTIONS, Section

__all__ = [
    "DoctorContext",
    "Finding",
    "Verdict",
    "as_json",
    "as_lines",
    "coloured",
    "has_fault",
    "plain",
    "run_doctor",
]

TOTAL_S: Final = 20.0
"""How long everything may take, whatever hangs."""
LAST_S: Final = 5.0
"""Of it, what is kept for the sections that come after the others."""


def run_doctor(
    context: DoctorContext,
    *,
    sections: Sequence[Section] = SECTIONS,
    progress: Callable[[list[str]], None] = lambda _sections: None,
) -> list[Finding]:
    """Look at everything. Call it before the process has other threads: it forks.

    Args:
        context: Configuration and machine.
        sections: What to look at.
        progress: Told the sections under way whenever they change.

    Returns:
        The findings, section by section; it raises nothing.
    """
    end = time.monotonic() + TOTAL_S
    together = [one for one in sections if not one.alone]
    together.sort(key=lambda one: not one.early)
    found = examine_all(
        [one.task(context) for one in together], until=end - LAST_S, progress=progress
    )
    alone = [one.task(context) for one in sections if one.alone]
    found |= examine_all(alone, until=end, at_once=1, progress=progress)
    return [finding for one in sections for finding in found[one.name]]
