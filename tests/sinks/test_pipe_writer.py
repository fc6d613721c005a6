"""A named pipe whose reader comes late, leaves, comes back or stalls."""

from __future__ import annotations

import json
import os
import select
import threading
from collections.abc import Callable
from pathlib import Path

import pytest
from helpers import (
    GENEROUS_S,
    fill_pipe,
    make_frame,
    make_result,
    pose,
    wait_until,
    wait_until_blocked,
)
from pose_lines import strict

from pose_edge.config.outputs import CsvSettings, PosesSettings, StorageSettings
from pose_edge.sinks import file_sink, restarting_sink
from pose_edge.sinks.csv_table import csv_file
from pose_edge.sinks.jsonl import JsonLines, PoseFile, pose_file
from pose_edge.sinks.message import PoseMessage
from pose_edge.sinks.pipe_writer import PipeWriter, is_pipe
from pose_edge.supervision.supervisor import Supervisor


@pytest.fixture
def pipe(tmp_path: Path) -> Path:
    path = tmp_path / "poses"
    os.mkfifo(path)
    return path


class PipeReader:
    """Reads complete lines from a pipe as they arrive."""

    def __init__(self, path: Path) -> None:
        self._descriptor = os.open(path, os.O_RDONLY | os.O_NONBLOCK)
        self._text = b""

    def line(self) -> str:
        while b"\n" not in self._text:
            ready = select.select([self._descriptor], [], [], GENEROUS_S)[0]
            assert ready, "no line came"
            self._text += os.read(self._descriptor, 65536)
        line, self._text = self._text.split(b"\n", 1)
        return line.decode()

    def leave(self) -> None:
        os.close(self._descriptor)


def message(index: int) -> PoseMessage:
    return PoseMessage.of(make_result(make_frame(index=index), [pose()]))


def sink_for(path: Path, reports: list[str | None], *, live: bool = True) -> PoseFile:
    storage = StorageSettings(min_free=0) if live else None
    settings = PosesSettings(path=str(path))
    sink = pose_file(settings, storage, report=reports.append, supervisor=Supervisor())
    sink.open()
    return sink


def sender(sink: PoseFile) -> Callable[[], bool]:
    """Return a function that sends the next message; it returns whether any was written yet."""
    numbers = iter(range(10_000))

    def send() -> bool:
        sink.send(message(next(numbers)))
        return sink.written > 0

    return send


@pytest.mark.parametrize("live", [True, False])
def test_a_reader_that_comes_late_leaves_and_comes_back(pipe: Path, live: bool) -> None:
    reports: list[str | None] = []
    sink = sink_for(pipe, reports, live=live)
    send = sender(sink)
    wait_until(lambda: reports == [f"nobody reads {pipe}"])
    send()
    assert sink.written == 0
    seen: list[int] = []
    for _ in range(3):
        reader = PipeReader(pipe)
        wait_until(lambda: sink.failed is None, "the reader is noticed")
        for _ in range(5):
            send()
            seen.append(strict(reader.line())["seq"])
        reader.leave()
        wait_until(lambda: sink.failed is not None, "that it has left is noticed")
        send()
    sink.close()
    assert seen == sorted(set(seen)), "whole lines, each once and in their order"
    assert sink.written == 15
    assert sink.lost == 4
    assert sink.failures() == [], "nobody wanted the rest"


def test_a_pipe_that_nobody_ever_reads_is_a_failure(pipe: Path) -> None:
    reports: list[str | None] = []
    sink = sink_for(pipe, reports)
    wait_until(lambda: bool(reports))
    sink.send(message(0))
    sink.close()
    assert sink.failures()[0] == f"nobody reads {pipe}"


def test_a_reader_that_does_not_read_gets_whole_lines_again(pipe: Path) -> None:
    reader = PipeReader(pipe)
    writer = PipeWriter(pipe, JsonLines, write_timeout_s=0.01)
    index = 0
    while writer.write(message(index)):
        index += 1
    assert writer.waiting == f"the reader of {pipe} does not read"
    writer._write_timeout_s = 3600.0
    assert not writer.write(message(index)), "left out at once"
    first = [strict(reader.line())["seq"] for _ in range(20)]
    assert first == list(range(20)), "what was written before"
    writer.tick()
    assert writer.write(message(1000))
    numbers = first
    while numbers[-1] != 1000:
        numbers.append(json.loads(reader.line())["seq"])
        writer.tick()
    assert numbers == sorted(numbers)
    reader.leave()
    writer.close()


def test_a_reader_that_does_not_read_stops_nothing(
    pipe: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(restarting_sink, "CLOSE_TIMEOUT_S", GENEROUS_S)
    monkeypatch.setattr(file_sink, "LIVE_ROOM_S", 0.01)
    reports: list[str | None] = []
    reader = PipeReader(pipe)
    sink = sink_for(pipe, reports)
    send = sender(sink)
    wait_until(send, "the first line")
    wait_until(lambda: send() and bool(reports), "the fault")
    assert reports == [f"the reader of {pipe} does not read"]
    sink.close()
    reader.leave()


def test_each_reader_of_a_table_gets_a_header(pipe: Path) -> None:
    sink = csv_file(
        CsvSettings(path=str(pipe)),
        StorageSettings(min_free=0),
        report=lambda _: None,
        supervisor=Supervisor(),
    )
    sink.open()
    for _ in range(2):
        wait_until(lambda: sink.failed is not None)
        reader = PipeReader(pipe)
        wait_until(lambda: sink.failed is None)
        sink.send(message(3))
        assert reader.line().startswith("time,frame,id,score,nose_x_px")
        assert reader.line().split(",")[1] == "3"
        reader.leave()
    sink.close()


def test_a_full_pipe_of_a_reader_who_leaves(pipe: Path) -> None:
    reader = PipeReader(pipe)
    writer = PipeWriter(pipe, JsonLines)
    assert writer.write(message(0))
    descriptor = os.open(pipe, os.O_WRONLY | os.O_NONBLOCK)
    fill_pipe(descriptor)
    os.close(descriptor)
    assert writer.write(message(1)), "it waits in the writer"
    reader.leave()
    writer.tick()
    assert writer.waiting == f"nobody reads {pipe}"
    writer.close()


def test_a_file_in_the_place_of_the_pipe_ends_the_writer(pipe: Path) -> None:
    writer = PipeWriter(pipe, JsonLines)
    pipe.unlink()
    with pytest.raises(FileNotFoundError):
        writer.tick()
    pipe.write_text("")
    assert not is_pipe(pipe)
    with pytest.raises(OSError, match="no named pipe"):
        writer.tick()
    writer.close()


def test_of_a_file_nothing_is_lost_while_the_reader_is_slow(pipe: Path) -> None:
    reader = PipeReader(pipe)
    sink = sink_for(pipe, [], live=False)

    def send_all() -> None:
        for number in range(400):
            sink.send(message(number))

    sending = threading.Thread(target=send_all)
    sending.start()
    wait_until_blocked(sending)
    seen = [json.loads(reader.line())["seq"] for _ in range(400)]
    sending.join()
    sink.close()
    reader.leave()
    assert seen == list(range(400))
    assert (sink.lost, sink.failures()) == (0, [])
