"""`pose-edge doctor`: check this machine and say what to fix.

Each section of the report is one module here. `isolated` runs each section in its own process,
because a broken driver or library may hang or crash.

May import every folder up to pipeline, but not live, offline or service.

To add a section, write a module with a function `examine(context)` that yields findings, and add an
entry to `sections.SECTIONS`.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from typing import Final

from pose_edge.doctor.context import DoctorContext
from pose_edge.doctor.isolated import examine_all
from pose_edge.doctor.report import Report, as_json, as_lines, has_fault
from pose_edge.doctor.sections import SECTIONS, ReportSection

__all__ = ["DoctorContext", "Report", "as_json", "as_lines", "has_fault", "run_doctor"]

TOTAL_S: Final = 20.0
"""Time limit for the whole report, seconds, even if a section hangs."""
LAST_S: Final = 5.0
"""Part of `TOTAL_S` that is reserved for the sections that run alone at the end, seconds."""


def run_doctor(
    context: DoctorContext,
    *,
    sections: Sequence[ReportSection] = SECTIONS,
    progress: Callable[[list[str]], None] = lambda _sections: None,
) -> Report:
    """Examine all sections; errors become findings.

    Call this before the process has other threads, because it forks.

    Args:
        context: The configuration and the machine.
        sections: The sections to examine, in the order of the report.
        progress: Called with the names of the running sections whenever they change.
    """
    end = time.monotonic() + TOTAL_S
    together = sorted((one for one in sections if not one.alone), key=lambda one: not one.early)
    alone = [one for one in sections if one.alone]
    found = examine_all(together, context, until=end - LAST_S, progress=progress)
    found |= examine_all(alone, context, until=end, at_once=1, progress=progress)
    return {one.name: found[one.name] for one in sections}
