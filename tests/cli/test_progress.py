"""Progress is a bar on a terminal, and otherwise an occasional line in the log."""

from __future__ import annotations

import io
import re
import sys
import threading
from collections.abc import Iterator

import pytest

from pose_edge import logs
from pose_edge.cli.progress import show_progress

NAME = "cam [id] :smile: [/red] \x1b[31m \udce9.mp4"


@pytest.fixture(autouse=True)
def log_of_its_own() -> Iterator[None]:
    yield
    logs.reset()


class Terminal(io.StringIO):
    """A fake terminal that replaces standard error."""

    def isatty(self) -> bool:
        return True

    def last_lines(self, count: int) -> list[str]:
        """Return the last lines that were shown, without escape sequences."""
        text = re.sub(r"\x1b\[[0-9;?]*[A-Za-z]", "", self.getvalue())
        return [line.strip() for line in re.split(r"[\r\n]+", text) if line.strip()][-count:]


def terminal(monkeypatch: pytest.MonkeyPatch, columns: int = 100) -> Terminal:
    """Make standard error a terminal; no fixture, as pytest replaces the stream after fixtures."""
    terminal = Terminal()
    monkeypatch.setattr(sys, "stderr", terminal)
    monkeypatch.setenv("TERM", "xterm")
    monkeypatch.setenv("COLUMNS", str(columns))
    return terminal


def test_bars_say_what_they_count(monkeypatch: pytest.MonkeyPatch) -> None:
    stderr = terminal(monkeypatch)
    with show_progress("frame") as report:
        for done in range(1, 4):
            report("one.mp4", done, 3)
        report("two.mp4", 5, 10)
        report("three.jpg", 1, 1)
        report("four.mp4", 7, None)
    one, two, three, four = stderr.last_lines(4)
    assert "3 of 3 frames" in one
    assert " fps in 0:0" in one
    assert "5 of 10 frames" in two
    assert two.endswith("left") or "since" in two
    assert "1 of 1 frame " in three
    assert "7 frames" in four
    assert "since 0:0" in four


def test_between_two_reports_nothing_runs_where_something_is_measured(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    stderr = terminal(monkeypatch)
    before = threading.enumerate()
    with show_progress("run", steady=False) as report:
        report("models", 1, 2)
        assert threading.enumerate() == before, "no thread that draws"
        assert "1 of 2 runs" in stderr.last_lines(1)[0]
        report("models", 2, 2)
        assert "2 of 2 runs" in stderr.last_lines(1)[0]


def test_a_narrow_terminal_has_the_numbers_without_a_bar(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    stderr = terminal(monkeypatch, columns=50)
    with show_progress("picture") as report:
        report("model", 3, 3)
    (line,) = stderr.last_lines(1)
    assert line.startswith("model 3 of 3 pictures")
    assert "pictures/s in 0:0" in line


def test_a_fault_before_the_first_report_stands_alone(monkeypatch: pytest.MonkeyPatch) -> None:
    stderr = terminal(monkeypatch)
    with pytest.raises(ValueError, match="faulty"), show_progress("frame"):
        raise ValueError("faulty")
    assert stderr.getvalue() == ""


def test_a_name_is_shown_as_it_is(monkeypatch: pytest.MonkeyPatch) -> None:
    """Brackets and colons in a name are not taken as markup of rich, which draws the bars."""
    stderr = terminal(monkeypatch)
    with show_progress("frame") as report:
        report(NAME, 1, 2)
    assert "cam [id] :smile: [/red] \\x1b[31m \\udce9.mp4 " in stderr.last_lines(1)[0]


def test_elsewhere_the_log_says_it_now_and_then(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    now = [100.0]
    monkeypatch.setattr("pose_edge.cli.progress.time.monotonic", lambda: now[0])
    logs.start("info", "text")
    with show_progress("frame") as report:
        for done in range(1, 41):
            report("one.mp4", done, 1001)
            now[0] += 1.0
        report("two.mp4", 1, None)
    (line,) = capsys.readouterr().err.splitlines()
    assert line.endswith("one.mp4: 31 of 1001 frames, 1.0 fps, 15:39 left")
