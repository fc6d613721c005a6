"""Measurements are stored, and are valid only for this machine and version of the program."""

from __future__ import annotations

import logging
import os
from pathlib import Path

import pytest

from pose_edge.config.schema import Settings
from pose_edge.tuning.choice import PassTiming
from pose_edge.tuning.kept import (
    FILE,
    MAX_BYTES,
    Conditions,
    StoredMeasurements,
    present_conditions,
    read_kept,
    write_kept,
)
from pose_edge.zoo.registry import Zoo

CONDITIONS = Conditions(
    processor="Raspberry Pi 5 Model B Rev 1.0",
    architecture="aarch64",
    cores=4,
    edgetpu=False,
    versions="pose-edge 1.0",
    people="one",
    threads=4,
)
KEPT = StoredMeasurements(
    conditions=CONDITIONS,
    rate=30.0,
    width=1280,
    height=720,
    model="b",
    timings=(
        PassTiming("a", "cpu", 10.0, 12.0, 10.5, 1.0),
        PassTiming("b", "cpu", 20.0, 24.0, 21.0, 0.97),
    ),
)


def test_what_was_kept_is_read_again(tmp_path: Path) -> None:
    folder = tmp_path / "state" / "pose-edge"
    assert read_kept(folder, CONDITIONS) is None
    write_kept(folder, KEPT)
    assert read_kept(folder, CONDITIONS) == KEPT


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("processor", "Raspberry Pi 4 Model B Rev 1.5"),
        ("architecture", "armv7l"),
        ("cores", 1),
        ("edgetpu", True),
        ("versions", "pose-edge 1.1"),
        ("people", "several"),
        ("threads", 2),
    ],
)
def test_other_hardware_and_versions_are_measured_anew(
    tmp_path: Path, caplog: pytest.LogCaptureFixture, name: str, value: object
) -> None:
    caplog.set_level(logging.INFO)
    write_kept(tmp_path, KEPT)
    assert read_kept(tmp_path, CONDITIONS.model_copy(update={name: value})) is None
    assert caplog.messages == [f"auto: measured anew, other than before: {name}"]


@pytest.mark.parametrize(
    "content",
    [
        b"",
        b"\xff\xfe",
        b"[]",
        b"{}",
        b"null",
        KEPT.model_dump_json().encode()[:-20],
        KEPT.model_dump_json().replace("30.0", "NaN").encode(),
        KEPT.model_dump_json().replace('"rate":30.0', '"rate":-1').encode(),
        b" " * (MAX_BYTES + 1),
    ],
)
def test_a_damaged_file_is_none(
    tmp_path: Path, caplog: pytest.LogCaptureFixture, content: bytes
) -> None:
    (tmp_path / FILE).write_bytes(content)
    assert read_kept(tmp_path, CONDITIONS) is None
    assert "damaged" in caplog.text
    write_kept(tmp_path, KEPT)
    assert read_kept(tmp_path, CONDITIONS) == KEPT


def test_a_choice_that_was_not_measured_is_none(tmp_path: Path) -> None:
    write_kept(tmp_path, KEPT.model_copy(update={"model": "c"}))
    assert read_kept(tmp_path, CONDITIONS) is None


def test_a_folder_that_cannot_be_written_ends_nothing(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    (tmp_path / "file").write_text("")
    write_kept(tmp_path / "file" / "pose-edge", KEPT)
    assert "made anew at the next start" in caplog.text
    (tmp_path / FILE).mkdir()
    assert read_kept(tmp_path, CONDITIONS) is None
    assert "measured anew" in caplog.text


def test_a_pipe_in_its_place_is_none(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / FILE)
    assert read_kept(tmp_path, CONDITIONS) is None


def test_it_holds_for_such_a_camera_only() -> None:
    assert KEPT.fits(30.0, 1280, 720)
    assert KEPT.fits(29.2, 1280, 720)
    assert not KEPT.fits(60.0, 1280, 720)
    assert not KEPT.fits(30.0, 640, 480)


def test_the_present_conditions_are_those_of_the_settings() -> None:
    zoo = Zoo()
    one = present_conditions(Settings(), zoo)
    assert one == present_conditions(Settings(), zoo)
    assert one.processor
    assert "pose-edge" in one.versions
    several = Settings.model_validate({"model": {"people": "several", "threads": 2}})
    assert present_conditions(several, zoo) == one.model_copy(
        update={"people": "several", "threads": 2}
    )
