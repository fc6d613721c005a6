from __future__ import annotations

import json
import logging
import os
import re
import sys
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from pose_edge.logs.formats import Formatter, choose_format, is_journal
from pose_edge.util.urls import Redactor

REDACT = Redactor()


def record(message: object, *args: object, **more: Any) -> logging.LogRecord:  # noqa: ANN401
    values = {"name": "pose_edge.live.run", "levelno": 30, "levelname": "WARNING", "created": 12.5}
    return logging.makeLogRecord({**values, "msg": message, "args": args, **more})


def an_error() -> Any:  # noqa: ANN401
    try:
        raise ValueError("rtsp://me:s3cret@cam")
    except ValueError:
        return sys.exc_info()


def test_for_people() -> None:
    text = Formatter("text", REDACT).format(record("%d lost", 3))
    assert re.fullmatch(r"\d\d:\d\d:\d\d WARNING 3 lost", text)


def test_for_people_a_traceback_only_when_asked_for() -> None:
    failed = record("failed", exc_info=an_error())
    short = Formatter("text", REDACT).format(failed)
    assert short.endswith(" failed")
    long = Formatter("text", REDACT, detailed=True).format(failed)
    assert "Traceback" in long
    assert "s3cret" not in long
    assert "ValueError: rtsp://***@cam" in long


def test_for_the_journal_every_line_has_a_priority() -> None:
    write = Formatter("journal", REDACT).format
    assert write(record("a\nb")) == r"<4>a\nb", "a name; our messages have one line"
    assert write(record("a\nb", name="av")) == "<4>av: a\n<4>b"
    levels = {10: 7, 20: 6, 30: 4, 40: 3, 50: 2, 25: 6, 60: 2, 1: 7}
    for level, priority in levels.items():
        assert write(record("x", levelno=level)) == f"<{priority}>x"
    lines = write(record("failed", exc_info=an_error())).splitlines()
    assert len(lines) > 3
    assert all(line.startswith("<4>") for line in lines)


def test_for_programs() -> None:
    entry = json.loads(Formatter("json", REDACT).format(record("%s", "x")))
    assert entry == {
        "time": 12.5,
        "level": "warning",
        "logger": "pose_edge.live.run",
        "message": "x",
    }
    text = Formatter("json", REDACT).format(record("failed", exc_info=an_error()))
    assert "\n" not in text
    assert json.loads(text)["exception"].endswith("ValueError: rtsp://***@cam")


@settings(deadline=None)
@given(st.text(), st.lists(st.text()))
def test_every_record_is_one_json_object_on_one_line(message: str, args: list[str]) -> None:
    text = Formatter("json", REDACT).format(record(message, *args))
    assert "\n" not in text
    assert set(json.loads(text)) == {"time", "level", "logger", "message"}


@settings(deadline=None)
@given(st.text())
def test_no_text_steers_the_terminal_or_loses_its_priority(message: str) -> None:
    text = Formatter("journal", REDACT).format(record("%s", message))
    assert all(line.startswith("<4>") for line in text.split("\n"))
    assert not re.search(r"[\x00-\x08\x0b-\x1f\x7f-\x9f]", text)


def test_libraries_are_named() -> None:
    assert (
        Formatter("journal", REDACT)
        .format(record("x", name="picamera2.job"))
        .endswith("picamera2.job: x")
    )


class Unprintable:
    def __str__(self) -> str:
        raise RuntimeError("no")

    __repr__ = __str__


@pytest.mark.parametrize("message", ["%d of %d rtsp://me:s3cret@cam", Unprintable()])
def test_a_faulty_call_is_written_as_far_as_it_goes(message: object) -> None:
    for argument in ("one", Unprintable()):
        text = Formatter("journal", REDACT).format(record(message, argument))
        assert text.startswith("<4>")
        assert len(text) > 10
        assert "s3cret" not in text


def test_arguments_of_a_faulty_call_are_redacted_too() -> None:
    text = Formatter("journal", REDACT).format(record("%d", "rtsp://me:s3cret@cam"))
    assert text == "<4>%d ('rtsp://***@cam',)"


def test_the_journal_is_recognised_by_what_the_descriptor_leads_to(tmp_path: Path) -> None:
    with (tmp_path / "stream").open("w") as file:
        descriptor = file.fileno()
        status = os.fstat(descriptor)
        right = {"JOURNAL_STREAM": f"{status.st_dev}:{status.st_ino}"}
        assert is_journal(right, file.fileno())
        assert not is_journal({"JOURNAL_STREAM": f"{status.st_dev}:1"}, file.fileno())
        assert not is_journal({}, file.fileno())
    assert not is_journal(right, descriptor), "closed"


def test_the_format_is_chosen() -> None:
    status = os.fstat(2)
    journal = {"JOURNAL_STREAM": f"{status.st_dev}:{status.st_ino}"}
    assert choose_format("auto", journal) == "journal"
    assert choose_format("auto", {}) == "text"
    assert choose_format("nonsense", {}) == "text"
    assert choose_format("json", journal) == "json"
    assert choose_format("text", journal) == "text"
