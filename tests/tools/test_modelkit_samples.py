import json
from pathlib import Path

import cv2
import numpy as np
import pytest
from modelkit import samples
from numpy.typing import NDArray


def gradient(height: int, width: int) -> NDArray[np.uint8]:
    """Return a picture with red increasing to the right and green increasing downwards."""
    picture = np.zeros((height, width, 3), np.uint8)
    picture[..., 0] = np.linspace(0, 200, width)
    picture[..., 1] = np.linspace(0, 200, height)[:, np.newaxis]
    return picture


@pytest.fixture
def coco(tmp_path: Path) -> Path:
    """Return a COCO file of two pictures; one has a person, a person too small, and a crowd."""
    folder = tmp_path / "people"
    folder.mkdir()
    for name in ("b.png", "a.png"):
        cv2.imwrite(str(folder / name), cv2.cvtColor(gradient(120, 160), cv2.COLOR_RGB2BGR))
    boxes = [([40, 10, 40, 80], 0), ([0, 0, 20, 20], 0), ([0, 0, 160, 120], 1)]
    data = {
        "images": [{"id": 1, "file_name": "b.png"}, {"id": 2, "file_name": "a.png"}],
        "annotations": [{"image_id": 1, "bbox": box, "iscrowd": crowd} for box, crowd in boxes],
    }
    source = tmp_path / "people.json"
    source.write_text(json.dumps(data))
    return source


def test_coco_pictures_come_by_name_with_their_large_persons(coco: Path) -> None:
    found = samples.find(coco)
    assert [(sample.name, sample.boxes) for sample in found] == [
        ("a.png", ()),
        ("b.png", ((40, 10, 40, 80),)),
    ]


def test_a_folder_has_pictures_without_persons(coco: Path) -> None:
    folder = coco.with_suffix("")
    (folder / "notes.txt").write_text("no picture")
    assert samples.find(folder) == [
        samples.Sample("a.png", folder / "a.png"),
        samples.Sample("b.png", folder / "b.png"),
    ]


def test_what_cannot_be_had_is_named(coco: Path, tmp_path: Path) -> None:
    (tmp_path / "empty").mkdir()
    with pytest.raises(samples.SamplesError, match="no pictures"):
        samples.find(tmp_path / "empty")
    with pytest.raises(samples.SamplesError, match="no COCO file"):
        samples.find(tmp_path / "gone.json")
    (coco.with_suffix("") / "a.png").unlink()
    with pytest.raises(samples.SamplesError, match=r"a\.png is missing"):
        samples.find(coco)


def test_each_picture_comes_whole_and_then_close_up_on_its_persons(coco: Path) -> None:
    whole, other, person = samples.inputs(samples.find(coco), (64, 64))
    assert {tensor.shape for tensor in (whole, other, person)} == {(1, 64, 64, 3)}
    np.testing.assert_array_equal(whole, other)
    # 160x120 in a square of 64: 48 rows of picture between 8 black rows on either side.
    assert whole[0, :7].max() == whole[0, 57:].max() == 0
    assert whole[0, 32, 63, 0] > 190
    # The square around the person has the side 1.25 x 80 = 100 and the centre (60, 50): x is
    # 10...110.
    assert person[0, 32, 0, 0] == pytest.approx(200 * 10 / 160, abs=4)
    assert person[0, 32, 63, 0] == pytest.approx(200 * 110 / 160, abs=4)


def test_a_picture_that_cannot_be_read_is_named(tmp_path: Path) -> None:
    (tmp_path / "a.png").write_bytes(b"no picture")
    with pytest.raises(samples.SamplesError, match=r"cannot read .*a\.png"):
        list(samples.inputs(samples.find(tmp_path), (8, 8)))


def test_the_same_size_is_the_same_picture() -> None:
    picture = gradient(30, 40)
    np.testing.assert_array_equal(samples.cut(picture, (20, 15), 1, (30, 40))[0], picture)


def test_half_the_size_is_the_mean_of_four() -> None:
    picture = np.random.default_rng(0).integers(0, 256, (32, 48, 3)).astype(np.uint8)
    expected = picture.reshape(16, 2, 24, 2, 3).mean(axis=(1, 3))
    found = samples.cut(picture, (24, 16), 2, (16, 24))[0]
    np.testing.assert_allclose(found, expected, atol=1)


def test_blank_pictures_are_the_same_every_time_and_fill_the_range() -> None:
    first, again = (np.concatenate(list(samples.blanks((48, 64)))) for _ in range(2))
    assert (first == again).all()
    assert first.shape == (len(samples.BLANK_LEVELS) + len(samples.BLANK_BLURS), 48, 64, 3)
    uniform = first[: len(samples.BLANK_LEVELS)]
    assert (uniform == uniform[:, :1, :1]).all()
    assert (first.min(), first.max()) == (0, 255)
    for cloud in first[len(samples.BLANK_LEVELS) :]:
        steps = np.abs(np.diff(cloud.astype(int), axis=1))
        assert cloud.std() > 20
        assert steps.max() < 60, "soft: no edges"
