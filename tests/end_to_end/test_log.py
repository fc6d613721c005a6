"""The log of the real command, in each format."""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from command import Command, Finished
from jsonschema import validate

from pose_edge.util import resources

RUN = ("run", "--source", "demo", "--display", "none", "--max-frames", "5")

ENTRY = {
    "type": "object",
    "required": ["time", "level", "logger", "message"],
    "additionalProperties": False,
    "properties": {
        "time": {"type": "number"},
        "level": {"enum": ["debug", "info", "warning", "error", "critical"]},
        "logger": {"type": "string"},
        "message": {"type": "string"},
        "exception": {"type": "string"},
    },
}


def entries(done: Finished) -> list[dict[str, Any]]:
    found = [json.loads(line) for line in done.stderr.splitlines()]
    for entry in found:
        validate(entry, ENTRY)
    return found


def test_as_json(pose_edge: Command) -> None:
    done = pose_edge(*RUN, "--log-format", "json", "--log-level", "debug")
    assert done.status == 0
    told = entries(done)
    assert told[0]["message"].startswith("configuration: ")
    assert told[-1]["message"].startswith("5 frames in ")
    assert any("inference" in entry["message"] for entry in told)


def test_by_the_configuration(pose_edge: Command) -> None:
    done = pose_edge(*RUN, POSE_EDGE_LOG__FORMAT="json")
    assert done.status == 0
    assert entries(done)


def test_a_progress_bar_is_for_people(pose_edge: Command) -> None:
    clip = str(resources.demo_clip())
    pictures = ("annotate", clip, "--poses", "p.jsonl", "--log-format", "json")
    done = pose_edge(*pictures)
    assert done.status == 0
    assert entries(done)


def test_an_error_is_an_entry_too(pose_edge: Command) -> None:
    done = pose_edge("run", "--source", "nothing.mp4", "--log-format", "json")
    assert done.status == 3
    last = entries(done)[-1]
    assert last["level"] == "error"
    assert "no such file" in last["message"]


@pytest.mark.parametrize("form", ["text", "journal", "json"])
def test_a_password_is_in_no_format(pose_edge: Command, form: str) -> None:
    address = "rtsp://me:a s3cret@127.0.0.1:9/x?token=s3cret"
    done = pose_edge("run", "--source", address, "--log-format", form, "--log-level", "debug")
    assert done.status == 3
    assert "s3cret" not in done.stderr + done.stdout
    assert "127.0.0.1:9" in done.stderr


def test_for_the_journal(pose_edge: Command) -> None:
    process = pose_edge.start(*RUN, "--log-format", "journal")
    done = pose_edge.finish(process)
    assert done.status == 0
    assert all(re.match(r"<[2-7]>", line) for line in done.stderr.splitlines())


def test_the_journal_is_found_by_itself(tmp_path: Path) -> None:
    with (tmp_path / "stream").open("wb") as stream:
        status = os.fstat(stream.fileno())
        subprocess.run(
            [sys.executable, "-m", "pose_edge", "run", "--source", "nothing.mp4"],
            stderr=stream,
            env={**os.environ, "JOURNAL_STREAM": f"{status.st_dev}:{status.st_ino}"},
            check=False,
            timeout=60,
        )
    lines = (tmp_path / "stream").read_text().splitlines()
    assert lines
    assert lines[-1].startswith("<3>source nothing.mp4: no such file")
