"""The picture, poses and keys on a machine without a desktop whose webcam sees a person."""

from __future__ import annotations

import json
import subprocess
import sys

import numpy as np
import pytest
from helpers import oks
from system.program import Line
from system.rig import Rig
from system.screen import BAR, bright_pixels, skeleton_found, wait_for

from pose_edge.frames import Image
from pose_edge.util import resources

RATE = 10
STILL = 10
"""Number of times each picture is sent, so that it changes once a second. A pose takes seconds on
an emulated processor, and the person must not move far between two poses."""
ENOUGH = 12
"""Least number of pose lines to compare."""


@pytest.fixture(scope="module")
def truth(tmp_path_factory: pytest.TempPathFactory) -> list[Line]:
    """Return the poses of the clip's frames, estimated on the host."""
    path = tmp_path_factory.mktemp("truth") / "poses.jsonl"
    subprocess.run(
        [
            *(sys.executable, "-m", "pose_edge", "annotate", str(resources.demo_clip())),
            *("--poses", str(path), "--set", "smoothing.mode=off"),
        ],
        check=True,
        capture_output=True,
        cwd=path.parent,
    )
    return [json.loads(line) for line in path.read_text(encoding="utf-8").splitlines()]


def agreement(found: Line, true: Line) -> float:
    """Return the OKS of the first poses of two lines, 0...1; two empty lines agree fully."""
    if not found["poses"] or not true["poses"]:
        return float(bool(found["poses"]) == bool(true["poses"]))
    pair = [np.asarray(line["poses"][0]["keypoints"], np.float32) for line in (found, true)]
    width, height = true["frame"]
    return oks(pair[0], pair[1], width, height)


def best_fit(lines: list[Line], truth: list[Line]) -> list[float]:
    """Return the agreement of each line with the video, for the best start offset of the video."""
    moments = [(line["time"] - lines[0]["time"]) * RATE / STILL for line in lines]
    fits = [
        [
            # The clocks of camera and machine differ, so allow an offset of one frame.
            max(agreement(line, truth[round(start + at + by) % len(truth)]) for by in (-1, 0, 1))
            for line, at in zip(lines, moments, strict=True)
        ]
        for start in range(len(truth))
    ]
    return max(fits, key=sum)


def mirrored(line: Line) -> Line:
    """Return a copy of a line with its first pose mirrored horizontally."""
    copy: Line = json.loads(json.dumps(line))
    for point in copy["poses"][0]["keypoints"]:
        point[0] = 1 - point[0]
    return copy


def test_picture_poses_and_readout(rig: Rig, truth: list[Line]) -> None:
    rig.plug_camera(rate=RATE, still=STILL)
    rig.begin("--set", "smoothing.mode=off", model="movenet-lightning-int8", lines=1)
    found: dict[float, tuple[Image, Line]] = {}

    def enough() -> bool:
        shown, lines = rig.screen.dump(), rig.program.lines()
        for line in lines[-3:]:
            if line["poses"]:
                found[skeleton_found(shown, line)] = shown, line
        return len(lines) >= ENOUGH and max(found, default=0.0) > 0.8

    wait_for(enough, f"{ENOUGH} poses, and a skeleton where it should be", 240)
    similarity = rig.screen.similarity()
    rig.chapter.measure("similarity of screen and video", similarity, "", limit="at least 0.9")
    assert similarity > 0.9

    best = max(found)
    shown, line = found[best]
    wrong = skeleton_found(shown, mirrored(line))
    rig.chapter.picture("skeleton", shown)
    rig.chapter.measure("skeleton where it should be", best, "", limit="at least 0.8")
    rig.chapter.measure("skeleton where it should not be", wrong, "", limit="less than 0.3")
    assert wrong < 0.3

    readout = bright_pixels(shown[:BAR])
    rig.chapter.measure("bright pixels of the read-out", readout, "", limit="more than 300")
    assert readout > 300

    lines = rig.program.lines()
    fits = best_fit(lines[1:], truth)
    rig.chapter.measure("agreement with the video", float(np.mean(fits)), "OKS", limit="above 0.7")
    rig.chapter.measure("time of one pose", float(np.mean(np.diff([x["time"] for x in lines]))))
    rig.chapter.text("agreement", ", ".join(f"{fit:.2f}" for fit in fits))
    assert np.mean(fits) > 0.7
    assert rig.program.end() == 0


def test_keys_work_without_a_desktop(rig: Rig) -> None:
    rig.plug_camera()
    rig.begin()
    rig.wait_for_video()

    def bright() -> int:
        return bright_pixels(rig.screen.dump()[:BAR])

    before = bright()
    assert before > 300
    rig.machine.press("i")
    wait_for(lambda: bright() < before / 2, "all figures, which need more room than a bar", 10)
    rig.machine.press("i")
    rig.machine.press("i")
    wait_for(lambda: bright() > before / 2, "the short read-out again", 10)
    rig.machine.press("q")
    assert rig.program.wait(30) == 0


def test_the_terminal_is_given_back(rig: Rig) -> None:
    rig.plug_camera()
    rig.begin()
    rig.wait_for_video()
    assert rig.program.end() == 0
    wait_for(lambda: rig.screen.similarity() < 0.3, "the login in place of the picture", 20)


def test_the_machine_has_no_desktop(rig: Rig) -> None:
    rig.chapter.text("about it", rig.run("cat /etc/os-release; uname -a; systemd-analyze"))
    assert rig.machine.agent.run("pgrep -x 'Xorg|Xwayland|weston|labwc|wayfire'").status == 1
    assert rig.run("systemctl is-system-running || true") == "running"
