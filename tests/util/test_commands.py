from __future__ import annotations

from pathlib import Path

import pytest

from pose_edge.util.commands import run_command


def test_what_a_command_writes_and_its_status() -> None:
    result = run_command(["sh", "-c", "echo out; echo err >&2; exit 3"])
    assert (result.returncode, result.stdout, result.stderr) == (3, "out\n", "err\n")


def test_the_environment_and_no_input() -> None:
    result = run_command(["/bin/sh", "-c", 'cat; echo "$NAME"'], {"NAME": "value"})
    assert (result.returncode, result.stdout, result.stderr) == (0, "value\n", "")


def test_a_command_that_takes_too_long() -> None:
    result = run_command(["sleep", "3600"], timeout=0.2)
    assert (result.returncode, result.stdout, result.stderr) == (
        124,
        "",
        "sleep: no answer after 0.2 s",
    )


@pytest.mark.parametrize("mode", [None, 0o644])
def test_a_command_that_cannot_be_started(tmp_path: Path, mode: int | None) -> None:
    command = tmp_path / "command"
    if mode is not None:
        command.touch(mode)
    result = run_command([str(command)])
    assert (result.returncode, result.stdout) == (127, "")
    assert result.stderr.startswith(f"{command}: ")
