"""The judge notices every kind of misbehaviour, tried with commands that misbehave on purpose."""

from __future__ import annotations

import os
import signal
from pathlib import Path

import pytest
from fuzz import trial as trial_module
from fuzz.case import Case
from fuzz.judge import judge
from fuzz.trial import Trial


class Shell(Case):
    """A case that runs a shell command instead of the program."""

    def command(self) -> list[str]:
        return ["/bin/sh", "-c", *self.arguments]


def complaints(folder: Path, command: str, **expected: object) -> list[str]:
    """Run a command to its end, and return the judge's complaints."""
    case = Shell([command], seconds=0.0, **expected)  # type: ignore[arg-type]
    trial = Trial(case, folder, os.environ)
    return list(judge(case, trial, trial.finish(case.seconds)))


SAID = "echo '06:00:00 INFO    2 frames in 1.0 s' >&2"


@pytest.mark.parametrize(
    ("command", "complaint"),
    [
        ("kill -SEGV $$", "ended by SIGSEGV"),
        ("exit 4", "exit status 4"),
        ("echo 'Traceback (most recent call last):'", "says 'Traceback"),
        ("echo 'pose-edge: internal error: KeyError' >&2; exit 1", "says 'internal error'"),
        (r"printf '\033[31m'", "writes escape sequences"),
        ("head -c 200000 /dev/zero | tr '\\0' x", "says 200000 characters"),
        ("echo '3 left out' >&2", "status 0 though something was left out"),
        ("sleep 3600 & exit 0", "leaves 1 processes"),
        ("touch .out.jpg.part", "leaves '.out.jpg.part'"),
        (f"{SAID}; echo '{{}}' >p.jsonl", "1 lines of 2 frames, with status 0"),
        ("printf '{}\\n{' >p.jsonl", "half a line in p.jsonl"),
        ("echo '{\"x\": NaN}' >p.jsonl", "a line of p.jsonl is no JSON"),
    ],
)
def test_it_is_noticed(tmp_path: Path, command: str, complaint: str) -> None:
    told = complaints(tmp_path, command, poses="p.jsonl")
    assert told
    assert told[0].startswith(complaint)


def test_what_hangs_is_noticed_and_killed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(trial_module, "HANG_S", 0.2)
    (complaint,) = complaints(tmp_path, "exec sleep 3600")
    assert complaint.startswith("does not end (sleep: ")


def test_nothing_is_noticed_of_what_goes_well(tmp_path: Path) -> None:
    command = f"printf '{{}}\\n{{}}\\n' >p.jsonl; {SAID}"
    assert complaints(tmp_path, command, poses="p.jsonl") == []
    sent = [signal.SIGTERM]
    assert complaints(tmp_path, "kill -TERM $$", sent_signals=sent) == []
