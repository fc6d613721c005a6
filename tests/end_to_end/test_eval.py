"""`eval` on a few frames of the demo clip; the answers of the best model serve as the truth."""

from __future__ import annotations

import json
import time
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import pytest
from clips import demo_frames
from command import Command
from helpers import GENEROUS_S, make_frame

from pose_edge.config.schema import EdgeTpuSettings, ModelSettings, Settings
from pose_edge.pipeline.loading import load_model

TRUE_MODEL, OTHER_MODEL = "movenet-thunder-fp16", "movenet-lightning-fp16"
COUNT = 12


@pytest.fixture(scope="module")
def truth(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return a folder with pictures and truth.json."""
    folder = tmp_path_factory.mktemp("coco")
    settings = Settings(
        model=ModelSettings(name=TRUE_MODEL, threads=2), edgetpu=EdgeTpuSettings(mode="off")
    )
    estimator = load_model(settings, ExitStack())
    data: dict[str, Any] = {
        "images": [],
        "annotations": [],
        "categories": [{"id": 1, "name": "person"}],
    }
    for number, image in enumerate(demo_frames(range(100, 100 + 5 * COUNT))[::5]):
        name = f"{number}.png"
        shrunk = cv2.resize(image, (640, 360), interpolation=cv2.INTER_AREA)
        small = np.asarray(shrunk, dtype=np.uint8)
        cv2.imwrite(str(folder / name), small)
        estimator.reset()
        (pose,) = estimator.estimate(make_frame(small)).poses
        pixels = pose.keypoints[:, :2].astype(float) * (640, 360)
        (x0, y0), (x1, y1) = pixels.min(axis=0).tolist(), pixels.max(axis=0).tolist()
        data["images"].append({"id": number, "file_name": name, "width": 640, "height": 360})
        data["annotations"].append(
            {
                "id": number + 1,
                "image_id": number,
                "category_id": 1,
                "iscrowd": 0,
                "num_keypoints": 17,
                "keypoints": [value for x, y in pixels.tolist() for value in (x, y, 2)],
                "bbox": [x0, y0, x1 - x0, y1 - y0],
                "area": (x1 - x0) * (y1 - y0),
            }
        )
    (folder / "truth.json").write_text(json.dumps(data))
    return folder


def options(truth: Path) -> list[str | Path]:
    return ["eval", "--annotations", truth / "truth.json", "--images", truth]


def test_a_table_of_models_and_modes(pose_edge: Command, truth: Path) -> None:
    done = pose_edge(
        *options(truth),
        *("--model", TRUE_MODEL, "--model", OTHER_MODEL, "--crop", "frame", "--crop", "box"),
    )
    assert done.status == 0, done.stderr
    lines = [line.split() for line in done.stdout.splitlines() if line.split()[:1]]
    rows = {(line[0], line[1]): line[2:] for line in lines if line[0] in (TRUE_MODEL, OTHER_MODEL)}
    assert set(rows) == {(m, c) for m in (TRUE_MODEL, OTHER_MODEL) for c in ("frame", "box")}
    assert all(row[0] == str(COUNT) for row in rows.values())
    assert float(rows[TRUE_MODEL, "frame"][1]) > 0.99, "its own answers are the truth"
    assert float(rows[OTHER_MODEL, "frame"][1]) < float(rows[TRUE_MODEL, "frame"][1])
    assert float(rows[OTHER_MODEL, "box"][1]) > 0.3


def test_json(pose_edge: Command, truth: Path) -> None:
    done = pose_edge(*options(truth), "--model", TRUE_MODEL, "--json")
    assert done.status == 0, done.stderr
    figures = json.loads(done.stdout)
    assert figures["annotations"] == str(truth / "truth.json")
    assert figures["machine"]
    (found,) = figures["models"]
    assert (found["model"], found["mode"], found["pictures"]) == (TRUE_MODEL, "frame", COUNT)
    assert found["ap"] > 0.99
    assert found["inference_ms"] > 0


def test_resume_goes_on_after_a_kill(pose_edge: Command, truth: Path) -> None:
    kept = pose_edge.folder / "answers.jsonl"
    command = [*options(truth), "--model", TRUE_MODEL, "--resume", kept, "--json"]
    process = pose_edge.start(*command)
    deadline = time.monotonic() + GENEROUS_S
    while not (kept.exists() and kept.read_bytes().count(b"\n") >= 2):
        assert time.monotonic() < deadline
        assert process.poll() is None or kept.read_bytes().count(b"\n") >= 2
        time.sleep(0.001)
    process.kill()
    process.communicate()
    # The file looks like this after a power failure in the middle of a line.
    lines = kept.read_bytes().splitlines(keepends=True)[: COUNT - 2]
    kept.write_bytes(b"".join(lines) + b'{"key": "movenet')
    done = pose_edge(*command)
    assert done.status == 0, done.stderr
    assert json.loads(done.stdout)["models"][0]["ap"] > 0.99
    after = kept.read_bytes().splitlines(keepends=True)
    assert after[: len(lines)] == lines, "what was known was not measured again"
    assert len(after) == COUNT
    assert len({json.loads(line)["key"] for line in after}) == COUNT


@pytest.mark.parametrize(
    ("change", "status", "says"),
    [
        (["--annotations", "none.json"], 3, "annotations none.json: no such file"),
        (["--images", "nowhere", "--model", OTHER_MODEL], 3, "--images nowhere: no such folder"),
        (["--model", "movenet-lightening-fp16"], 3, "did you mean movenet-lightning-fp16?"),
        (["--resume", "no/folder/x"], 1, "no/folder/x"),
    ],
)
def test_one_clear_line(
    pose_edge: Command, truth: Path, change: list[str], status: int, says: str
) -> None:
    done = pose_edge(*options(truth), *change)
    assert done.status == status, done.stderr
    complaint = done.complaint()
    assert len(complaint) == 1, done.stderr
    assert says in complaint[0]
    assert "Traceback" not in done.stderr
    assert done.stdout == ""


def test_a_precious_file_given_to_resume_is_left_as_it_is(pose_edge: Command, truth: Path) -> None:
    precious = pose_edge.folder / "letter.txt"
    precious.write_text("dear friend,\nhow are you?")
    done = pose_edge(*options(truth), "--resume", precious)
    assert done.status == 1
    assert "not a file of answers" in " ".join(done.complaint())
    assert precious.read_text() == "dear friend,\nhow are you?"


def test_a_model_that_knows_the_pictures_is_refused(pose_edge: Command, truth: Path) -> None:
    entries = json.loads(pose_edge("models", "list", "--json").stdout)
    known = [entry for entry in entries if entry.get("calibration")]
    if not known:
        pytest.skip("no model that ships was calibrated")
    data = json.loads((truth / "truth.json").read_text())
    data["images"][0]["file_name"] = known[0]["calibration"][0]
    (pose_edge.folder / "known.json").write_text(json.dumps(data))
    done = pose_edge(
        "eval", "--annotations", "known.json", "--images", truth, "--model", known[0]["name"]
    )
    assert done.status == 2
    (line,) = done.complaint()
    assert f"{known[0]['name']} was calibrated with 1 of the pictures" in line
