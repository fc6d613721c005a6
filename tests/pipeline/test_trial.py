from __future__ import annotations

import contextlib
import os
import random
import threading
from collections.abc import Callable, Sequence
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import pytest
from tflite import (
    LIGHTNING,
    POSENET,
    dynamic_input,
    float_input,
    input_size,
    metadata,
    normalisation_metadata,
    pixel_output,
    rewrite,
    without_filter,
)

from pose_edge.config.schema import EdgeTpuSettings, ModelSettings, Settings
from pose_edge.errors import ModelError, UsageError
from pose_edge.frames import Frame
from pose_edge.pipeline import trial as trial_module
from pose_edge.pipeline.loading import load_model
from pose_edge.pipeline.trial import try_model
from pose_edge.pipeline.trial_child import PERSON, try_here
from pose_edge.poses import FloatArray
from pose_edge.util import resources
from pose_edge.zoo.registry import ModelFile, Zoo

SETTINGS = ModelSettings(threads=1)


def find(path: Path) -> ModelFile:
    return Zoo().find(str(path))


def tried(path: Path) -> ModelFile:
    return try_model(find(path), SETTINGS)


def keypoints(path: Path, **settings: Any) -> FloatArray:  # noqa: ANN401
    """Return the keypoints (17, 3) that a user's model finds in the shipped picture."""
    model = ModelSettings(name=str(path), threads=1, **settings)
    image = np.asarray(cv2.imread(str(resources.person_picture())), dtype=np.uint8)
    with ExitStack() as stack:
        wanted = Settings(model=model, edgetpu=EdgeTpuSettings(mode="off"))
        estimator = load_model(wanted, stack)
        (pose,) = estimator.estimate(Frame(image, "BGR", 0, 0, 0.0)).poses
    return pose.keypoints


def is_the_person(found: FloatArray) -> bool:
    return bool(np.abs(found[:, :2] - PERSON).mean() < 0.025)


# --- how the input is scaled ----------------------------------------------------------------------


@pytest.mark.parametrize("name", [POSENET, LIGHTNING])
@pytest.mark.parametrize(
    ("mean", "std", "wants"),
    [(0.0, 1.0, "0..255"), (0.0, 255.0, "0..1"), (127.5, 127.5, "-1..1")],
)
def test_the_range_of_a_float_input_is_found_out(
    tmp_path: Path, name: str, mean: float, std: float, wants: str
) -> None:
    path = rewrite(tmp_path / "own.tflite", name, float_input(mean, std))
    assert str(tried(path).normalisation) == wants
    assert is_the_person(keypoints(path, max_people=1))


def test_metadata_come_first(tmp_path: Path) -> None:
    said = metadata(normalisation_metadata([100.0], [70.0]))
    path = rewrite(tmp_path / "own.tflite", POSENET, float_input(100.0, 70.0), said)
    assert str(tried(path).normalisation) == "(pixel - [100.0, 100.0, 100.0]) / [70.0, 70.0, 70.0]"


def test_metadata_that_are_wrong_are_found_out(tmp_path: Path) -> None:
    said = metadata(normalisation_metadata([1000.0], [3.0]))
    path = rewrite(tmp_path / "own.tflite", POSENET, float_input(127.5, 127.5), said)
    assert str(tried(path).normalisation) == "-1..1"


def test_a_setting_is_obeyed(tmp_path: Path) -> None:
    path = rewrite(tmp_path / "own.tflite", POSENET, float_input(0.0, 255.0))
    assert is_the_person(keypoints(path, input_range="0..1"))


def test_a_setting_that_an_integer_input_cannot_have_is_refused(tmp_path: Path) -> None:
    path = rewrite(tmp_path / "own.tflite", LIGHTNING)
    with pytest.raises(UsageError, match=r"input_range is 0\.\.1, but the input of own is uint8"):
        keypoints(path, input_range="0..1")


def test_a_float_model_that_does_not_find_the_person_is_refused(tmp_path: Path) -> None:
    path = rewrite(tmp_path / "own.tflite", POSENET, float_input(1e6, 1.0))
    with pytest.raises(ModelError, match=r"not known: .*similarity 0\.00.*0\.\.1, -1\.\.1"):
        tried(path)


def test_an_integer_model_that_does_not_find_the_person_is_doubted(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    path = rewrite(tmp_path / "own.tflite", LIGHTNING, pixel_output(7))
    assert not tried(path).output_in_pixels
    assert "it does not find them" in caplog.text


@pytest.mark.parametrize("changes", [(), (float_input(0.0, 255.0),)])
def test_an_output_in_pixels_is_recognised(
    tmp_path: Path, changes: Sequence[Callable[[Any], None]]
) -> None:
    path = rewrite(tmp_path / "own.tflite", LIGHTNING, *changes, pixel_output(192))
    assert tried(path).output_in_pixels
    assert is_the_person(keypoints(path))


@pytest.mark.parametrize("people", [1, 6])
def test_an_input_without_a_size_is_given_one(tmp_path: Path, people: int) -> None:
    path = rewrite(tmp_path / "own.tflite", POSENET, dynamic_input)
    assert is_the_person(keypoints(path, max_people=people))


@pytest.mark.parametrize("people", [1, 6])
@pytest.mark.parametrize("size", [(193, 321), (321, 193), (256, 384)])
def test_an_input_that_is_not_square(tmp_path: Path, size: tuple[int, int], people: int) -> None:
    path = rewrite(tmp_path / "own.tflite", POSENET, input_size(*size))
    assert is_the_person(keypoints(path, max_people=people))


def test_an_input_without_a_size_that_cannot_have_another(tmp_path: Path) -> None:
    path = rewrite(tmp_path / "own.tflite", LIGHTNING, dynamic_input)
    with pytest.raises(ModelError, match=r"is not fixed, and it cannot be set to 256x256"):
        tried(path)


# --- which files are tried, and what their outputs allow ------------------------------------------


def test_files_that_are_known_are_not_tried(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(trial_module, "_run_child", lambda *_: pytest.fail("it was tried"))
    shipped = Zoo().find(LIGHTNING)
    copy = tmp_path / "own.tflite"
    copy.write_bytes(shipped.path.read_bytes())
    for model in (shipped, find(copy)):
        assert try_model(model, SETTINGS) is model


def test_a_file_that_crashes_the_runtime_is_refused(tmp_path: Path) -> None:
    path = rewrite(tmp_path / "own.tflite", POSENET, without_filter)
    # Memory behind the end of LiteRT's list decides how it fails; mostly it is SIGSEGV.
    with pytest.raises(ModelError, match=str(path)):
        tried(path)


def test_damaged_files_are_refused_or_run(tmp_path: Path) -> None:
    """Whatever a file contains, this process survives."""
    whole = Zoo().find(POSENET).path.read_bytes()
    rng = random.Random(0)
    for _ in range(3):
        content = bytearray(whole)
        for _ in range(300):
            content[rng.randrange(8, len(content))] = rng.randrange(256)
        path = tmp_path / "own.tflite"
        path.write_bytes(content[: rng.choice((len(content), rng.randrange(len(content))))])
        with contextlib.suppress(ModelError):
            assert not tried(path).known


@pytest.mark.parametrize(
    ("child", "says"),
    [
        ("print('no answer')", "ended with status 0"),
        ("import sys; sys.exit('these words')", r"ended with status 1 \(these words\)"),
        ("import os; os.abort()", "ended by SIGABRT"),
        ("import time; time.sleep(100)", "no answer within 1 s"),
    ],
)
def test_a_child_that_gives_no_verdict(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, child: str, says: str
) -> None:
    if "sleep" in child:
        monkeypatch.setattr(trial_module, "TRIAL_S", 1.0)
    monkeypatch.setattr(trial_module, "CHILD", child)
    with pytest.raises(ModelError, match=says):
        try_model(ModelFile("own", tmp_path / "own.tflite"), SETTINGS)


def test_a_trial_can_be_ended(tmp_path: Path) -> None:
    stop = threading.Event()
    stop.set()
    with pytest.raises(ModelError, match="the trial was ended"):
        try_model(ModelFile("own", tmp_path / "own.tflite"), SETTINGS, stop)


def test_what_is_no_pose_model_is_said_as_ever(tmp_path: Path) -> None:
    path = tmp_path / "own.tflite"
    path.write_bytes(b"\x1c\0\0\0TFL3" + os.urandom(100))
    verdict = try_here(find(path), SETTINGS)
    assert verdict.error is not None
    assert str(path) in verdict.error
