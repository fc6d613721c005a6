"""Bars and tables stand where people read, and nowhere else."""

from __future__ import annotations

import io
from collections.abc import Iterator

import pytest
from rich.progress import MofNCompleteColumn

from pose_edge import logs
from pose_edge.cli.terminal import PIPE_WIDTH, people_read, print_table, progress_bars


@pytest.fixture(autouse=True)
def log_of_its_own() -> Iterator[None]:
    yield
    logs.reset()


def test_a_bar_counts_each_thing(capsys: pytest.CaptureFixture[str]) -> None:
    with progress_bars(MofNCompleteColumn()) as report:
        for done in range(1, 4):
            report("one.mp4", done, 3)
        report("two.mp4", 5, 10)
    text = capsys.readouterr().err
    assert "one.mp4" in text
    assert "3/3" in text
    assert "5/10" in text


def test_a_fault_before_the_first_report_shows_no_bar(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(ValueError, match="faulty"), progress_bars(MofNCompleteColumn()):
        raise ValueError("faulty")
    assert capsys.readouterr().err.strip() == ""


def test_programs_get_no_bars(capsys: pytest.CaptureFixture[str]) -> None:
    logs.start("info", "json")
    assert not people_read()
    with progress_bars(MofNCompleteColumn()) as report:
        report("one.mp4", 3, 3)
    assert capsys.readouterr().err.strip() == ""


def test_a_table_in_a_pipe_is_not_cut_off() -> None:
    stream = io.StringIO()
    print_table(("Model", "State"), [("a", "b" * (PIPE_WIDTH - 20))], stream)
    assert "b" * (PIPE_WIDTH - 20) in stream.getvalue()


NAME = "cam [id] :smile: [/red] \x1b[31m \udce9.mp4"


def test_a_name_is_shown_as_it_is(capsys: pytest.CaptureFixture[str]) -> None:
    """Brackets and colons are not the markup of the library that draws."""
    shown = "cam [id] :smile: [/red] \\x1b[31m \\udce9.mp4"
    with progress_bars(MofNCompleteColumn()) as report:
        report(NAME, 1, 2)
    assert shown in " ".join(capsys.readouterr().err.split())
    stream = io.StringIO()
    print_table(("Model", "State"), [(NAME, "[i]")], stream)
    assert shown in stream.getvalue()
    assert "[i]" in stream.getvalue()
