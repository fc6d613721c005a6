"""Tables, on a terminal and in a pipe."""

from __future__ import annotations

import io

import pytest

from pose_edge.cli.terminal import print_table


def test_a_table_in_a_pipe_is_not_cut_off() -> None:
    stream = io.StringIO()
    print_table(("Model", "State"), [("a", "b" * 900)], stream)
    assert "b" * 900 in stream.getvalue()


NAME = "cam [id] :smile: [/red] \x1b[31m \udce9.mp4"


def test_a_name_is_shown_as_it_is() -> None:
    """Brackets and colons in a name are not taken as markup of rich, which draws the table."""
    stream = io.StringIO()
    print_table(("Model", "State"), [(NAME, "[i]")], stream)
    assert "cam [id] :smile: [/red] \\x1b[31m \\udce9.mp4" in stream.getvalue()
    assert "[i]" in stream.getvalue()


ROWS = [("a-long-name-of-a-model", "3.5 MB", "a summary of some words"), ("b", "-", "c")]


def test_a_table_in_a_pipe_has_columns_alone() -> None:
    stream = io.StringIO()
    print_table(("Model", "Size", "Summary"), ROWS, stream)
    assert stream.getvalue().splitlines() == [
        "Model                     Size  Summary",
        "a-long-name-of-a-model  3.5 MB  a summary of some words",
        "b                            -  c",
    ]


@pytest.mark.parametrize("columns", [20, 40, 200])
def test_a_terminal_cuts_no_name(monkeypatch: pytest.MonkeyPatch, columns: int) -> None:
    stream = io.StringIO()
    monkeypatch.setattr(stream, "isatty", lambda: True)
    monkeypatch.setenv("COLUMNS", str(columns))
    monkeypatch.setenv("NO_COLOR", "1")
    monkeypatch.setenv("TERM", "dumb")
    print_table(("Model", "Size", "Summary"), ROWS, stream)
    header, rule, first, *_ = stream.getvalue().splitlines()
    assert header.split() == ["Model", "Size", "Summary"]
    assert set(rule) == {"─"}
    assert first.startswith("a-long-name-of-a-model")
    assert "3.5 MB" in first
