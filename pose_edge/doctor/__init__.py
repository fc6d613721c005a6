"""Is this machine fit for the program? Each section of the report is one file here.

A section is a function that yields findings. A new one gets its file and a line in `run_doctor`.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import TYPE_CHECKING

from pose_edge.doctor.edgetpu import SECTION as EDGE_TPU
from pose_edge.doctor.edgetpu import examine as examine_edge_tpu
from pose_edge.doctor.finding import Finding, Verdict, has_fault
from pose_edge.doctor.report import as_json, as_lines, coloured, plain
from pose_edge.errors import PoseEdgeError

if TYPE_CHECKING:
    from pose_edge.runtimes.edgetpu.trial import Trial
    from pose_edge.settings import Settings

__all__ = [
    "Finding",
    "Verdict",
    "as_json",
    "as_lines",
    "coloured",
    "has_fault",
    "plain",
    "run_doctor",
]


def run_doctor(settings: Settings, trial: Callable[[], Trial]) -> list[Finding]:
    """Look at everything.

    Args:
        settings: Those that a run would have.
        trial: Runs a model once on the Edge TPU, in a process of its own.

    Returns:
        The findings, section by section.
    """
    sections: dict[str, Callable[[], Iterable[Finding]]] = {
        EDGE_TPU: lambda: examine_edge_tpu(settings, trial),
    }
    return [finding for name, examine in sections.items() for finding in _all_of(name, examine)]


def _all_of(section: str, examine: Callable[[], Iterable[Finding]]) -> list[Finding]:
    """Collect a section's findings; what stops it is one of them, and the others go on."""
    findings: list[Finding] = []
    try:
        findings.extend(examine())
    except PoseEdgeError as error:
        findings.append(Finding(section, "examination", "fault", " ".join(str(error).split())))
    except Exception as error:  # noqa: BLE001 - a report with a hole is better than none
        text = f"ended by {type(error).__name__}: {error}"
        findings.append(Finding(section, "examination", "fault", text, "please report this"))
    return findings
