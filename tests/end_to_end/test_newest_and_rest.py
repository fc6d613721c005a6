"""`pose-edge run` with `overlay.sync: live`, and on a camera that shows an empty room."""

from __future__ import annotations

import itertools
from pathlib import Path

import numpy as np
from clips import demo_frames
from command import Command, Log, read_lines
from helpers import read_video, wait_until
from mjpeg import MjpegServer

from pose_edge.frames import Image


def lines_of(path: Path) -> str:
    return path.read_text() if path.exists() else ""


def empty_room() -> list[Image]:
    """Return pictures of an empty room with a camera's noise."""
    random = np.random.default_rng(1)
    room = np.linspace(60, 180, 640).astype(np.float32)[:, np.newaxis]
    noisy = [room + random.normal(0, 4, (360, 640, 1)) for _ in range(32)]
    return [np.broadcast_to(one, (360, 640, 3)).astype(np.uint8) for one in noisy]


def test_the_newest_frame_is_shown_and_pose_lines_keep_their_own_poses(pose_edge: Command) -> None:
    with MjpegServer(demo_frames(range(64, 94)), fps=15) as camera:
        done = pose_edge(
            *("run", "--source", camera.url, "--display", "none", "--max-frames", "30"),
            *("--poses", "p.jsonl", "--record", "out.mp4", "--set", "overlay.sync=live"),
        )
    assert done.status == 0, done.stderr
    lines = read_lines(pose_edge.folder / "p.jsonl")
    poses = [pose for line in lines for pose in line["poses"]]
    assert len(lines) == 30
    assert len(poses) > 20
    assert not any("predicted" in pose for pose in poses)
    times = [time for time, _picture in read_video(pose_edge.folder / "out.mp4")]
    assert len(times) > 10
    assert all(before < after for before, after in itertools.pairwise(times))


def test_an_empty_room_is_passed_over_until_somebody_is_there(pose_edge: Command) -> None:
    poses = pose_edge.folder / "p.jsonl"
    with MjpegServer(empty_room(), fps=15) as camera:
        process = pose_edge.start(
            *("run", "--source", camera.url, "--display", "none", "--poses", poses)
        )
        log = Log(process)
        log.wait_for("; at rest")
        wait_until(lambda: lines_of(poses).count('"passed_over"') > 3, "passed-over frames")
        assert '"id": 1' not in lines_of(poses)
        camera.show(demo_frames(range(64, 94)))
        wait_until(lambda: '"id": 1' in lines_of(poses), "somebody")
        wait_until(lambda: lines_of(poses).count('"id": 1') > 10, "every frame")
        assert log.end() == 0, log.text
    assert "passed over at rest" in log.text
    lines = read_lines(poses)
    at_rest = [line for line in lines if "passed_over" in line]
    first = next(index for index, line in enumerate(lines) if line["poses"])
    assert all("passed_over" not in line for line in lines[first + 1 :])
    assert max(line["passed_over"] for line in at_rest) >= 1
    assert "hangs" not in log.text
    assert "restarted" not in log.text


def test_a_run_that_may_not_rest_looks_at_every_frame(pose_edge: Command) -> None:
    with MjpegServer(empty_room(), fps=15) as camera:
        done = pose_edge(
            *("run", "--source", camera.url, "--display", "none", "--duration", "9"),
            *("--poses", "p.jsonl", "--set", "model.rest=off"),
        )
    assert done.status == 0, done.stderr
    assert "at rest" not in done.stderr
    assert not any("passed_over" in line for line in read_lines(pose_edge.folder / "p.jsonl"))
