from __future__ import annotations

import csv
import io
from dataclasses import replace
from pathlib import Path
from typing import Literal

import pytest
from helpers import make_frame, make_result, noise, person, pose

from pose_edge.config.outputs import CsvSettings
from pose_edge.poses import Keypoint, Pose
from pose_edge.sinks.csv_table import csv_file, header, rows_of
from pose_edge.sinks.message import PoseMessage


def message(
    *poses: Pose, index: int = 12, moment: float = 1.5, file: str | None = None
) -> PoseMessage:
    frame = make_frame(noise(200, 100), index=index, moment=moment, file=file)
    return PoseMessage.of(make_result(frame, poses))


def table(
    messages: list[PoseMessage],
    path: Path,
    coordinates: Literal["pixels", "normalised"] = "pixels",
) -> str:
    """Write some messages to a CSV file and return its text."""
    settings = CsvSettings(path=str(path), coordinates=coordinates)
    sink = csv_file(settings, None, report=lambda _: None)
    sink.open()
    for one in messages:
        sink.send(one)
    sink.close()
    assert sink.failures() == []
    return path.read_bytes().decode("utf-8")


def only_row(text: str) -> dict[str, str]:
    (row,) = csv.DictReader(io.StringIO(text, newline=""))
    return row


def test_a_row_for_every_frame_and_person(tmp_path: Path) -> None:
    two = [replace(pose(person(), 0.83), id=number) for number in (1, 2)]
    messages = [message(two[0], index=0), message(index=1), message(*two, index=2)]
    rows = list(csv.DictReader(io.StringIO(table(messages, tmp_path / "p.csv"), newline="")))
    assert [(row["frame"], row["id"]) for row in rows] == [("0", "1"), ("2", "1"), ("2", "2")]
    first = rows[0]
    assert list(first)[:4] == ["time", "frame", "id", "score"]
    assert list(first)[4:7] == ["nose_x_px", "nose_y_px", "nose_score"]
    assert list(first)[-2:] == ["right_knee_deg", "predicted"]
    assert (float(first["time"]), float(first["score"])) == (1.5, 0.83)
    assert (first["nose_x_px"], first["nose_y_px"], first["nose_score"]) == (
        *("100.00", "20.00"),
        "0.9000",
    )
    assert first["left_knee_deg"] == "180.0"
    assert all(len(row) == 4 + 17 * 3 + 8 + 1 and None not in row.values() for row in rows)


def test_normalised_coordinates_have_other_names_and_the_same_angles(tmp_path: Path) -> None:
    bent = pose(person(places={Keypoint.LEFT_ANKLE: (0.6, 0.75)}))
    pixels = only_row(table([message(bent)], tmp_path / "p.csv"))
    normalised = only_row(table([message(bent)], tmp_path / "n.csv", "normalised"))
    assert (normalised["nose_x"], normalised["nose_y"]) == ("0.50000", "0.20000")
    assert "nose_x" not in pixels
    assert pixels["left_knee_deg"] == normalised["left_knee_deg"]
    assert float(pixels["left_knee_deg"]) == pytest.approx(125.5, abs=0.1)


def test_an_angle_of_an_uncertain_keypoint_is_empty() -> None:
    uncertain = pose(person(scores={Keypoint.LEFT_ANKLE: 0.2}))
    (row,) = rows_of(message(uncertain), CsvSettings())
    cells = dict(zip(header(CsvSettings(), named=False), row, strict=True))
    assert cells["left_knee_deg"] == ""
    assert cells["right_knee_deg"] == "180.0"
    assert cells["id"] == "", "not tracked"
    (row,) = rows_of(message(uncertain), CsvSettings(min_keypoint_score=0.1))
    cells = dict(zip(header(CsvSettings(), named=False), row, strict=True))
    assert cells["left_knee_deg"] == "180.0"


def test_a_predicted_pose_is_marked() -> None:
    rows = list(rows_of(message(pose(), replace(pose(), predicted=True)), CsvSettings()))
    assert [row[-1] for row in rows] == ["", "1"]


def test_pictures_are_named_in_the_first_column(tmp_path: Path) -> None:
    odd = 'a "good", picture\nof\udc80me.jpg'
    text = table([message(pose(), file=odd)], tmp_path / "p.csv")
    row = only_row(text)
    assert next(iter(row)) == "file"
    assert row["file"] == odd.replace("\udc80", "?")


def test_without_people_there_is_a_header(tmp_path: Path) -> None:
    text = table([message()], tmp_path / "p.csv")
    assert text == ",".join(header(CsvSettings(), named=False)) + "\r\n"


def test_lines_end_as_the_standard_says(tmp_path: Path) -> None:
    text = table([message(pose()), message(pose())], tmp_path / "p.csv")
    assert text.count("\r\n") == text.count("\n") == 3


def test_pandas_reads_it_without_options(tmp_path: Path) -> None:
    pandas = pytest.importorskip("pandas")
    uncertain = pose(person(scores={Keypoint.LEFT_ANKLE: 0.2}))
    messages = [message(replace(uncertain, id=1), index=index) for index in range(3)]
    table(messages, tmp_path / "p.csv")
    frame = pandas.read_csv(tmp_path / "p.csv")
    assert len(frame) == 3
    assert all(kind.kind in "if" for kind in frame.dtypes), "every column is of numbers"
    assert frame["frame"].tolist() == [0, 1, 2]
    assert frame["right_knee_deg"].mean() == 180
    assert frame["left_knee_deg"].isna().all()
