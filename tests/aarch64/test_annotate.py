"""The emulated processors of the Pis find the same poses as this machine."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import pytest
from aarch64.machine import Machine
from aarch64.processor import PI_4, PI_5, ZERO_2_W, Processor
from clips import demo_frames, video_frames, write_clip
from command import Command, Lines
from helpers import oks
from numpy.typing import NDArray
from pose_lines import strict

SIZE = (640, 360)
"""Width and height of pictures and video, in pixels."""

PICTURES = (64, 110, 150)
VIDEO = range(64, 76)
"""Frame numbers of the demo clip; each frame shows a person."""

MODELS = ("movenet-lightning-int8", "movenet-lightning-fp16", "posenet-mobilenet")

SAME = 0.005
"""Largest difference of keypoint coordinates (as fractions of the frame) and scores to the results
on this machine for the same picture, due to rounding."""

ALIKE = 0.9
"""Least OKS of a video's poses with those found on this machine. FFmpeg converts colours with
different instructions on each processor: they differ by up to 2 of 255, which moves keypoints."""

OUTPUTS = ("poses.jsonl", "drawn.mp4")

Keypoints = NDArray[np.float32]


def name_of(processor: Processor) -> str:
    """Return the test id of a processor."""
    return processor.name


def keypoints(line: dict[str, Any]) -> Keypoints:
    """Return the keypoints of a line's only person: float32 of shape (17, 3) as x, y, score."""
    (pose,) = line["poses"]
    return np.array(pose["keypoints"], dtype=np.float32)


def fixed_fields(line: dict[str, Any]) -> dict[str, Any]:
    """Return the fields of a line that must be identical on every machine."""
    return {name: line[name] for name in line if name not in ("poses", "latency_ms")}


@pytest.fixture(scope="session")
def here(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Command]:
    """Return the host's command, in a folder with the pictures `album` and the video `clip.mp4`."""
    command = Command(tmp_path_factory.mktemp("here"))
    frames = [
        np.asarray(cv2.resize(frame, SIZE, interpolation=cv2.INTER_AREA), np.uint8)
        for frame in demo_frames(range(max(PICTURES) + 1))
    ]
    album = command.folder / "album"
    album.mkdir()
    for number in PICTURES:
        assert cv2.imwrite(str(album / f"{number}.png"), frames[number])
    write_clip(command.folder / "clip.mp4", [frames[number] for number in VIDEO])
    yield command
    command.kill_all()


def annotate_both(machine: Machine, here: Command, name: str, *options: str) -> tuple[Lines, Lines]:
    """Annotate a file or folder on both, and return the lines of the machine and of the host."""
    for output in OUTPUTS:  # left by other parameters; they would not be replaced
        machine.path(output).unlink(missing_ok=True)
        (here.folder / output).unlink(missing_ok=True)
    machine.put(here.folder / name)
    words = ("annotate", name, "--poses", "poses.jsonl", "--force", *options)
    done, expected = machine("pose-edge", *words), here(*words)
    assert done.status == 0, done.stdout + done.stderr
    assert expected.status == 0, expected.stderr
    return read(machine.path("poses.jsonl")), read(here.folder / "poses.jsonl")


def read(path: Path) -> Lines:
    """Return the lines of a pose file."""
    return [strict(line) for line in path.read_text(encoding="utf-8").splitlines()]


@pytest.mark.parametrize("machine", [ZERO_2_W, PI_4, PI_5], ids=name_of, indirect=True)
@pytest.mark.parametrize("model", MODELS)
def test_pictures(machine: Machine, here: Command, model: str, tell: list[str]) -> None:
    found, expected = annotate_both(machine, here, "album", "--model", model)
    assert len(found) == len(PICTURES)
    assert [fixed_fields(line) for line in found] == [fixed_fields(line) for line in expected]
    off = [np.abs(keypoints(a) - keypoints(b)) for a, b in zip(found, expected, strict=True)]
    tell.append(f"{machine.processor.name}, {model}: keypoints off by up to {np.max(off):.5f}")
    assert np.max(off) <= SAME


@pytest.mark.parametrize("machine", [PI_4], ids=name_of, indirect=True)
def test_a_video(machine: Machine, here: Command, tell: list[str]) -> None:
    found, expected = annotate_both(machine, here, "clip.mp4", "-o", "drawn.mp4")
    assert len(found) == len(VIDEO)
    assert [fixed_fields(line) for line in found] == [fixed_fields(line) for line in expected]
    alike = [oks(keypoints(a), keypoints(b), *SIZE) for a, b in zip(found, expected, strict=True)]
    tell.append(f"{machine.processor.name}, video: OKS at least {min(alike):.4f}")
    assert min(alike) >= ALIKE
    same_video(machine.path("drawn.mp4"), here.folder / "drawn.mp4")


def same_video(one: Path, other: Path) -> None:
    """Assert that two videos have the same times and size, and nearly the same pictures."""
    (times, size, frames), (other_times, other_size, others) = map(video_frames, (one, other))
    assert (times, size) == (other_times, other_size)
    for frame, drawn in zip(frames, others, strict=True):
        assert np.abs(frame.astype(int) - drawn).mean() < 3
