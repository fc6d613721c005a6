"""What the doctor finds."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

Verdict = Literal["ok", "skipped", "warning", "fault"]
"""From best to worst; "skipped" was not looked at, and the text says why."""


@dataclass(frozen=True, slots=True)
class Finding:
    """One line of the report.

    Attributes:
        section: What it belongs to, e.g. "Edge TPU".
        subject: What was looked at, e.g. "library".
        verdict: How it is.
        text: What was found.
        remedy: What to do about it; empty when nothing needs doing.
    """

    section: str
    subject: str
    verdict: Verdict
    text: str
    remedy: str = ""


def has_fault(findings: list[Finding]) -> bool:
    """Tell whether anything needs mending."""
    return any(finding.verdict == "fault" for finding in findings)
