"""`pose-edge doctor`, the real command, on this machine and on made-up ones."""

from __future__ import annotations

import json
import os
import time
from typing import Any

from command import Command, Finished
from doctor_contexts import MadeUp
from jsonschema import validate

from pose_edge.doctor.sections import SECTIONS

REPORT = {
    "type": "object",
    "required": ["schema", "version", "healthy", "findings"],
    "properties": {
        "schema": {"const": 1},
        "version": {"type": "string"},
        "healthy": {"type": "boolean"},
        "findings": {
            "type": "array",
            "items": {
                "type": "object",
                "required": ["section", "subject", "verdict", "text", "remedy"],
                "properties": {
                    "section": {"enum": [section.name for section in SECTIONS]},
                    "subject": {"type": "string", "minLength": 1},
                    "verdict": {"enum": ["ok", "skipped", "warning", "fault"]},
                    "text": {"type": "string", "minLength": 1},
                    "remedy": {"type": "string"},
                },
            },
        },
    },
}

NONE = ("--no-camera", "--no-inference")


def report(done: Finished) -> list[dict[str, Any]]:
    found = json.loads(done.stdout)
    validate(found, REPORT)
    findings: list[dict[str, Any]] = found["findings"]
    faults = [one for one in findings if one["verdict"] == "fault"]
    assert found["healthy"] is not bool(faults)
    assert done.status == (1 if faults else 0), faults
    return findings


def test_every_section_is_there_and_none_is_broken(pose_edge: Command) -> None:
    findings = report(pose_edge("doctor", "--json", "--source", "demo"))
    sections = list(dict.fromkeys(one["section"] for one in findings))
    assert sections == [section.name for section in SECTIONS]
    assert [one for one in findings if one["subject"] == "examination"] == []
    texts = {(one["section"], one["subject"]): one["text"] for one in findings}
    assert "movenet-lightning-int8 by" in texts["Inference", "model"]
    assert texts["Source", "picture"].startswith("1280x720")


def test_for_people(pose_edge: Command) -> None:
    done = pose_edge("doctor", *NONE)
    assert done.stdout.startswith("Machine\n  ok       board")
    assert done.stdout.rstrip().splitlines()[-1].count("warning") == 1
    assert "\x1b" not in done.stdout
    assert done.stderr == ""


def test_a_faulty_configuration_is_a_finding(pose_edge: Command) -> None:
    (pose_edge.folder / "bad.yaml").write_text("camera:\n  fsp: 30\n")
    findings = report(pose_edge("doctor", "--json", "--config", "bad.yaml", *NONE))
    (fault,) = (one for one in findings if one["section"] == "Configuration" and one["remedy"])
    assert "did you mean camera.fps?" in fault["text"]
    assert {one["section"] for one in findings} == {section.name for section in SECTIONS}


def test_what_is_typed_wrong_is_wrong_usage(pose_edge: Command) -> None:
    done = pose_edge("doctor", "--edgetpu", "perhaps")
    assert done.status == 2
    assert "--edgetpu perhaps" in done.complaint()[0]


def test_a_device_that_hangs_does_not_hang_the_doctor(pose_edge: Command, made_up: MadeUp) -> None:
    # A FIFO can be opened for reading and writing, but reading it blocks forever.
    path = made_up.root / "sys/class/thermal/thermal_zone0/temp"
    path.parent.mkdir(parents=True)
    os.mkfifo(path)
    settings = ("--set", f"testing.sysfs={made_up.root / 'sys'}", "--set", "testing.dev=/dev")
    began = time.monotonic()
    findings = report(pose_edge("doctor", "--json", *NONE, *settings))
    assert time.monotonic() - began < 60
    hung = [one for one in findings if one["subject"] == "examination"]
    assert [one["section"] for one in hung] == ["Heat and power"]
    assert hung[0]["text"].startswith("no answer within ")


def test_no_password_is_told(pose_edge: Command) -> None:
    source = "rtsp://me:s3cret@127.0.0.1:9/x?token=s3cret"
    done = pose_edge("doctor", "--source", source, *NONE, "--log-level", "debug")
    assert "127.0.0.1" in done.stdout
    assert "s3cret" not in done.stdout + done.stderr
