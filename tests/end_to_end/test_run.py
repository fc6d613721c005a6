"""`pose-edge run` on real videos: outputs, ends, signals and errors."""

from __future__ import annotations

import json
import signal
import time
from itertools import pairwise

import pytest
from clips import video_frames
from command import Command, read_lines
from helpers import GENEROUS_S, wait_until

RUN = ("run", "--source", "demo", "--display", "none")


def test_a_file_plays_at_its_own_speed_and_every_frame_counts(pose_edge: Command) -> None:
    started = time.monotonic()
    done = pose_edge(*RUN, "--poses", "p.jsonl", "--record", "r.mp4", "--max-frames", "90")
    elapsed = time.monotonic() - started
    assert done.status == 0, done.stderr
    assert elapsed > 89 / 30
    lines = read_lines(pose_edge.folder / "p.jsonl")
    assert [line["seq"] for line in lines] == list(range(90))
    assert {line["backend"] for line in lines} == {"cpu"}
    assert set(lines[0]["latency_ms"]) == {
        "wait",
        "preprocess",
        "inference",
        "postprocess",
        "total",
    }
    times, size, drawn = video_frames(pose_edge.folder / "r.mp4")
    assert (len(drawn), size) == (90, (1280, 720))
    assert times == pytest.approx([n / 30 for n in range(90)], abs=1e-3)
    for stage in ("queue", "preprocess", "inference", "postprocess", "compose"):
        assert stage in done.stderr
    assert "90 frames" in done.stderr


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_a_signal_ends_in_order_with_files_finished(
    pose_edge: Command, number: signal.Signals
) -> None:
    loop = ("--set", "source.loop=true")
    process = pose_edge.start(*RUN, *loop, "--poses", "p.jsonl", "--record", "r.mp4")
    poses = pose_edge.folder / "p.jsonl"
    wait_until(lambda: poses.exists() and len(poses.read_text().splitlines()) > 40, "40 lines")
    process.send_signal(number)
    done = pose_edge.finish(process)
    assert done.status == 0, done.stderr
    assert "Traceback" not in done.stderr
    _times, _size, drawn = video_frames(pose_edge.folder / "r.mp4")
    assert len(drawn) == len(read_lines(poses))


def test_a_killed_recording_plays_up_to_there(pose_edge: Command) -> None:
    process = pose_edge.start(*RUN, "--poses", "p.jsonl", "--record", "r.mp4")
    poses = pose_edge.folder / "p.jsonl"
    wait_until(lambda: poses.exists() and len(poses.read_text().splitlines()) > 100, "100 lines")
    process.kill()
    process.wait()
    _times, _size, drawn = video_frames(pose_edge.folder / "r.mp4")
    assert len(drawn) >= 60  # at most the last second and the encoder's buffer are lost
    assert len(read_lines(poses)) > 100


@pytest.mark.parametrize(("option", "name"), [("--record", "full.mp4"), ("--poses", "full.jsonl")])
def test_a_full_disk_ends_the_output_and_nothing_else(
    pose_edge: Command, option: str, name: str
) -> None:
    (pose_edge.folder / name).symlink_to("/dev/full")
    other = ("--poses", "p.jsonl") if option == "--record" else ("--record", "r.mp4")
    done = pose_edge(*RUN, option, name, *other, "--max-frames", "60")
    assert done.status == 1
    assert "No space left on device" in done.stderr
    assert "60 frames" in done.stderr
    if option == "--record":
        assert len(read_lines(pose_edge.folder / "p.jsonl")) == 60
    else:
        assert len(video_frames(pose_edge.folder / "r.mp4")[0]) == 60


def test_duration_ends_a_loop(pose_edge: Command) -> None:
    done = pose_edge(*RUN, "--set", "source.loop=true", "--duration", "1.5", "--poses", "-")
    assert done.status == 0
    lines = [json.loads(line) for line in done.stdout.splitlines()]
    assert 0 < len(lines) < 60, "30 a second at most, fewer on a busy machine"


def test_a_loop_goes_on_counting(pose_edge: Command) -> None:
    fast = ("--set", "source.loop=true", "--set", "source.pace=false")
    done = pose_edge(*RUN, *fast, "--max-frames", "240", "--poses", "p.jsonl")
    assert done.status == 0
    lines = read_lines(pose_edge.folder / "p.jsonl")
    assert [line["seq"] for line in lines] == list(range(240))
    steps = [b["time"] - a["time"] for a, b in pairwise(lines)]
    assert steps == pytest.approx([1 / 30] * 239, abs=2e-3)


def test_nobody_reads_the_standard_output_any_more(pose_edge: Command) -> None:
    process = pose_edge.start(*RUN, "--set", "source.loop=true", "--poses", "-")
    assert process.stdout is not None
    assert json.loads(process.stdout.readline())["seq"] == 0
    process.stdout.close()
    assert process.wait(GENEROUS_S) == 0
    assert process.stderr is not None
    said = process.stderr.read()
    assert "Traceback" not in said
    assert " ERROR " not in said


def test_a_recording_is_finished_though_nobody_reads_the_poses(pose_edge: Command) -> None:
    process = pose_edge.start(*RUN, "--max-frames", "60", "--poses", "-", "--record", "r.mp4")
    assert process.stdout is not None
    process.stdout.readline()
    process.stdout.close()
    assert process.wait(GENEROUS_S) == 0
    assert len(video_frames(pose_edge.folder / "r.mp4")[0]) == 60


def test_without_a_camera_the_demo_clip_plays(pose_edge: Command) -> None:
    from pose_edge.sources.cameras import find_cameras

    if find_cameras():
        pytest.skip("this machine has a camera")
    done = pose_edge("run", "--display", "none", "--max-frames", "5", "--poses", "p.jsonl")
    assert done.status == 0
    assert "playing the demo clip" in done.stderr
    assert read_lines(pose_edge.folder / "p.jsonl")[0]["frame"] == [1280, 720]


def test_precedence(pose_edge: Command) -> None:
    config = pose_edge.folder / "my.yaml"
    config.write_text("run:\n  max_frames: 7\nposes:\n  path: p.jsonl\n")
    run = (*RUN, "--config", config, "--set", "source.pace=false", "--force")

    def frames(*more: str, **environment: str) -> int:
        assert pose_edge(*run, *more, **environment).status == 0
        return len(read_lines(pose_edge.folder / "p.jsonl"))

    assert frames() == 7
    assert frames(POSE_EDGE_RUN__MAX_FRAMES="6") == 6
    assert frames("--set", "run.max_frames=5", POSE_EDGE_RUN__MAX_FRAMES="6") == 5
    assert frames("--max-frames", "4", POSE_EDGE_RUN__MAX_FRAMES="6") == 4
