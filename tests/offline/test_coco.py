from __future__ import annotations

import os
from pathlib import Path

import pytest
from coco_truth import Json, annotation, body, coco, write

from pose_edge.errors import UnavailableError
from pose_edge.offline.coco import load_truth


def test_the_truth_is_read(tmp_path: Path) -> None:
    data = coco(2)
    data["images"].reverse()
    data["annotations"].append({**annotation(2, body(0), image_id=0), "num_keypoints": 0})
    truth = load_truth(write(tmp_path, data))
    assert list(truth.images) == [0, 10], "in order"
    assert truth.boxes == {
        10 * n: [pytest.approx(tuple(data["annotations"][n]["bbox"]))] for n in range(2)
    }


def without(key: str, *, of: str) -> Json:
    data = coco()
    del data[of][1][key]
    return data


def changed(of: str, **values: object) -> Json:
    data = coco()
    data[of][1].update(values)
    return data


@pytest.mark.parametrize(
    "data",
    [
        "",
        "{",
        "[]",
        "null",
        "3",
        '"images"',
        {},
        {"images": [], "annotations": []},
        {"images": [], "annotations": [], "categories": []},
        {**coco(), "annotations": []},
        {**coco(), "images": []},
        {**coco(), "images": None},
        {**coco(), "images": ["0.png"]},
        {**coco(), "annotations": [[1, 2, 3]]},
        {**coco(), "annotations": ["a"]},
        {**coco(), "categories": []},
        {**coco(), "categories": [{"id": 2, "name": "dog"}]},
        {key: value for key, value in coco().items() if key != "categories"},
        *[without(key, of="images") for key in ("id", "file_name")],
        *[without(key, of="annotations") for key in annotation(0, body(0))],
        changed("annotations", bbox=[1, 2, 3]),
        changed("annotations", bbox=None),
        changed("annotations", bbox=[10, 10, 0, 0]),
        changed("annotations", image_id=77),
        changed("annotations", num_keypoints=None),
        changed("images", file_name=None),
        changed("images", id=[1]),
        changed("annotations", keypoints=[1, 2, 3]),
        changed("annotations", keypoints=["a"] * 51),
        changed("annotations", keypoints=[float("nan")] * 51),
        changed("annotations", area="large"),
        changed("annotations", iscrowd=None),
        changed("annotations", bbox=[0, 0, float("inf"), 1]),
        changed("annotations", num_keypoints=99),
        {**coco(), "images": [*coco()["images"], *coco()["images"]]},
        {**coco(), "annotations": [*coco()["annotations"], *coco()["annotations"]]},
        {**coco(), "categories": [3]},
        "[" * 100_000,
        {**coco(), "annotations": [{**a, "num_keypoints": 0} for a in coco()["annotations"]]},
    ],
)
def test_what_is_no_truth_is_refused_in_one_line(tmp_path: Path, data: object) -> None:
    path = write(tmp_path, data, pictures=0)
    with pytest.raises(UnavailableError) as error:
        load_truth(path)
    message = str(error.value)
    assert str(path) in message
    assert "\n" not in message
    assert error.value.exit_status == 3


def test_a_truth_that_is_not_there_or_no_text(tmp_path: Path) -> None:
    (tmp_path / "binary.json").write_bytes(b"\xff\xfe\x00")
    for path in (tmp_path / "none.json", tmp_path, tmp_path / "binary.json"):
        with pytest.raises(UnavailableError, match=str(path)):
            load_truth(path)


def test_a_huge_file_is_refused_unread(tmp_path: Path) -> None:
    path = tmp_path / "huge.json"
    path.touch()
    os.truncate(path, 1 << 40)
    with pytest.raises(UnavailableError, match="larger than 1 GB"):
        load_truth(path)


@pytest.mark.parametrize(
    ("data", "says"),
    [
        ("", "it is not JSON (line 1)"),
        ("{\n3", "it is not JSON (line 2)"),
        ({**coco(), "categories": []}, "COCO's format: no category 1 (person)"),
    ],
)
def test_the_fault_is_said_in_words(tmp_path: Path, data: object, says: str) -> None:
    with pytest.raises(UnavailableError) as refused:
        load_truth(write(tmp_path, data))
    assert str(refused.value).endswith(says)
