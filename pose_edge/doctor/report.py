"""The doctor's report as text and as JSON.

The JSON of `as_json` is one object; keys are added, never changed:

    schema    1
    version   of pose_edge, e.g. "0.1.0"
    healthy   whether nothing is a fault
    findings  a list of objects, in the order of the report:
        section  e.g. "Cameras"; the sections are those of `sections.SECTIONS`
        subject  what was examined, e.g. "/dev/video0"; several findings may share one
        verdict  "ok", "skipped" (not examined), "warning" or "fault"
        text     what was found; its wording may change
        remedy   what to do; "" when nothing needs doing

A section that could not be examined has a finding with the subject "examination".
"""

from __future__ import annotations

import textwrap
from collections import Counter
from collections.abc import Callable
from dataclasses import asdict
from typing import Any, Final, get_args

from pose_edge import __version__
from pose_edge.doctor.finding import Report, Verdict, has_fault

COLOURS: Final[dict[Verdict, int]] = {"ok": 32, "skipped": 90, "warning": 33, "fault": 31}
"""SGR codes of a terminal: green, grey, yellow, red."""

NARROWEST: Final = 24
"""Columns of the texts at least, however narrow the terminal is."""
ARROW: Final = "-> "

Paint = Callable[[Verdict, str], str]


def plain(verdict: Verdict, text: str) -> str:
    """Return a text as it is."""
    del verdict
    return text


def coloured(verdict: Verdict, text: str) -> str:
    """Return a text with the codes that give it its verdict's colour on a terminal."""
    return f"\x1b[{COLOURS[verdict]}m{text}\x1b[0m"


def as_lines(report: Report, paint: Paint = plain, width: int | None = None) -> list[str]:
    """Return the report as text.

    Args:
        report: The findings by section; sections without any are left out.
        paint: Colours the verdicts: `plain` or `coloured`.
        width: Columns of the terminal, at which longer texts are wrapped; None for no wrapping.

    Returns:
        Lines: for each section its name and its findings, each with its remedy below it, and at
        the end a summary.
    """
    everything = [finding for findings in report.values() for finding in findings]
    verdict_width = max(map(len, get_args(Verdict)))
    subject_width = max((len(finding.subject) for finding in everything), default=0)
    indent = " " * (verdict_width + subject_width + 6)
    room = None if width is None else max(NARROWEST, width - len(indent))
    lines: list[str] = []
    for section, findings in report.items():
        lines += [section] if findings else []
        for finding in findings:
            verdict = paint(finding.verdict, finding.verdict.ljust(verdict_width))
            first, *more = _wrap(finding.text, room)
            lines.append(f"  {verdict}  {finding.subject.ljust(subject_width)}  {first}")
            lines += [indent + line for line in more]
            if finding.remedy:
                first, *more = _wrap(finding.remedy, None if room is None else room - len(ARROW))
                lines.append(f"{indent}{ARROW}{first}")
                lines += [f"{indent}{' ' * len(ARROW)}{line}" for line in more]
        lines += [""] if findings else []
    counts = Counter(finding.verdict for finding in everything)
    summary = f"{_count(counts['fault'], 'fault')}, {_count(counts['warning'], 'warning')}"
    return [*(lines or [""]), summary]


def as_json(report: Report) -> dict[str, Any]:
    """Return the report as JSON values; this module's docstring describes them."""
    return {
        "schema": 1,
        "version": __version__,
        "healthy": not has_fault(report),
        "findings": [
            {"section": section, **asdict(finding)}
            for section, findings in report.items()
            for finding in findings
        ],
    }


def _wrap(text: str, room: int | None) -> list[str]:
    """Wrap a text between words; paths and addresses are not broken, so that they can be copied."""
    if room is None or len(text) <= room:
        return [text]
    return textwrap.wrap(text, room, break_long_words=False, break_on_hyphens=False) or [text]


def _count(number: int, what: str) -> str:
    return f"{number or 'no'} {what}{'' if number == 1 else 's'}"
