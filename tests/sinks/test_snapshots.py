from __future__ import annotations

import json
from pathlib import Path

import cv2
import numpy as np
import pytest
from helpers import make_frame, make_result, pose

from pose_edge.frames import ColourOrder
from pose_edge.sinks.snapshots import snapshots


@pytest.mark.parametrize("order", ["RGB", "BGR"])
def test_each_snapshot_has_files_of_its_own_with_picture_and_poses(
    tmp_path: Path, order: ColourOrder
) -> None:
    said: list[str] = []
    sink = snapshots(said.append, str(tmp_path / "s-{time}.jpg"))
    sink.open()
    image = np.zeros((48, 64, 3), np.uint8)
    image[:, :, 0 if order == "RGB" else 2] = 200
    for index in (3, 4):
        sink.send(image, order, make_result(make_frame(index=index), [pose()]))
        image[:] = 0  # the canvas is reused
        image[:, :, 0 if order == "RGB" else 2] = 200
    sink.close()
    pictures = sorted(tmp_path.glob("s-*.jpg"))
    assert len(pictures) == len(said) == 2
    assert {text.removeprefix("saved ") for text in said} == set(map(str, pictures))
    records = [json.loads(path.with_suffix(".json").read_text()) for path in pictures]
    assert {record["seq"] for record in records} == {3, 4}
    assert len(records[0]["poses"]) == 1
    red = cv2.imread(str(pictures[0]))
    assert red is not None
    assert np.abs(red.astype(int) - (0, 0, 200)).max() < 12


def test_what_cannot_be_saved_is_said_and_the_next_one_is_tried(tmp_path: Path) -> None:
    said: list[str] = []
    sink = snapshots(said.append, str(tmp_path / "nowhere" / "s.jpg"))
    sink.open()
    image = np.zeros((48, 64, 3), np.uint8)
    sink.send(image, "BGR", make_result())
    sink.close()
    assert said == ["not saved: No such file or directory"]
