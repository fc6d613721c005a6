"""Recordings and pose files of `pose-edge run` on a live source; no file is overwritten."""

from __future__ import annotations

import signal
import threading
from itertools import pairwise
from pathlib import Path

from clips import demo_frames, video_frames
from command import Command, read_lines
from helpers import wait_until
from mjpeg import MjpegServer

OUTPUTS = ("--record", "r.mp4", "--poses", "p.jsonl", "--set", "storage.min_free=0")


def live(camera: MjpegServer) -> tuple[str, ...]:
    return ("run", "--source", camera.url, "--display", "none", *OUTPUTS)


def line_count(path: Path) -> int:
    return path.read_text().count("\n") if path.exists() else 0


def test_runs_of_the_same_name_leave_a_file_each(pose_edge: Command) -> None:
    with MjpegServer(demo_frames(range(64, 94)), fps=15) as camera:
        done = pose_edge(*live(camera), "--max-frames", "20")
        assert done.status == 0, done.stderr
        whole = (pose_edge.folder / "r.mp4").read_bytes()
        process = pose_edge.start(*live(camera))
        wait_until(lambda: line_count(pose_edge.folder / "p-2.jsonl") > 45, "three seconds")
        process.send_signal(signal.SIGKILL)
        stderr = pose_edge.finish(process).stderr
    assert "recording: writing r-2.mp4" in stderr
    assert "poses: writing p-2.jsonl" in stderr
    lines = read_lines(pose_edge.folder / "p.jsonl")
    assert len(lines) == 20
    assert all(b["seq"] > a["seq"] for a, b in pairwise(lines))
    assert (pose_edge.folder / "r.mp4").read_bytes() == whole
    times, size, _pictures = video_frames(pose_edge.folder / "r.mp4")
    assert size == (1280, 720)
    assert 10 <= len(times) <= 20
    times, _size, _pictures = video_frames(pose_edge.folder / "r-2.mp4")
    assert times[-1] - times[0] > 1.0, "all but the last second of a run that was killed"


def test_an_output_that_fails_comes_back(pose_edge: Command) -> None:
    """The output's folder is moved away and back, as when a USB stick is pulled and plugged in."""
    stick = pose_edge.folder / "stick"
    stick.mkdir()
    with MjpegServer(demo_frames(range(64, 94)), fps=15) as camera:
        process = pose_edge.start(
            *("run", "--source", camera.url, "--display", "none", "--poses", "stick/p.jsonl"),
            *("--record", "r.mp4", "--set", "storage.min_free=0"),
        )
        wait_until(lambda: line_count(stick / "p.jsonl") > 5, "the first lines")
        stick.rename(pose_edge.folder / "pulled")
        log: list[str] = []
        threading.Thread(target=log.extend, args=(process.stderr or [],), daemon=True).start()
        wait_until(lambda: any("poses: there is no folder stick" in line for line in log))
        stick.mkdir()
        wait_until(lambda: any("poses: going on in stick/p.jsonl" in line for line in log))
        process.terminate()
        assert process.wait(60) == 1, "something was lost"
        wait_until(lambda: any("left out while nothing could be written" in line for line in log))
    assert len(read_lines(stick / "p.jsonl")) >= 1
    assert len(read_lines(pose_edge.folder / "pulled" / "p.jsonl")) > 5
    assert len(video_frames(pose_edge.folder / "r.mp4")[0]) > 20, "the recording noticed nothing"


def test_what_a_name_cannot_hold_is_found_by_the_check(pose_edge: Command) -> None:
    config = pose_edge.folder / "my.yaml"
    config.write_text("record:\n  path: 'rec-{date}.mp4'\n")
    done = pose_edge("config", "check", "--config", config)
    assert done.status == 2
    assert "my.yaml:2: record.path: 'rec-{date}.mp4' is not allowed here" in done.stderr
    assert "{time} in its name: when it was started" in done.stderr
