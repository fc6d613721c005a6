from __future__ import annotations

import copy
import json
import sys
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from coco_truth import HEIGHT, WIDTH, annotation, body, coco, write
from helpers import FakeRuntime
from hypothesis import given
from hypothesis import strategies as st

from pose_edge.config.schema import ModelSettings, Settings
from pose_edge.errors import ModelError, UnavailableError, UsageError
from pose_edge.estimators import Estimator
from pose_edge.estimators.crop import Crop
from pose_edge.frames import Frame
from pose_edge.offline import evaluate as module
from pose_edge.offline.answers import Answers
from pose_edge.offline.coco import Truth, load_truth
from pose_edge.offline.evaluate import (
    BOX_MARGIN,
    Accuracy,
    CropMode,
    box_crop,
    evaluate,
    refuse_calibration_pictures,
)
from pose_edge.poses import Estimate, Pose, Provenance, box_of
from pose_edge.telemetry import Stopwatch
from pose_edge.zoo.registry import ManifestEntry, ModelFile, Tensor


class Fake:
    """An estimator that answers with each picture's true keypoints, shifted along x."""

    def __init__(self, shift: float = 0.0, *, blind: bool = False) -> None:
        self.shift = shift
        self.blind = blind
        self.estimated: list[int] = []
        self.looked: list[tuple[int, Crop]] = []
        self.resets = 0

    @property
    def runtime(self) -> Any:  # noqa: ANN401 - never used
        raise NotImplementedError

    def estimate(self, frame: Frame, stopwatch: Stopwatch | None = None) -> Estimate:
        self.estimated.append(int(frame.image[0, 0, 0]))
        return Estimate(self._poses(frame, stopwatch))

    def estimate_crop(
        self, frame: Frame, crop: Crop, stopwatch: Stopwatch | None = None
    ) -> list[Pose]:
        self.looked.append((int(frame.image[0, 0, 0]), crop))
        return self._poses(frame, stopwatch)

    def reset(self) -> None:
        self.resets += 1

    @property
    def provenance(self) -> Provenance:
        return Provenance("a fake", "cpu")

    def close(self) -> None:
        """Do nothing: there is nothing to free."""

    def _poses(self, frame: Frame, stopwatch: Stopwatch | None) -> list[Pose]:
        assert stopwatch is not None
        assert (frame.width, frame.height, frame.order) == (WIDTH, HEIGHT, "BGR")
        stopwatch.lap("inference")
        keypoints = body(int(frame.image[0, 0, 0])).copy()
        keypoints[:, 0] += np.float32(self.shift)
        return [] if self.blind else [Pose(keypoints, 0.9, box_of(keypoints, 0.2))]


Measure = Callable[..., list[Accuracy]]


@pytest.fixture
def models(monkeypatch: pytest.MonkeyPatch) -> dict[str, Fake]:
    """Replace the models by fakes, and return these by name; a test may add more."""
    fakes: dict[str, Fake] = {"perfect": Fake()}

    class FakeZoo:
        def find(self, name: str) -> ModelFile:
            if name not in fakes:
                raise ModelError(f"no model {name!r}")
            return ModelFile(name, Path(f"{name}.tflite"), sha256=name, known=True)

    def load(
        model: ModelFile, runtime: object, settings: ModelSettings, **_more: object
    ) -> Estimator:
        return fakes[model.name]

    monkeypatch.setattr(module, "Zoo", FakeZoo)
    monkeypatch.setattr(module, "load_runtime", lambda model, settings: FakeRuntime())
    monkeypatch.setattr(module, "load_estimator", load)
    return fakes


def measure(
    truth: Path,
    *names: str,
    modes: tuple[CropMode, ...] = ("frame",),
    settings: ModelSettings | None = None,
    answers: Path | None = None,
    steps: list[tuple[str, int, int]] | None = None,
) -> list[Accuracy]:
    kept = Answers(answers)
    try:
        return list(
            evaluate(
                load_truth(truth),
                truth.parent,
                names,
                modes,
                Settings(model=settings or ModelSettings()),
                answers=kept,
                progress=lambda *step: None if steps is None else steps.append(step),
            )
        )
    finally:
        kept.close()


@given(st.floats(-100, 1000), st.floats(-100, 1000), st.floats(0.5, 1000), st.floats(0.5, 1000))
def test_the_crop_of_a_box(x: float, y: float, width: float, height: float) -> None:
    crop = box_crop((x, y, width, height))
    assert (crop.width, crop.height) == pytest.approx((BOX_MARGIN * width, BOX_MARGIN * height))
    assert crop.left + crop.width / 2 == pytest.approx(x + width / 2, abs=1e-6)
    assert crop.top + crop.height / 2 == pytest.approx(y + height / 2, abs=1e-6)


# --- perfect answers ------------------------------------------------------------------------------


def calibrated(*pictures: str) -> ModelFile:
    entry = ManifestEntry(
        name="own",
        file="own.tflite",
        size=1,
        sha256="0" * 64,
        family="movenet",
        input=Tensor(shape=(1, 192, 192, 3), dtype="uint8"),
        output=Tensor(shape=(1, 1, 17, 3), dtype="float32"),
        summary="a test",
        licence="Apache-2.0",
        origin="nowhere",
        calibration=pictures,
    )
    return ModelFile("own", Path("own.tflite"), entry)


def test_pictures_that_a_model_was_calibrated_with_are_refused(tmp_path: Path) -> None:
    data = coco()
    data["images"][1]["file_name"] = "train/sub/1.png"
    truth = load_truth(write(tmp_path, data))
    refuse_calibration_pictures(calibrated("9.png"), truth)
    refuse_calibration_pictures(calibrated(), truth)
    refuse_calibration_pictures(replace(calibrated("1.png"), entry=None), truth)
    with pytest.raises(UsageError, match=r"own was calibrated with 2 of the pictures .*\(1\.png"):
        refuse_calibration_pictures(calibrated("2.png", "1.png", "9.png"), truth)


def test_a_refused_model_stops_the_run_before_anything_is_measured(
    tmp_path: Path, models: dict[str, Fake], monkeypatch: pytest.MonkeyPatch
) -> None:
    models["other"] = Fake()

    def refuse(model: ModelFile, truth: Truth) -> None:
        if model.name == "other":
            raise UsageError("it knows them")

    monkeypatch.setattr(module, "refuse_calibration_pictures", refuse)
    with pytest.raises(UsageError):
        measure(write(tmp_path, coco()), "perfect", "other")
    assert models["perfect"].estimated == []


# --- accuracy -------------------------------------------------------------------------------------


@pytest.mark.parametrize("mode", ["frame", "box"])
def test_a_perfect_model_reaches_1(tmp_path: Path, models: dict[str, Fake], mode: CropMode) -> None:
    (found,) = measure(write(tmp_path, coco()), "perfect", modes=(mode,))
    assert (found.model, found.mode, found.pictures) == ("perfect", mode, 4)
    assert (found.ap, found.ap50, found.ap75, found.ar) == pytest.approx((1, 1, 1, 1))
    assert found.inference_ms >= 0


def test_the_farther_off_the_less_accurate(tmp_path: Path, models: dict[str, Fake]) -> None:
    shifts = (0.0, 0.005, 0.01, 0.02, 0.3)
    models.update({str(shift): Fake(shift) for shift in shifts})
    found = measure(write(tmp_path, coco()), *map(str, shifts))
    aps = [one.ap for one in found]
    assert aps == sorted(aps, reverse=True)
    assert aps[0] == pytest.approx(1)
    assert 0 < aps[2] < 1
    assert aps[-1] == 0
    assert all(one.ap50 >= one.ap >= 0 for one in found)


def test_a_model_that_finds_nobody_reaches_0(tmp_path: Path, models: dict[str, Fake]) -> None:
    models["blind"] = Fake(blind=True)
    for mode in ("frame", "box"):
        (found,) = measure(write(tmp_path, coco()), "blind", modes=(mode,))
        assert (found.ap, found.ap50, found.ap75, found.ar, found.pictures) == (0, 0, 0, 0, 4)


def test_nothing_is_printed(
    tmp_path: Path, models: dict[str, Fake], capfd: pytest.CaptureFixture[str]
) -> None:
    measure(write(tmp_path, coco()), "perfect")
    assert capfd.readouterr() == ("", "")


def test_the_truth_is_not_changed_by_measuring(tmp_path: Path, models: dict[str, Fake]) -> None:
    data = coco()
    models["off"] = Fake(0.02)
    path = write(tmp_path, copy.deepcopy(data))
    first = measure(path, "off", "perfect", "off")
    assert first[0].ap == first[2].ap < first[1].ap


def test_the_mode_frame_gives_the_whole_picture_each_for_itself(
    tmp_path: Path, models: dict[str, Fake]
) -> None:
    measure(write(tmp_path, coco()), "perfect", modes=("frame",))
    assert models["perfect"].estimated == [0, 1, 2, 3]
    assert models["perfect"].looked == []
    assert models["perfect"].resets >= 4, "what one picture taught is forgotten for the next"


def test_the_mode_box_looks_once_at_each_true_box(tmp_path: Path, models: dict[str, Fake]) -> None:
    data = coco(2)
    data["annotations"].append(annotation(5, body(4), image_id=10))
    path = write(tmp_path, data)
    measure(path, "perfect", modes=("box",))
    boxes = load_truth(path).boxes
    assert models["perfect"].estimated == []
    assert models["perfect"].looked == [
        (0, box_crop(boxes[0][0])),
        (1, box_crop(boxes[10][0])),
        (1, box_crop(boxes[10][1])),
    ]


@pytest.mark.parametrize("mode", ["frame", "box"])
def test_pictures_without_a_person(tmp_path: Path, models: dict[str, Fake], mode: CropMode) -> None:
    """False detections there lower the accuracy; with crops around the boxes there are none."""
    data = coco()
    del data["annotations"][2]
    (found,) = measure(write(tmp_path, data), "perfect", modes=(mode,))
    assert found.pictures == 4
    assert 0.7 < found.ap <= 1.001
    if mode == "box":
        assert found.ap == pytest.approx(1)
        assert [picture for picture, _ in models["perfect"].looked] == [0, 1, 3]


def test_several_models_and_modes_with_progress(tmp_path: Path, models: dict[str, Fake]) -> None:
    models["off"] = Fake(0.02)
    steps: list[tuple[str, int, int]] = []
    found = measure(write(tmp_path, coco()), "off", "perfect", modes=("box", "frame"), steps=steps)
    assert [(one.model, one.mode) for one in found] == [
        ("off", "box"),
        ("off", "frame"),
        ("perfect", "box"),
        ("perfect", "frame"),
    ]
    assert steps[:4] == [("off, box", n, 4) for n in range(1, 5)]
    assert len(steps) == 16


@pytest.mark.parametrize("content", [None, b"", b"no picture"])
def test_a_picture_that_is_missing_or_damaged(
    tmp_path: Path, models: dict[str, Fake], content: bytes | None
) -> None:
    path = write(tmp_path, coco())
    (tmp_path / "2.png").unlink()
    if content is not None:
        (tmp_path / "2.png").write_bytes(content)
    with pytest.raises(UnavailableError) as error:
        measure(path, "perfect")
    assert str(tmp_path / "2.png") in str(error.value)
    assert "--images" in str(error.value)


def test_an_unknown_model_is_refused_before_any_is_measured(
    tmp_path: Path, models: dict[str, Fake]
) -> None:
    with pytest.raises(ModelError):
        measure(write(tmp_path, coco()), "perfect", "none")
    assert models["perfect"].estimated == []


def test_without_pycocotools_it_is_said_what_to_install(
    tmp_path: Path, models: dict[str, Fake], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(sys.modules, "pycocotools.coco", None)
    with pytest.raises(UnavailableError, match="pip install pycocotools"):
        measure(write(tmp_path, coco()), "perfect")


# --- resuming -------------------------------------------------------------------------------------


def test_a_second_run_goes_on_where_the_first_ended(
    tmp_path: Path, models: dict[str, Fake]
) -> None:
    path, kept = write(tmp_path, coco()), tmp_path / "answers.jsonl"
    first = measure(path, "perfect", answers=kept)
    lines = kept.read_bytes().splitlines(keepends=True)
    assert len(lines) == 4
    kept.write_bytes(lines[0] + lines[1] + lines[2][:-20])
    models["perfect"].estimated.clear()
    assert measure(path, "perfect", answers=kept)[0].ap == first[0].ap
    assert models["perfect"].estimated == [2, 3]
    assert len(kept.read_bytes().splitlines()) == 4
    models["perfect"].estimated.clear()
    measure(path, "perfect", answers=kept)
    assert models["perfect"].estimated == []


@pytest.mark.parametrize("cut", range(1, 60, 7))
def test_wherever_the_file_was_cut_off(tmp_path: Path, models: dict[str, Fake], cut: int) -> None:
    path, kept = write(tmp_path, coco(2)), tmp_path / "answers.jsonl"
    measure(path, "perfect", answers=kept)
    whole = kept.read_bytes()
    # Cut off the newline only, or keep only the first `cut` bytes of the last line.
    last = whole.rfind(b"\n", 0, -1) + 1
    end = min(last + cut, len(whole) - 1) if cut > 1 else len(whole) - 1
    kept.write_bytes(whole[:end])
    measure(path, "perfect", answers=kept)
    again = [json.loads(line) for line in kept.read_text().splitlines()]
    assert [line["key"] for line in again] == [
        json.loads(line)["key"] for line in whole.splitlines()
    ]


@pytest.mark.parametrize(
    "change",
    [
        {"min_keypoint_score": 0.4},
        {"min_pose_score": 0.5},
        {"second_look": False},
        {"max_people": 1},
    ],
)
def test_other_settings_are_measured_anew(
    tmp_path: Path, models: dict[str, Fake], change: dict[str, Any]
) -> None:
    path, kept = write(tmp_path, coco()), tmp_path / "answers.jsonl"
    measure(path, "perfect", answers=kept)
    measure(path, "perfect", answers=kept, settings=ModelSettings(**change))
    assert models["perfect"].estimated == [0, 1, 2, 3] * 2


def test_models_that_share_a_file_share_no_answers(
    tmp_path: Path, models: dict[str, Fake], monkeypatch: pytest.MonkeyPatch
) -> None:
    class SharingZoo:
        def find(self, name: str) -> ModelFile:
            edge = {"small": 64, "large": 96}[name]
            model = calibrated()
            assert model.entry is not None
            entry = model.entry.model_copy(update={"sizes": ((edge, 64), (64, edge))})
            return replace(model, name=name, entry=entry, sha256="0" * 64, known=True)

    monkeypatch.setattr(module, "Zoo", SharingZoo)
    models |= {"small": Fake(), "large": Fake()}
    path, kept = write(tmp_path, coco()), tmp_path / "answers.jsonl"
    measure(path, "small", "large", answers=kept)
    assert models["small"].estimated == models["large"].estimated == [0, 1, 2, 3]


def test_another_truth_about_the_same_pictures_is_measured_anew(
    tmp_path: Path, models: dict[str, Fake]
) -> None:
    """With other ids or boxes, kept answers for the first truth would be wrong."""
    kept = tmp_path / "answers.jsonl"
    modes: tuple[CropMode, ...] = ("frame", "box")
    measure(write(tmp_path, coco()), "perfect", modes=modes, answers=kept)
    renumbered = coco()
    for entry, key in [(i, "id") for i in renumbered["images"]] + [
        (a, "image_id") for a in renumbered["annotations"]
    ]:
        entry[key] += 1
    found = measure(write(tmp_path, renumbered), "perfect", modes=modes, answers=kept)
    assert [one.ap for one in found] == pytest.approx([1, 1])
    models["perfect"].looked.clear()
    models["perfect"].estimated.clear()
    moved = coco()
    moved["annotations"][1]["bbox"][0] += 5
    measure(write(tmp_path, moved), "perfect", modes=modes, answers=kept)
    assert [picture for picture, _ in models["perfect"].looked] == [1]
    assert models["perfect"].estimated == []
