from __future__ import annotations

import gc
import json
import logging
import os
import select
import sys
import threading
import warnings
from collections.abc import Iterator
from typing import Any

import pytest
from helpers import fill_pipe

from pose_edge import logs
from pose_edge.config.schema import Settings
from pose_edge.util import standard_streams
from pose_edge.util.standard_streams import StandardError

log = logging.getLogger("pose_edge.somewhere")


@pytest.fixture(autouse=True)
def put_back(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """Restore hooks and levels, and reset the log, after each test."""
    levels = {name: logging.getLogger(name).level for name in ("", "pose_edge")}
    monkeypatch.setattr(threading, "excepthook", threading.excepthook)
    monkeypatch.setattr(sys, "unraisablehook", sys.unraisablehook)
    monkeypatch.setattr(warnings, "showwarning", warnings.showwarning)
    yield
    logs.reset()
    for name, level in levels.items():
        logging.getLogger(name).setLevel(level)


def entries(capsys: pytest.CaptureFixture[str]) -> list[dict[str, Any]]:
    return [json.loads(line) for line in capsys.readouterr().err.splitlines()]


def test_levels_of_ours_and_of_libraries(capsys: pytest.CaptureFixture[str]) -> None:
    library = logging.getLogger("picamera2.picamera2")
    for level, heard in (("debug", 5), ("info", 3), ("warning", 2), ("error", 0), ("loud", 3)):
        logs.start(level, "json")
        log.debug("ours")
        log.info("ours")
        log.warning("ours")
        library.info("theirs")
        library.warning("theirs")
        assert len(entries(capsys)) == heard, level


@pytest.mark.parametrize(("form", "count"), [("text", 1), ("journal", 1), ("json", 1)])
def test_names_with_ends_of_lines_make_no_further_lines(
    capsys: pytest.CaptureFixture[str], form: str, count: int
) -> None:
    logs.start("info", form)
    log.warning("saved %s", "a\n<3>fault\tb.jpg")
    assert len(capsys.readouterr().err.splitlines()) == count


def test_each_line_of_an_error_is_reported(capsys: pytest.CaptureFixture[str]) -> None:
    for form, lines in (("text", 2), ("journal", 2), ("json", 1)):
        logs.start("info", form)
        logs.report_error("one fault\nanother one")
        assert len(capsys.readouterr().err.splitlines()) == lines, form


def test_starting_again_changes_the_format_and_loses_nothing(
    capsys: pytest.CaptureFixture[str],
) -> None:
    logs.start("info", "json")
    for _ in range(2):
        log.warning("again")
    logs.start("info", "journal")
    log.warning("again")
    lines = capsys.readouterr().err.splitlines()
    assert [json.loads(line)["message"] for line in lines[:2]] == [
        "again",
        "... 1 more in 1 s: again",
    ]
    assert lines[2:] == ["<4>again"]


def test_a_known_address_is_kept_out(capsys: pytest.CaptureFixture[str]) -> None:
    source = {"name": "rtsp://me:a s3cret@cam"}
    settings = Settings.model_validate({"source": source, "log": {"format": "journal"}})
    logs.start_with(settings)
    log.warning("%r is gone", settings.source.name)
    logs.report_error("cannot open me:a s3cret@cam")
    assert capsys.readouterr().err == "<4>'rtsp://***@cam' is gone\n<3>cannot open ***@cam\n"


def test_an_error_is_told_to_people_without_a_time(capsys: pytest.CaptureFixture[str]) -> None:
    logs.start("info", "text")
    assert logs.current_format() == "text"
    logs.report_error("cannot open rtsp://me:s3cret@cam\ntry another")
    assert capsys.readouterr().err == (
        "pose-edge: cannot open rtsp://***@cam\npose-edge: try another\n"
    )


def test_an_error_before_the_log_has_begun(capsys: pytest.CaptureFixture[str]) -> None:
    logs.report_error("cannot open rtsp://me:s3cret@cam")
    assert capsys.readouterr().err == "pose-edge: cannot open rtsp://***@cam\n"


def test_a_warning_of_python_is_logged(capsys: pytest.CaptureFixture[str]) -> None:
    logs.start("info", "json")
    with warnings.catch_warnings():
        warnings.simplefilter("always")
        # catch_warnings restores showwarning, and pytest has set its own
        from pose_edge.logs.excepthooks import show_warning

        warnings.showwarning = show_warning
        warnings.warn("rtsp://me:s3cret@cam is old", UserWarning, stacklevel=1)
    (entry,) = entries(capsys)
    assert entry["level"] == "warning"
    assert entry["message"].startswith("UserWarning: rtsp://***@cam is old (")
    assert "test_logs.py:" in entry["message"]


def test_a_warning_for_a_file_goes_there(capsys: pytest.CaptureFixture[str]) -> None:
    from pose_edge.logs.excepthooks import show_warning

    show_warning("old", UserWarning, "a.py", 3, file=sys.stdout)
    assert "a.py:3: UserWarning: old" in capsys.readouterr().out


@pytest.mark.parametrize(("level", "form"), [("info", "text"), ("debug", "text"), ("info", "json")])
def test_a_thread_that_ends_by_an_error(
    level: str, form: str, capsys: pytest.CaptureFixture[str]
) -> None:
    logs.start(level, form)

    def fail() -> None:
        raise ValueError("rtsp://me:s3cret@cam")

    thread = threading.Thread(target=fail, name="capture")
    thread.start()
    thread.join()
    told = capsys.readouterr().err
    assert "thread capture was ended by ValueError: rtsp://***@cam (" in told
    assert "test_logs.py:" in told
    assert "s3cret" not in told
    assert ("Traceback" in told) is ((level, form) != ("info", "text"))


def test_a_thread_that_exits_is_no_error(capsys: pytest.CaptureFixture[str]) -> None:
    logs.start("info", "text")
    thread = threading.Thread(target=sys.exit)
    thread.start()
    thread.join()
    assert capsys.readouterr().err == ""


def test_an_error_that_nobody_can_catch(capsys: pytest.CaptureFixture[str]) -> None:
    logs.start("info", "json")

    class Failing:
        def __del__(self) -> None:
            raise ValueError("too late")

    thing = Failing()
    del thing
    gc.collect()
    (entry,) = entries(capsys)
    assert entry["level"] == "error"
    assert "ValueError: too late" in entry["message"]


class Full:
    """A standard error on a disk that is full until `full` is cleared."""

    def __init__(self) -> None:
        self.full = True
        self.text = ""

    def write(self, text: str) -> None:
        if self.full:
            raise OSError(28, "No space left on device")
        self.text += text

    def flush(self) -> None: ...


def test_what_cannot_be_written_is_counted(monkeypatch: pytest.MonkeyPatch) -> None:
    logs.start("info", "journal")
    disk = Full()
    monkeypatch.setattr(sys, "stderr", disk)
    for word in ("one", "two", "three"):
        log.info(word)
    disk.full = False
    log.info("four")
    log.info("five")
    assert disk.text.splitlines() == [
        "<4>3 messages could not be written here",
        "<6>four",
        "<6>five",
    ]


def test_without_a_standard_error(monkeypatch: pytest.MonkeyPatch) -> None:
    logs.start("info", "journal")
    monkeypatch.setattr(sys, "stderr", None)
    log.info("one")


def test_what_nobody_reads_is_counted(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(standard_streams, "PATIENCE_S", 0.01)
    near, far = os.pipe()
    os.set_blocking(near, False)
    fill_pipe(far)
    logs.start("info", "journal")
    monkeypatch.setattr(sys, "stderr", StandardError(far))
    for word in ("one", "two", "three"):
        log.info(word)
    while select.select([near], [], [], 0)[0]:
        os.read(near, 1 << 16)
    log.info("four")
    found = os.read(near, 4096).decode().splitlines()
    assert found == ["<4>3 messages could not be written here", "<6>four"]
    os.close(near)
    os.close(far)
