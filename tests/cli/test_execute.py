"""How errors of a command are reported, and the exit status that they lead to."""

from __future__ import annotations

import logging
from argparse import Namespace
from collections.abc import Callable, Iterator

import pytest

from pose_edge import logs
from pose_edge.cli import execute as module
from pose_edge.cli.dispatch import dispatch
from pose_edge.errors import OutputError, SourceError


@pytest.fixture
def fail(monkeypatch: pytest.MonkeyPatch) -> Iterator[Callable[[BaseException], None]]:
    """Return a function that makes the command raise a given error."""
    levels = {name: logging.getLogger(name).level for name in ("", "pose_edge")}
    monkeypatch.setattr(module, "interrupt_on_signals", lambda: None)
    monkeypatch.setattr(module, "discard_output", lambda: None)  # would discard pytest's output

    def let_fail(error: BaseException) -> None:
        def command(_options: Namespace) -> int:
            raise error

        monkeypatch.setattr(module, "find_command", lambda name: command)

    yield let_fail
    logs.reset()
    for name, level in levels.items():
        logging.getLogger(name).setLevel(level)


@pytest.mark.parametrize(
    ("error", "status", "says"),
    [
        (SourceError("no camera", remedy="plug one in"), 3, "no camera; plug one in"),
        (OutputError("the standard output: full"), 1, "the standard output: full"),
        (PermissionError(13, "Permission denied", "/root/x"), 1, "/root/x: Permission denied"),
        (OSError("something"), 1, "something"),
        (ZeroDivisionError("a bug"), 1, "internal error: ZeroDivisionError: a bug"),
        (KeyboardInterrupt(), 1, "interrupted"),
    ],
)
def test_each_error_has_its_status_and_its_line(
    fail: Callable[[BaseException], None],
    error: BaseException,
    status: int,
    says: str,
    capsys: pytest.CaptureFixture[str],
) -> None:
    fail(error)
    assert dispatch(["models", "list"]) == status
    first = capsys.readouterr().err.splitlines()[0]
    assert first == f"pose-edge: {says}"


def test_a_reader_that_has_gone_is_no_error(
    fail: Callable[[BaseException], None], capsys: pytest.CaptureFixture[str]
) -> None:
    fail(BrokenPipeError(32, "Broken pipe"))
    assert dispatch(["models", "list"]) == 0
    assert capsys.readouterr().err == ""


def test_a_secret_of_the_command_line_is_in_no_error(
    fail: Callable[[BaseException], None], capsys: pytest.CaptureFixture[str]
) -> None:
    fail(ZeroDivisionError("cannot open me:a s3cret@camera"))
    assert dispatch(["run", "--source", "rtsp://me:a s3cret@camera/x"]) == 1
    assert "s3cret" not in capsys.readouterr().err
