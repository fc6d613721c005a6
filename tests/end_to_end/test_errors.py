"""Every error gives one or two clear lines, the right exit status, and no traceback."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest
from command import Command

from pose_edge.util import resources


@pytest.fixture
def bad(pose_edge: Command) -> Path:
    """Return a folder with broken models, videos and configurations."""
    folder = pose_edge.folder
    model = (resources.models_dir() / "movenet-lightning-fp16.tflite").read_bytes()
    (folder / "empty.tflite").touch()
    (folder / "cut.tflite").write_bytes(model[: len(model) // 2])
    (folder / "text.tflite").write_text("hello, hello")
    (folder / "empty.mp4").touch()
    clip = resources.demo_clip().read_bytes()
    (folder / "cut.mp4").write_bytes(clip[:2000])
    (folder / "bad.yaml").write_text("camera:\n  fsp: 30\n  width: wide\n")
    (folder / "nopictures").mkdir()
    shutil.copy(resources.demo_clip(), folder / "in.mp4")
    return folder


@pytest.mark.parametrize(
    ("arguments", "status", "says"),
    [
        ("run --source nothing.mp4", 3, "no such file"),
        ("run --source empty.mp4", 3, "not a video"),
        ("run --source cut.mp4", 3, "without a frame that can be read"),
        ("run --source nopictures", 3, "no pictures"),
        ("run --source /dev/video99", 3, "/dev/video99 is not there"),
        ("run --source ftp://somewhere/x", 3, "unknown kind of address"),
        ("run --model movenet-lightening-fp16", 3, "did you mean movenet-lightning-fp16?"),
        ("run --model empty.tflite", 3, "is empty"),
        ("run --model cut.tflite", 3, "cannot load"),
        ("run --model text.tflite", 3, "not a TensorFlow Lite model"),
        ("run --model missing.tflite", 3, "missing"),
        ("run --config missing.yaml", 2, "no file missing.yaml"),
        ("run --set camera.fsp=3", 2, "did you mean camera.fps?"),
        ("run --set nonsense", 2, "expected SECTION.KEY=VALUE"),
        ("run --threads many", 2, "a whole number from 1 to 64"),
        ("run --max-frames 0", 2, "a whole number, at least 1"),
        ("run --source demo --display none --record out.avi", 2, "an .mp4 file"),
        ("run --source demo --display none --record no/out.mp4", 1, "there is no folder no"),
        ("run --source demo --display none --poses no/out.jsonl", 1, "there is no folder no"),
        ("run --source demo --display window", 3, "no window can be opened"),
        ("annotate nothing", 3, "no such file"),
        ("annotate in.mp4 -o in.mp4", 2, "is the input"),
        ("annotate in.mp4 -o out.jpg", 2, "must end in"),
        ("annotate rtsp://camera/x", 2, "annotate reads files"),
        ("models info movenet", 3, "there are: movenet-"),
        ("bench pipeline --source nopictures", 2, "needs a video"),
    ],
)
def test_one_clear_line(
    pose_edge: Command, bad: Path, arguments: str, status: int, says: str
) -> None:
    done = pose_edge(*arguments.split())
    assert done.status == status, done.stderr
    complaint = done.complaint()
    assert 1 <= len(complaint) <= 2, done.stderr
    assert says in " ".join(complaint)
    assert "Traceback" not in done.stderr
    assert done.stdout == ""


@pytest.mark.parametrize(
    ("arguments", "status"),
    [
        ("run --source demo --display none --record out.avi", 2),
        ("run --source demo --display none --record no/out.mp4", 1),
        ("annotate demo --poses no/out.jsonl", 1),
        ("annotate demo -o no/out.mp4", 1),
        ("annotate nopictures -o no/pictures", 1),
    ],
)
def test_outputs_are_refused_before_the_model_is_loaded(
    pose_edge: Command, bad: Path, arguments: str, status: int
) -> None:
    done = pose_edge(*arguments.split())
    assert (done.status, len(done.complaint())) == (status, 1), done.stderr
    assert "model:" not in done.stderr


def test_all_faults_of_a_configuration_at_once(pose_edge: Command, bad: Path) -> None:
    done = pose_edge("config", "check", "--config", "bad.yaml", "--log-level", "loud")
    assert done.status == 2
    complaint = "\n".join(done.complaint())
    assert "bad.yaml:2: camera.fsp: unknown key; did you mean camera.fps?" in complaint
    assert "bad.yaml:3: camera.width: 'wide' is not allowed here" in complaint
    assert "--log-level loud" in complaint


def test_a_password_is_never_shown(pose_edge: Command) -> None:
    done = pose_edge(
        "run", "--source", "rtsp://me:s3cret@127.0.0.1:9/x?token=s3cret", "--log-level", "debug"
    )
    assert done.status == 3
    assert "s3cret" not in done.stderr + done.stdout


def test_debug_shows_where(pose_edge: Command) -> None:
    done = pose_edge("run", "--source", "nothing.mp4", "--log-level", "debug")
    assert done.status == 3
    assert "Traceback" in done.stderr


def test_wrong_usage_is_status_2(pose_edge: Command) -> None:
    assert pose_edge("frobnicate").status == 2
    assert pose_edge().status == 2
    assert pose_edge("run", "--nonsense").status == 2
