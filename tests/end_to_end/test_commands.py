"""The short commands: `models`, `config`, `bench child` and `--version`."""

from __future__ import annotations

import json

from command import Command
from jsonschema import Draft202012Validator

from pose_edge import __version__
from pose_edge.util import resources


def test_models(pose_edge: Command) -> None:
    listing = pose_edge("models", "list")
    assert listing.status == 0
    assert "movenet-lightning-fp16" in listing.stdout
    entries = json.loads(pose_edge("models", "list", "--json").stdout)
    details = json.loads(pose_edge("models", "info", entries[0]["name"], "--json").stdout)
    assert details["sha256"] == entries[0]["sha256"]
    verified = pose_edge("models", "verify")
    assert verified.status == 0
    assert all(entry["ap"] for entry in entries if entry["state"] == "here"), "each is measured"
    here = [entry for entry in entries if entry["state"] == "here"]
    assert verified.stdout.count(": OK") == len(here)


def test_config_show_is_a_configuration(pose_edge: Command) -> None:
    shown = pose_edge("config", "show", "--set", "camera.fps=12")
    assert "fps: 12" in shown.stdout
    (pose_edge.folder / "shown.yaml").write_text(shown.stdout)
    again = pose_edge("config", "show", "--config", "shown.yaml")
    assert again.stdout == shown.stdout
    defaults = pose_edge("config", "show", "--defaults")
    assert defaults.stdout == resources.default_config().read_text()
    assert "no faults" in pose_edge("config", "check").stdout
    origins = pose_edge("config", "show", "--origin", "--set", "camera.fps=12").stdout
    assert "  fps: 12.0                         # command line\n" in origins
    others = [line for line in origins.splitlines() if line[:2] == "  " and "fps: 12" not in line]
    assert all(line.endswith("# default") for line in others)


def test_config_schema_is_a_json_schema(pose_edge: Command) -> None:
    schema = json.loads(pose_edge("config", "schema").stdout)
    Draft202012Validator.check_schema(schema)
    Draft202012Validator(schema).validate({"camera": {"fps": 15}})


def test_bench_child(pose_edge: Command) -> None:
    figures = json.loads(pose_edge("bench", "child", "--runs", "3", "--json").stdout)
    assert list(figures) == ["machine", "model", "runtime", "here_ms", "child_ms", "cost_ms"]
    assert figures["here_ms"] > 0
    assert figures["cost_ms"] == figures["child_ms"] - figures["here_ms"]
    shown = pose_edge("bench", "child", "--runs", "3").stdout.splitlines()[1:]
    assert [line[:15].strip() for line in shown] == [
        "in this process",
        "in a child",
        "the child costs",
    ]


def test_version(pose_edge: Command) -> None:
    assert pose_edge("--version").stdout.strip() == f"pose-edge {__version__}"
