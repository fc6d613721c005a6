from __future__ import annotations

import pytest
from doctor_contexts import MadeUp

from pose_edge.doctor import context as module
from pose_edge.doctor.context import read_number, read_text


def test_a_command_that_answers(made_up: MadeUp) -> None:
    made_up.command("tell", 'echo "$1 $LC_ALL"')
    context = made_up.context()
    assert context.ask("tell", "me") == "me C.UTF-8\n"


def test_commands_that_do_not(made_up: MadeUp, monkeypatch: pytest.MonkeyPatch) -> None:
    made_up.command("fail", "echo no; exit 3")
    made_up.command("hang", "exec sleep 3600")
    made_up.put("bin/not-a-command", "x")
    monkeypatch.setattr(module, "ANSWER_S", 1.0)
    context = made_up.context()
    for command in ("fail", "hang", "not-a-command", "missing"):
        assert context.ask(command) == ""


def test_files_of_the_kernel(made_up: MadeUp) -> None:
    assert read_text(made_up.put("sys/a", "Pi 5\0\n")) == "Pi 5"
    assert read_text(made_up.root / "missing") == ""
    assert read_number(made_up.put("sys/b", "-12\n")) == -12
    assert read_number(made_up.put("sys/c", "x")) is None
