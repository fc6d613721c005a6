"""The doctor's findings for people and for programs."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable
from dataclasses import asdict
from typing import Any, Final, get_args

from pose_edge.doctor.finding import Finding, Verdict, has_fault

COLOURS: Final[dict[Verdict, int]] = {"ok": 32, "skipped": 90, "warning": 33, "fault": 31}
"""SGR codes of a terminal: green, grey, yellow, red."""

Paint = Callable[[Verdict, str], str]


def plain(verdict: Verdict, text: str) -> str:
    """Leave a text as it is."""
    del verdict
    return text


def coloured(verdict: Verdict, text: str) -> str:
    """Give a text its verdict's colour on a terminal."""
    return f"\x1b[{COLOURS[verdict]}m{text}\x1b[0m"


def as_lines(findings: list[Finding], paint: Paint = plain) -> list[str]:
    """Write the report for people.

    Args:
        findings: Those of a section stand together.
        paint: Colours the verdicts.

    Returns:
        Lines: for each section its name, its findings, each with its remedy below it, and a
        summary at the end.
    """
    verdict_width = max(map(len, get_args(Verdict)))
    subject_width = max((len(finding.subject) for finding in findings), default=0)
    indent = " " * (verdict_width + subject_width + 6)
    lines: list[str] = []
    section = None
    for finding in findings:
        if finding.section != section:
            section = finding.section
            lines += [*([""] if lines else []), section]
        verdict = paint(finding.verdict, finding.verdict.ljust(verdict_width))
        lines.append(f"  {verdict}  {finding.subject.ljust(subject_width)}  {finding.text}")
        if finding.remedy:
            lines.append(f"{indent}-> {finding.remedy}")
    counts = Counter(finding.verdict for finding in findings)
    return [
        *lines,
        "",
        f"{_count(counts['fault'], 'fault')}, {_count(counts['warning'], 'warning')}",
    ]


def as_json(findings: list[Finding]) -> dict[str, Any]:
    """Return the report for programs: whether there is a fault, and all findings."""
    return {"healthy": not has_fault(findings), "findings": [asdict(one) for one in findings]}


def _count(number: int, what: str) -> str:
    return f"{number or 'no'} {what}{'' if number == 1 else 's'}"
