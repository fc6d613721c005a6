"""`pose-edge run` with a camera module: a fake of picamera2 plays frames of the demo clip."""

from __future__ import annotations

import os
import statistics
import subprocess
import threading
import time
from pathlib import Path

import cv2
import numpy as np
import pytest
from clips import demo_frames, video_frames, write_clip
from command import Command, read_lines
from csi_bench import IMX219, IMX708, VARIABLE, WEBCAM, Bench
from helpers import GENEROUS_S, slowness, wait_until

TESTS = Path(__file__).parents[1]
RUN = ("run", "--source", "picamera", "--display", "none", "--poses", "p.jsonl")
SCENE = 70
"""Index of a frame of the demo clip with a person in it."""


class Rig:
    """The command on a machine with fake camera modules, which `bench` controls."""

    def __init__(self, pose_edge: Command, bench: Bench) -> None:
        self.command = pose_edge
        self.bench = bench
        self.environment = {
            "PYTHONPATH": os.pathsep.join([str(TESTS / "fake_picamera2"), str(TESTS)]),
            VARIABLE: str(bench.path),
        }

    def start(self, *arguments: str) -> subprocess.Popen[str]:
        return self.command.start(*arguments, **self.environment)

    def count(self) -> int:
        poses = self.command.folder / "p.jsonl"
        return poses.read_text().count("\n") if poses.exists() else 0


@pytest.fixture
def rig(pose_edge: Command, tmp_path: Path) -> Rig:
    clip = write_clip(tmp_path / "scene.mp4", demo_frames(range(SCENE, SCENE + 1)) * 10)
    return Rig(pose_edge, Bench(tmp_path / "cameras.json", video=str(clip)))


@pytest.mark.parametrize("version", [(0, 3, 22), (0, 3, 38)], ids=["0.3.22", "0.3.38"])
def test_poses_and_colours_are_those_of_the_scene(rig: Rig, version: tuple[int, ...]) -> None:
    rig.bench.set(version=version)
    folder = rig.command.folder
    before = time.time()
    plain = ("--set", "overlay.skeleton=false", "--set", "overlay.readout=false")
    process = rig.start(*RUN, *plain, "--record", "r.mp4", "--max-frames", "20")
    done = rig.command.finish(process)
    assert done.status == 0, done.stderr
    assert "source: picamera:0 (imx708)" in done.stderr
    assert "libcamera v0" not in done.stderr

    seen = demo_frames(range(SCENE, SCENE + 1))[0]
    cv2.imwrite(str(folder / "scene.png"), seen)
    rig.command("annotate", "scene.png", "--poses", "scene.jsonl")
    wanted = np.array(read_lines(folder / "scene.jsonl")[0]["poses"][0]["keypoints"])
    lines = read_lines(folder / "p.jsonl")
    assert len(lines) == 20
    assert {tuple(line["frame"]) for line in lines} == {(1280, 720)}
    found = [np.array(line["poses"][0]["keypoints"]) for line in lines[5:] if line["poses"]]
    assert len(found) >= 13
    clear = wanted[:, 2] > 0.4
    assert clear.sum() >= 8
    apart = [np.abs(one[clear, :2] - wanted[clear, :2]).mean() for one in found]
    assert statistics.median(apart) < 0.02
    times = [line["time"] for line in lines]
    assert before < times[0] < times[-1] < time.time()
    # In the fake 12 ms pass from the exposure of the first row until the frame is handed over.
    assert statistics.median(line["latency_ms"]["wait"] for line in lines) >= 12

    _times, _size, drawn = video_frames(folder / "r.mp4")
    difference = np.abs(drawn[-1].astype(int) - seen.astype(int)).mean()
    swapped = np.abs(drawn[-1][:, :, ::-1].astype(int) - seen.astype(int)).mean()
    assert difference < 6 < swapped


@pytest.mark.quiet
def test_a_dislodged_cable_is_said_within_three_seconds_and_recovered(rig: Rig) -> None:
    process = rig.start(*RUN)
    said: list[str] = []
    heard = threading.Thread(target=lambda: said.extend(iter(process.stderr.readline, "")))  # type: ignore[union-attr]
    heard.start()

    def says(text: str) -> bool:
        return any(text in line for line in said)

    wait_until(lambda: rig.count() > 10, "the first poses")
    rig.bench.set(dislodged=True)
    pulled = time.monotonic()
    wait_until(lambda: says("has given no frames for"), "the loss")
    assert time.monotonic() - pulled < 3.5 * slowness(), "3 s, and a little"
    assert says("is its ribbon cable seated at both ends?; trying to get it back")
    lost_at = rig.count()
    # With a loose cable the camera opens but gives no frames, or does not even start.
    rig.bench.set(deaf=True)
    time.sleep(1.0)
    assert rig.count() == lost_at
    rig.bench.set(deaf=False, dislodged=False)
    wait_until(lambda: rig.count() > lost_at + 10, "poses after the cable was seated again")
    process.terminate()
    assert process.wait(GENEROUS_S) == 0
    heard.join(GENEROUS_S)
    assert says("picamera:0 (imx708) is back")


def test_a_camera_that_does_not_close_does_not_keep_the_program(rig: Rig) -> None:
    process = rig.start(*RUN)
    wait_until(lambda: rig.count() > 3, "the first poses")
    rig.bench.set(hang=["stop"])
    process.terminate()
    done = rig.command.finish(process, timeout=GENEROUS_S)
    assert done.status == 0, done.stderr
    assert "the capture thread did not end within" in done.stderr


def test_auto_prefers_a_camera_module_and_says_so(rig: Rig) -> None:
    rig.bench.set(cameras=[WEBCAM, IMX219, IMX708])
    process = rig.start("run", "--source", "auto", "--display", "none", "--max-frames", "3")
    done = rig.command.finish(process)
    assert done.status == 0, done.stderr
    chosen = next(line for line in done.stderr.splitlines() if "source auto" in line)
    assert "CSI camera 0 (imx708)" in chosen
    assert "CSI camera 1 (imx219)" in chosen


@pytest.mark.parametrize(
    ("source", "cameras", "complaint"),
    [
        ("picamera", [WEBCAM], "picamera:0 is not there: no camera module found; power off"),
        ("picamera:1", [IMX708], "picamera:1 is not there; found: picamera:0 (imx708)"),
    ],
)
def test_a_camera_module_that_is_not_there_is_told_in_one_line(
    rig: Rig, source: str, cameras: list[dict[str, object]], complaint: str
) -> None:
    rig.bench.set(cameras=cameras)
    process = rig.start("run", "--source", source, "--display", "none")
    done = rig.command.finish(process)
    assert done.status == 3
    assert len(done.complaint()) == 1
    assert complaint in done.complaint()[0]


def test_a_camera_in_use_is_told_in_one_line(rig: Rig) -> None:
    rig.bench.set(busy=True)
    done = rig.command.finish(rig.start(*RUN))
    assert done.status == 3
    assert len(done.complaint()) == 1
    assert "another program is using it" in done.complaint()[0]
    assert "; `fuser -v" in done.complaint()[0]
