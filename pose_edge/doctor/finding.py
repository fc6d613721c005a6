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
        section: Title of the section, e.g. "Edge TPU".
        subject: What was examined, e.g. "library".
        verdict: How good or bad it is.
        text: What was found.
        remedy: What to do about it; empty when nothing needs doing.
    """

    section: str
    subject: str
    verdict: Verdict
    text: str
    remedy: str = ""


def explain(error: Exception, remedy: str = "") -> tuple[str, str]:
    """Return the text and the remedy of the finding that an error leads to.

    Args:
        error: The error that was raised; its own remedy comes first.
        remedy: What to do where the error does not say it.
    """
    if not isinstance(error, PoseEdgeError):
        return one_line(str(error)), remedy
    return one_line(error.message), one_line(error.remedy or remedy)


def one_line(text: str) -> str:
    """Return a text without line breaks, cut where it is very long."""
    return " ".join(text.split())[:MAX_TEXT]


def has_fault(findings: list[Finding]) -> bool:
    """Tell whether anything must be fixed."""
    return any(finding.verdict == "fault" for finding in findings)
