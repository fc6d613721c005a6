"""`pose-edge doctor`: checks this machine and says what to fix.

Each section of the report is one file here; `isolated` runs each in a process of its own, because
a broken driver or library may hang or crash it.

May import every folder up to pipeline, but not live, offline or service.

A new section is one file with a function `examine(context)` that yields findings, and one line in
`sections.SECTIONS`.
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
"""Time limit of the report, seconds, whatever hangs."""
LAST_S: Final = 5.0
"""The part of it that is reserved for the sections that run alone, after the others."""


def run_doctor(
    context: DoctorContext,
    *,
    sections: Sequence[ReportSection] = SECTIONS,
    progress: Callable[[list[str]], None] = lambda _sections: None,
) -> Report:
    """Examine everything; nothing is raised.

    Call this before the process has other threads, because it forks. `progress` is called with the
    names of the sections under way whenever they change.
    """
    end = time.monotonic() + TOTAL_S
    together = sorted((one for one in sections if not one.alone), key=lambda one: not one.early)
    alone = [one for one in sections if one.alone]
    found = examine_all(together, context, until=end - LAST_S, progress=progress)
    found |= examine_all(alone, context, until=end, at_once=1, progress=progress)
    return {one.name: found[one.name] for one in sections}
