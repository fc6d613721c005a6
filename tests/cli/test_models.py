"""The text output of `models list` and `models info`."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from pathlib import Path

import pytest

from pose_edge import logs
from pose_edge.cli.commands.models import command_models_info, command_models_list
from pose_edge.cli.parser import parse
from pose_edge.zoo.registry import Zoo


@pytest.fixture(autouse=True)
def environment(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Iterator[None]:
    """Hide this machine's fetched models and settings."""
    monkeypatch.setenv("XDG_CONFIG_HOME", str(tmp_path))
    monkeypatch.setenv("XDG_DATA_HOME", str(tmp_path))
    monkeypatch.setattr("pose_edge.config.file.MACHINE_FILE", tmp_path / "none")
    yield
    logs.reset()


def show(capsys: pytest.CaptureFixture[str], *words: str) -> str:
    options = parse(["models", *words])
    command = {"list": command_models_list, "info": command_models_info}[words[0]]
    assert command(options) == 0
    return capsys.readouterr().out


def test_the_list_marks_the_default_and_the_models_for_several_people(
    capsys: pytest.CaptureFixture[str],
) -> None:
    header, *rows = show(capsys, "list").splitlines()
    assert header.split()[:2] == ["Model", "People"]
    cells = {row.split()[0]: row for row in rows}
    zoo = Zoo()
    assert list(cells) == [*zoo.entries, *zoo.downloads]
    assert [name for name, row in cells.items() if " default " in row] == ["movenet-lightning-int8"]
    several = {name for name, row in cells.items() if row.split()[1] == "several"}
    assert several == {name for name in cells if "multipose" in name or "posenet" in name}
    assert all("to fetch" in cells[name] for name in zoo.downloads)


def test_the_default_is_that_of_the_configuration(capsys: pytest.CaptureFixture[str]) -> None:
    entries = json.loads(show(capsys, "list", "--json", "--set", "model.name=posenet-mobilenet"))
    assert [entry["name"] for entry in entries if entry["default"]] == ["posenet-mobilenet"]
    assert {entry["people"] for entry in entries} == {"one", "several"}


@pytest.mark.parametrize("name", [*Zoo().entries, *Zoo().downloads])
def test_a_model_is_described_in_words(capsys: pytest.CaptureFixture[str], name: str) -> None:
    text = show(capsys, "info", name)
    lines = dict(re.split(r" {2,}", line, maxsplit=1) for line in text.splitlines())
    assert lines["name"] == name
    assert lines["people"] in ("one", "several")
    assert "None" not in text
    assert ".jpg" not in text, "the names of pictures are for programs"
    assert max(map(len, text.splitlines())) < 250
    fetch = f"`pose-edge models fetch {name}` gets it"
    assert (fetch in lines["state"]) == (name in Zoo().downloads)
    details = json.loads(show(capsys, "info", name, "--json"))
    assert details["name"] == name
