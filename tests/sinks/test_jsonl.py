from __future__ import annotations

import json
import os
import select
import sys
import weakref
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from helpers import GENEROUS_S, make_frame, make_result, noise, person, pose, wait_until
from hypothesis import given
from hypothesis import settings as hypothesis_settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp
from pose_lines import strict

from pose_edge.config.outputs import PosesSettings
from pose_edge.errors import OutputError
from pose_edge.poses import FloatArray, Pose, box_of
from pose_edge.sinks.jsonl import PoseFile, pose_file
from pose_edge.sinks.message import PoseMessage

KEYPOINTS = hnp.arrays(np.float32, (17, 3), elements=st.floats(0, 1, width=32))


def writer(path: Path | str, *, replace: bool = False) -> tuple[PoseFile, list[str | None]]:
    reports: list[str | None] = []
    settings = PosesSettings(path=str(path))
    return pose_file(settings, None, report=reports.append, replace=replace), reports


def test_a_line_is_what_the_design_says() -> None:
    frame = make_frame(noise(64, 48), index=12, moment=1763800000.1234567, file="a.jpg")
    record = strict(json.dumps(PoseMessage.of(make_result(frame, [pose(person(), 0.83)])).record))
    assert record["schema"] == 1
    assert record["seq"] == 12
    assert record["time"] == 1763800000.123457
    assert record["frame"] == [64, 48]
    assert (record["model"], record["backend"], record["file"]) == ("movenet-test", "cpu", "a.jpg")
    assert record["latency_ms"]["inference"] == 8.0
    (found,) = record["poses"]
    assert found["id"] is None
    assert found["score"] == 0.83
    assert found["box"] == [0.42, 0.19, 0.58, 0.8]
    assert found["keypoints"][0] == [0.5, 0.2, 0.9]


@pytest.mark.parametrize("wrong", [np.nan, np.inf])
def test_a_number_that_is_not_finite_is_never_written(wrong: float) -> None:
    """JSON has no such numbers; other programs could not read the line."""
    message = PoseMessage.of(make_result(poses=[replace(pose(), box=(wrong, 0.0, 1.0, 1.0))]))
    with pytest.raises(ValueError, match="Out of range float values"):
        _ = message.line


def test_a_name_that_is_not_utf_8_is_still_unicode() -> None:
    frame = make_frame(noise(64, 48), file="caf\udce9.jpg")
    line = PoseMessage.of(make_result(frame, [])).line
    assert strict(line.decode())["file"] == "caf?.jpg"


def test_confidence_is_a_field_of_its_own_where_it_is_known() -> None:
    plain = pose(person(), 0.83)
    known = replace(plain, confidence=np.full(17, 0.98765, dtype=np.float32))
    (line, sure) = PoseMessage.of(make_result(poses=[plain, known])).record["poses"]
    assert sure == {**line, "confidence": [0.988] * 17}


def test_the_finder_and_people_who_were_moved_on_are_fields_of_their_own() -> None:
    result = make_result(poses=[pose(), replace(pose(), predicted=True)])
    plain = PoseMessage.of(result).record
    assert "finder" not in plain
    assert [one.get("predicted") for one in plain["poses"]] == [None, True]
    result.provenance = replace(result.provenance, finder="multipose")
    assert PoseMessage.of(result).record == {**plain, "finder": "multipose"}


def test_frames_that_were_not_looked_at_are_counted_where_there_are_any() -> None:
    result = make_result()
    assert "passed_over" not in PoseMessage.of(result).record
    result.passed_over = 7
    assert strict(json.dumps(PoseMessage.of(result).record))["passed_over"] == 7


def test_without_a_person_there_is_a_line_without_poses_and_without_a_file() -> None:
    record = strict(json.dumps(PoseMessage.of(make_result()).record))
    assert record["poses"] == []
    assert "file" not in record


@hypothesis_settings(deadline=None)
@given(st.lists(KEYPOINTS, max_size=3), st.integers(0, 2**53), st.floats(0, 2e9))
def test_every_result_is_valid_and_precise(
    people: list[FloatArray], index: int, moment: float
) -> None:
    poses = [Pose(points, float(points[:, 2].mean()), box_of(points, 0.2), 7) for points in people]
    result = make_result(make_frame(index=index % 65536, moment=moment), poses)
    record = strict(json.dumps(PoseMessage.of(result).record))
    for points, found in zip(people, record["poses"], strict=True):
        difference = np.abs(np.array(found["keypoints"]) - points)
        assert difference[:, :2].max() <= 1e-5  # 0.1 pixel at 4K is 2.6e-5
        assert difference[:, 2].max() <= 1e-4
        assert found["id"] == 7


def test_one_line_for_every_result(tmp_path: Path) -> None:
    path = tmp_path / "p.jsonl"
    path.write_text("old content\n")
    sink, reports = writer(path, replace=True)
    sink.open()
    assert path.read_text() == "old content\n", "nothing is overwritten before there is a line"
    for index in range(300):
        result = make_result(make_frame(index=index), [pose()] if index % 2 else [])
        sink.send(PoseMessage.of(result))
        result.release()
    sink.close()
    lines = [strict(line) for line in path.read_text().splitlines()]
    assert [line["seq"] for line in lines] == list(range(300))
    assert [len(line["poses"]) for line in lines] == [index % 2 for index in range(300)]
    assert (sink.failed, reports) == (None, [])


def test_nothing_of_the_frame_is_kept(tmp_path: Path) -> None:
    sink, _ = writer(tmp_path / "p.jsonl")
    sink.open()
    result = make_result(make_frame(index=5), [pose()])
    image = weakref.ref(result.frame.image)
    message = PoseMessage.of(result)
    del result
    assert image() is None
    sink.send(message)
    sink.close()
    assert strict((tmp_path / "p.jsonl").read_text())["poses"][0]["keypoints"][0] == [0.5, 0.2, 0.9]


def test_a_line_can_be_read_as_soon_as_it_is_written(tmp_path: Path) -> None:
    path = tmp_path / "p.jsonl"
    sink, _ = writer(path)
    sink.open()
    for index in range(3):
        sink.send(PoseMessage.of(make_result(make_frame(index=index))))
        wait_until(lambda count=index + 1: path.exists() and path.read_text().count("\n") == count)  # type: ignore[misc]
    sink.close()


def test_whoever_reads_the_standard_output_gets_each_line_at_once(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    reading, writing = os.pipe()
    stdout = os.fdopen(writing, "w")  # to a pipe Python writes in blocks of 8 kB
    monkeypatch.setattr(sys, "stdout", stdout)
    sink, _ = writer("-")
    sink.open()
    with os.fdopen(reading) as reader:
        for index in range(3):
            sink.send(PoseMessage.of(make_result(make_frame(index=index))))
            ready, _, _ = select.select([reader], [], [], GENEROUS_S)
            assert ready, "the line is held back"
            assert strict(reader.readline())["seq"] == index
        sink.close()
        assert not stdout.closed
        stdout.close()


def test_the_standard_output_gets_all_in_its_order(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = tmp_path / "stdout"
    with path.open("w") as stdout:
        monkeypatch.setattr(sys, "stdout", stdout)
        stdout.write("before\n")
        sink, _ = writer("-")
        sink.open()
        for index in range(300):
            sink.send(PoseMessage.of(make_result(make_frame(index=index))))
        sink.close()
        stdout.write("after\n")
    before, *lines, after = path.read_text().splitlines()
    assert (before, after) == ("before", "after")
    assert [strict(line)["seq"] for line in lines] == list(range(300))


def test_a_reader_that_does_not_block_ends_the_output(monkeypatch: pytest.MonkeyPatch) -> None:
    reading, writing = os.pipe()
    os.set_blocking(writing, False)
    with os.fdopen(writing, "w") as stdout, os.fdopen(reading):
        monkeypatch.setattr(sys, "stdout", stdout)
        sink, reports = writer("-")
        sink.open()
        for index in range(1000):  # more than a pipe's buffer
            sink.send(PoseMessage.of(make_result(make_frame(index=index), [pose()])))
        sink.close()
        monkeypatch.undo()
    assert reports == ["poses - ended: Resource temporarily unavailable"]


def test_a_full_disk_ends_the_file_with_a_message(tmp_path: Path) -> None:
    path = tmp_path / "p.jsonl"
    path.symlink_to("/dev/full")
    sink, reports = writer(path)
    sink.open()
    for index in range(600):  # more than the queue holds
        sink.send(PoseMessage.of(make_result(make_frame(index=index))))
    sink.close()
    assert sink.failed is not None
    assert "No space left on device" in sink.failed
    assert reports == [sink.failed]


def test_a_reader_that_goes_away_ends_the_output_without_a_failure(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    reading, writing = os.pipe()
    stdout = os.fdopen(writing, "w")
    monkeypatch.setattr(sys, "stdout", stdout)
    sink, reports = writer("-")
    sink.open()
    os.close(reading)
    sink.send(PoseMessage.of(make_result()))
    sink.close()
    assert sink.unread
    assert sink.failures() == []
    assert reports == []
    monkeypatch.undo()
    stdout.close()


@pytest.mark.parametrize("what", ["folder", "nowhere"])
def test_a_file_that_cannot_be_written_is_refused_at_the_start(tmp_path: Path, what: str) -> None:
    path = tmp_path if what == "folder" else tmp_path / "gone" / "p.jsonl"
    sink, _ = writer(path)
    with pytest.raises(OutputError) as error:
        sink.open()
    assert str(path) in str(error.value)
    sink.close()


def test_a_file_without_permission_is_refused(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(os, "access", lambda *_: False)
    sink, _ = writer(tmp_path / "p.jsonl")
    with pytest.raises(OutputError, match="permission denied"):
        sink.open()
