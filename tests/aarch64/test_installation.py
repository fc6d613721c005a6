"""The wheel on Debian for aarch64: its installation by pip, and the program's self-checks."""

from __future__ import annotations

import json
from typing import Any

from aarch64.machine import VENV, Installation, Machine
from aarch64.root import PYTHONS
from command import Finished

from pose_edge.service.places import Places
from pose_edge.util import resources
from pose_edge.zoo.registry import Zoo

NO_TIME = ("no answer within ", "not examined: ")
"""Beginnings of the doctor's messages about sections that time out because of the emulation."""


def succeeded(done: Finished) -> str:
    """Assert that a command succeeded, and return its standard output."""
    assert done.status == 0, done.stdout + done.stderr
    return done.stdout


def test_nothing_was_compiled(installation: Installation) -> None:
    built = [name for name in installation.archives if not name.endswith(".whl")]
    assert built == []
    foreign = [name for name in installation.archives if "x86" in name]
    assert foreign == []
    assert sum("aarch64" in name for name in installation.archives) >= 5


def test_what_depends_on_what_is_satisfied(machine: Machine) -> None:
    assert succeeded(machine("pip", "check")) == "No broken requirements found.\n"


def test_it_is_the_python_of_the_release(release: str, machine: Machine) -> None:
    assert f"Python {PYTHONS[release]}." in succeeded(machine("python3", "--version"))
    assert succeeded(machine("uname", "-m")) == "aarch64\n"


def test_every_model_that_ships_is_whole(machine: Machine) -> None:
    lines = succeeded(machine("pose-edge", "models", "verify")).splitlines()
    models = {line.partition(": ")[0]: line.partition(": ")[2] for line in lines}
    assert set(models) == set(Zoo().entries)
    assert set(models.values()) == {"OK"}


def test_the_doctor_knows_the_machine(release: str, machine: Machine) -> None:
    done = machine("pose-edge", "doctor", "--json", "--no-camera", "--no-inference")
    assert done.stderr == ""
    findings: list[dict[str, Any]] = json.loads(done.stdout)["findings"]
    assert done.status == any(one["verdict"] == "fault" for one in findings)
    broken = [one["text"] for one in findings if one["subject"] == "examination"]
    assert [text for text in broken if not text.startswith(NO_TIME)] == []
    texts = {(one["section"], one["subject"]): one["text"] for one in findings}
    assert texts["Machine", "board"] == "aarch64"
    assert f"({release})" in texts["Machine", "system"]
    assert texts["Machine", "system"].endswith(", 64 bit")
    assert "usable" in texts["Machine", "cores"]
    assert texts["Python", "python"].startswith(PYTHONS[release])
    faults = [one for one in findings if one["section"] == "Python" and one["verdict"] == "fault"]
    assert [one for one in faults if one["subject"] != "examination"] == []


def test_the_service_would_be_installed(machine: Machine) -> None:
    said = succeeded(machine("pose-edge", "service", "install", "--dry-run"))
    assert f"from this installation {VENV}/" in said
    assert "would run: systemctl enable --quiet pose-edge.service" in said
    assert not (machine.root / "etc/pose-edge").exists()


def test_systemd_finds_no_fault_in_the_unit(machine: Machine) -> None:
    # `verify` requires the started program to exist; here it is installed in another folder.
    text = resources.service_unit().read_text(encoding="utf-8")
    text = text.replace(f"{Places().current}/bin", f"{VENV}/bin")
    machine.path("pose-edge.service").write_text(text, encoding="utf-8")
    done = machine("systemd-analyze", "verify", "--man=no", "pose-edge.service")
    assert (done.status, done.stdout + done.stderr) == (0, "")
