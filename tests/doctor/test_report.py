from __future__ import annotations

import json
import re
from typing import get_args

from hypothesis import given, settings
from hypothesis import strategies as st

from pose_edge import __version__
from pose_edge.doctor.report import (
    COLOURS,
    Finding,
    Report,
    Verdict,
    as_json,
    as_lines,
    has_fault,
)
from pose_edge.util.text import printable

LIBRARY = Finding("library", "fault", "not installed", "install it")
CAMERA = Finding("/dev/video0", "warning", "held by cheese", "end cheese")
REPORT = {
    "Edge TPU": [Finding("device", "ok", "usb 2-1"), LIBRARY],
    "Camera": [CAMERA],
}

findings = st.builds(
    Finding,
    st.text(st.characters(codec="ascii", categories=("L", "N")), max_size=12),
    st.sampled_from(get_args(Verdict)),
    st.text(max_size=20),
    st.text(max_size=20),
)
some_report = st.dictionaries(st.sampled_from(("Edge TPU", "Camera")), st.lists(findings))


def test_for_people() -> None:
    assert as_lines(REPORT) == [
        "Edge TPU",
        "  ok       device       usb 2-1",
        "  fault    library      not installed",
        "                        -> install it",
        "",
        "Camera",
        "  warning  /dev/video0  held by cheese",
        "                        -> end cheese",
        "",
        "1 fault, 1 warning",
    ]


def test_a_narrow_terminal() -> None:
    finding = Finding("system", "warning", "one two three four", "`sudo apt clean` it")
    report = {"Disk": [finding]}
    assert as_lines(report, width=43)[:4] == [
        "Disk",
        "  warning  system  one two three four",
        "                   -> `sudo apt clean` it",
        "",
    ]
    assert as_lines(report, width=10)[1:3] == [
        "  warning  system  one two three four",
        "                   -> `sudo apt clean` it",
    ], "never narrower than can be read"
    text = "word " * 30 + "/a/path/that-must/stay-intact/to.copy"
    long = {"Disk": [Finding("system", "ok", text)]}
    lines = as_lines(long, width=60)
    assert all(len(line) <= 60 for line in lines)
    assert lines[-3].endswith("/a/path/that-must/stay-intact/to.copy")
    assert all(line.startswith(" " * 19 + "w") for line in lines[2:-3])


@settings(deadline=None)
@given(some_report, st.integers(1, 200))
def test_no_word_is_lost_when_lines_are_broken(report: Report, width: int) -> None:
    wide = " ".join(" ".join(as_lines(report)).split())
    assert " ".join(" ".join(as_lines(report, width=width)).split()) == wide


def test_nothing_to_say() -> None:
    assert as_lines({}) == ["", "no faults, no warnings"]
    nothing = {"schema": 1, "version": __version__, "healthy": True, "findings": []}
    assert as_json({}) == nothing


def test_several_are_counted() -> None:
    assert as_lines({"Edge TPU": [LIBRARY, LIBRARY]})[-1] == "2 faults, no warnings"


def test_for_programs() -> None:
    report = json.loads(json.dumps(as_json(REPORT)))
    assert report["healthy"] is False
    assert report["findings"][1] == {
        "section": "Edge TPU",
        "subject": "library",
        "verdict": "fault",
        "text": "not installed",
        "remedy": "install it",
    }


def test_a_warning_is_no_fault() -> None:
    assert not has_fault({"Camera": [Finding("device", "ok", "usb 2-1"), CAMERA]})
    assert has_fault(REPORT)


def test_every_verdict_has_a_colour() -> None:
    assert set(COLOURS) == set(get_args(Verdict))


@settings(deadline=None)
@given(some_report)
def test_colours_change_nothing_else(report: Report) -> None:
    painted = as_lines(report, colour=True)
    codes = re.compile(r"\x1b\[(?:\d+)m(ok|skipped|warning|fault)( *)\x1b\[0m")
    assert [codes.sub(r"\1\2", line) for line in painted] == as_lines(report)


@settings(deadline=None)
@given(some_report)
def test_every_text_and_remedy_is_told_once(report: Report) -> None:
    lines = as_lines(report)
    remedies = [line.partition("-> ")[2] for line in lines if line.lstrip().startswith("-> ")]
    findings = [finding for some in report.values() for finding in some]
    wanted = [printable(finding.remedy) for finding in findings if finding.remedy]
    assert len(remedies) >= len(wanted)
    assert all(any(line.endswith(f"-> {remedy}") for line in lines) for remedy in wanted)
    assert all(any(line.endswith(printable(one.text)) for line in lines) for one in findings)
