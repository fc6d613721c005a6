"""The doctor's findings, and the report as text and as JSON.

The JSON of `as_json` is one object; keys may be added, but are never changed:

    schema    1
    version   of pose_edge, e.g. "0.1.0"
    healthy   whether nothing is a fault
    findings  a list of objects, in the order of the report:
        section  e.g. "Cameras"; the sections are those of `sections.SECTIONS`
        subject  what was examined, e.g. "/dev/video0"; several findings may share one
        verdict  "ok", "skipped" (not examined), "warning" or "fault"
        text     what was found; its wording may change
        remedy   what to do; "" if nothing needs to be done

A section that could not be examined has a finding with the subject "examination".
"""

from __future__ import annotations

import textwrap
from collections import Counter
from dataclasses import asdict, dataclass
from typing import Any, Final, Literal, get_args

from pose_edge import __version__
from pose_edge.errors import PoseEdgeError
from pose_edge.util.text import one_line, printable

Verdict = Literal["ok", "skipped", "warning", "fault"]
"""Verdicts from best to worst; for "skipped", the text says why nothing was examined."""


@dataclass(frozen=True, slots=True)
class Finding:
    """One line of the report.

    Attributes:
        subject: What was examined, e.g. "library".
        verdict: The verdict on the subject.
        text: What was found.
        remedy: What to do about it; empty if nothing needs to be done.
    """

    subject: str
    verdict: Verdict
    text: str
    remedy: str = ""


Report = dict[str, list[Finding]]
"""The findings by section, in the order of the report."""


def explain(error: Exception, remedy: str = "") -> tuple[str, str]:
    """Return text and remedy of an error, each in one line.

    Args:
        error: The error.
        remedy: The remedy to return if the error has none.
    """
    if not isinstance(error, PoseEdgeError):
        return one_line(str(error)), remedy
    return one_line(error.message), one_line(error.remedy or remedy)


def has_fault(report: Report) -> bool:
    """Return whether any finding is a fault."""
    return any(one.verdict == "fault" for findings in report.values() for one in findings)


COLOURS: Final[dict[Verdict, int]] = {"ok": 32, "skipped": 90, "warning": 33, "fault": 31}
"""SGR codes for the colours of a terminal: green, grey, yellow, red."""

NARROWEST: Final = 24
"""Minimum width of the texts in columns, even if the terminal is narrower."""
ARROW: Final = "-> "


def as_lines(report: Report, width: int | None = None, *, colour: bool = False) -> list[str]:
    """Return the report as lines of text.

    Args:
        report: The findings by section; sections without findings are left out.
        width: Width of the terminal in columns, at which texts are wrapped; None for no wrapping.
        colour: Whether verdicts are coloured for a terminal.

    Returns:
        For each section its name and its findings, each with its remedy below it; then a summary.
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
            verdict = finding.verdict.ljust(verdict_width)
            if colour:
                verdict = f"\x1b[{COLOURS[finding.verdict]}m{verdict}\x1b[0m"
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
    """Return the report as JSON values; see the docstring of this module."""
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
    """Wrap a text between words only, so that paths and addresses can be copied."""
    text = printable(text)  # device names and answers of servers may hold control characters
    if room is None or len(text) <= room:
        return [text]
    return textwrap.wrap(text, room, break_long_words=False, break_on_hyphens=False) or [text]


def _count(number: int, what: str) -> str:
    return f"{number or 'no'} {what}{'' if number == 1 else 's'}"
