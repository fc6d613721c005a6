"""`pose-edge run --poses-from`: a recording and its poses, played without a model."""

from __future__ import annotations

import csv
from pathlib import Path

import pytest
from clips import demo_frames, video_frames
from command import Command, read_lines
from helpers import wait_until
from mjpeg import MjpegServer

QUIET = ("--display", "none", "--set", "source.pace=false")


def line_count(path: Path) -> int:
    return path.read_text().count("\n") if path.exists() else 0


def test_a_recording_of_a_camera_is_replayed_into_every_output(pose_edge: Command) -> None:
    folder = pose_edge.folder
    with MjpegServer(demo_frames(range(64, 94)), fps=15) as camera:
        process = pose_edge.start(
            *("run", "--source", camera.url, "--display", "none", "--set", "storage.min_free=0"),
            *("--record", "walk.mp4", "--poses", "walk.jsonl"),
        )
        wait_until(lambda: line_count(folder / "walk.jsonl") > 30, "two seconds")
        process.terminate()
        done = pose_edge.finish(process)
    assert done.status == 0, done.stderr
    done = pose_edge(
        *("run", "--source", "walk.mp4", "--poses-from", "walk.jsonl", *QUIET),
        *("--poses", "again.jsonl", "--csv", "again.csv", "--record", "again.mp4"),
    )
    assert done.status == 0, done.stderr
    assert "no model runs" in done.stderr
    assert "model: " not in done.stderr
    recorded, again = read_lines(folder / "walk.jsonl"), read_lines(folder / "again.jsonl")
    frames = len(video_frames(folder / "walk.mp4")[0])
    assert len(again) == frames
    assert len(recorded) >= frames
    by_poses = {str(line["poses"]): line["seq"] for line in recorded}
    known = [line for line in again if line["poses"]]
    assert len(known) > frames / 2
    numbers = [by_poses[str(line["poses"])] for line in known]
    assert numbers == sorted(numbers), "exactly the recorded poses, in their order"
    assert {line["model"] for line in again} == {line["model"] for line in recorded}
    with (folder / "again.csv").open(newline="") as table:
        assert len(list(csv.DictReader(table))) == sum(len(line["poses"]) for line in again)
    assert len(video_frames(folder / "again.mp4")[0]) == frames


def test_lines_of_annotate_are_replayed_in_a_loop(pose_edge: Command) -> None:
    done = pose_edge("annotate", "demo", "--poses", "walk.jsonl")
    assert done.status == 0, done.stderr
    recorded = read_lines(pose_edge.folder / "walk.jsonl")
    frames = len(recorded) + 50
    done = pose_edge(
        *("run", "--source", "demo", "--poses-from", "walk.jsonl", *QUIET),
        *("--poses", "again.jsonl", "--max-frames", str(frames), "--set", "source.loop=true"),
    )
    assert done.status == 0, done.stderr
    again = read_lines(pose_edge.folder / "again.jsonl")
    assert [line["poses"] for line in again] == [
        recorded[index % len(recorded)]["poses"] for index in range(frames)
    ]


def test_the_poses_of_another_video_are_refused(pose_edge: Command) -> None:
    done = pose_edge(
        *("run", "--source", "demo", *QUIET, "--max-frames", "20", "--poses", "short.jsonl")
    )
    assert done.status == 0, done.stderr
    done = pose_edge("run", "--source", "demo", "--poses-from", "short.jsonl", *QUIET)
    assert done.status == 2
    (complaint,) = done.complaint()
    assert "do not belong together" in complaint
    assert "30 frames or more and 20 lines" in complaint


@pytest.mark.parametrize("source", ["auto", "rtsp://127.0.0.1/x"])
def test_a_camera_cannot_be_replayed(pose_edge: Command, source: str) -> None:
    (pose_edge.folder / "p.jsonl").write_text("")
    done = pose_edge("run", "--source", source, "--poses-from", "p.jsonl", "--display", "none")
    assert done.status == 2
    assert "needs the video that the poses were recorded with" in done.stderr


def test_recorded_poses_are_not_overwritten(pose_edge: Command) -> None:
    (pose_edge.folder / "p.jsonl").write_text("kept\n")
    done = pose_edge(
        *("run", "--source", "demo", "--poses-from", "p.jsonl", "--poses", "p.jsonl", "--force"),
        *("--display", "none"),
    )
    assert done.status == 2
    assert "--poses p.jsonl is the input p.jsonl" in done.stderr
    assert (pose_edge.folder / "p.jsonl").read_text() == "kept\n"
