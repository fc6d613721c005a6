"""One line of the doctor's report."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final, Literal

from pose_edge.errors import PoseEdgeError

Verdict = Literal["ok", "skipped", "warning", "fault"]
"""From best to worst; "skipped" was not examined, and the text says why."""

MAX_TEXT: Final = 300
"""Characters of an error's text that the report shows: libraries may raise pages."""


@dataclass(frozen=True, slots=True)
class Finding:
    """One line of the report.

    Attributes:
        subject: What was examined, e.g. "library".
        verdict: How good or bad it is.
        text: What was found.
        remedy: What to do about it; empty when nothing needs doing.
    """

    subject: str
    verdict: Verdict
    text: str
    remedy: str = ""


Report = dict[str, list[Finding]]
"""The findings by section, in the order of the report."""


def explain(error: Exception, remedy: str = "") -> tuple[str, str]:
    """Return an error's text and its remedy, else the given one, each in one line."""
    if not isinstance(error, PoseEdgeError):
        return one_line(str(error)), remedy
    return one_line(error.message), one_line(error.remedy or remedy)


def one_line(text: str) -> str:
    """Return a text without line breaks, cut where it is very long."""
    return " ".join(text.split())[:MAX_TEXT]


def has_fault(report: Report) -> bool:
    """Tell whether anything must be fixed."""
    return any(one.verdict == "fault" for findings in report.values() for one in findings)
