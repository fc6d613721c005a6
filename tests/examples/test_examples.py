"""The example programs, each run as a user runs it."""

from __future__ import annotations

import ast
import json
import os
import re
import signal
import socket
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import pytest
from checkout import REPOSITORY
from clips import demo_frames, load_picture, video_frames, write_clip
from command import Command
from mosquitto import Mosquitto, needs_mosquitto
from shared import shared_dir

from pose_edge.frames import Image
from pose_edge.util import resources

EXAMPLES = REPOSITORY / "examples"
PERSON = 60
"""Index of a frame of the demo clip in which the first inference pass finds a person."""


@pytest.fixture
def image() -> Image:
    return demo_frames(range(PERSON, PERSON + 1))[0]


@pytest.fixture
def picture(image: Image, tmp_path: Path) -> Path:
    path = tmp_path / "person.png"
    cv2.imwrite(str(path), image)
    return path


def command(name: str, *arguments: str | Path) -> list[str]:
    return [sys.executable, str(EXAMPLES / f"{name}.py"), *map(str, arguments)]


def run(
    folder: Path, name: str, *arguments: str | Path, stdin: str = "", status: int = 0
) -> list[str]:
    """Run an example in a folder; return the lines of its output, or of its errors if it fails."""
    done = subprocess.run(
        command(name, *arguments),
        input=stdin,
        cwd=folder,
        capture_output=True,
        text=True,
        check=False,
        timeout=120,
    )
    assert done.returncode == status, done.stderr
    return (done.stdout if status == 0 else done.stderr).splitlines()


@pytest.mark.parametrize("path", sorted(EXAMPLES.glob("*.py")), ids=lambda path: str(path.stem))
def test_every_example_says_how_it_is_run(path: Path) -> None:
    lines = (ast.get_docstring(ast.parse(path.read_text())) or "").splitlines()
    assert any(line.strip().endswith(f".py{line.partition('.py')[2]}") for line in lines)
    assert any(f"python examples/{path.name}" in line for line in lines)


def test_picture_keypoints(picture: Path, image: Image) -> None:
    lines = run(picture.parent, "picture_keypoints", picture)
    height, width = image.shape[:2]
    assert lines[0] == f"1 people, {width} x {height} pixels"
    assert len(lines) == 2 + 17
    places = {name: (int(x), int(y)) for name, x, y, _score in map(str.split, lines[2:])}
    assert next(iter(places)) == "nose"
    assert list(places)[-1] == "right_ankle"
    assert places["nose"][1] < places["left_hip"][1] < places["left_ankle"][1] <= height

    wrong = run(picture.parent, "picture_keypoints", "no-such.png", status=1)
    assert wrong[-1] == "no-such.png is not a picture that can be read"
    wrong = run(picture.parent, "picture_keypoints", picture, "no-such-model", status=1)
    assert wrong[-1].startswith("no model 'no-such-model'")


def test_picture_keypoints_of_several_people() -> None:
    picture = shared_dir("data", "golden", "t1.jpg")
    lines = run(Path("/"), "picture_keypoints", picture, "movenet-multipose-int8")
    assert lines[0].startswith("2 people")
    assert sum(line.startswith("person ") for line in lines) == 2


def test_live_keypoints_until_ctrl_c(tmp_path: Path) -> None:
    process = subprocess.Popen(
        command("live_keypoints", "demo"), cwd=tmp_path, stdout=subprocess.PIPE, text=True
    )
    assert process.stdout is not None
    first = process.stdout.readline()
    process.send_signal(signal.SIGINT)
    process.communicate(timeout=60)
    assert process.returncode == 0
    time_s, *person = first.split()[:3]
    assert 0 <= float(time_s) < 0.1, "one of the first frames"
    assert person == ["person", "1"]
    assert "nose 0." in first

    wrong = run(tmp_path, "live_keypoints", "/dev/video9999", status=1)
    assert len(wrong) == 1
    assert "/dev/video9999" in wrong[0]


def test_squats_are_counted_as_they_are_seen() -> None:
    """The woman in the video squats three times, deepest at 2.0, 6.8 and 12.0 seconds (by eye).

    The video begins with her standing, and ends before she has risen from the third squat.
    """
    video = shared_dir("data", "videos", "tfjs_pose_squats.mp4")
    lines = run(Path("/"), "count_squats", video)
    assert lines[-1] == "3 squats"
    moments = [float(line.split()[0]) for line in lines[:-1]]
    assert moments == pytest.approx([2.0, 6.8, 12.0], abs=1.0)
    assert [line.split(": ")[1] for line in lines[:-1]] == ["squat 1", "squat 2", "squat 3"]


def test_walking_is_no_squat(tmp_path: Path) -> None:
    clip = write_clip(tmp_path / "walking.mp4", demo_frames(range(PERSON, PERSON + 90)))
    assert run(tmp_path, "count_squats", clip) == ["0 squats"]


def test_pose_lines_are_read_from_a_pipe(pose_edge: Command) -> None:
    """Runs both programs together, as the example's docstring shows."""
    run_arguments = (
        *("run", "--source", "demo", "--display", "none", "--poses", "-"),
        *("--max-frames", "40", "--set", "source.pace=false"),
    )
    writer = pose_edge.start(*run_arguments)
    reader = subprocess.run(
        command("read_pose_lines"),
        stdin=writer.stdout,
        capture_output=True,
        text=True,
        check=False,
        timeout=120,
    )
    assert reader.returncode == 0, reader.stderr
    assert re.fullmatch("40 frames, (3[5-9]|40) poses", reader.stdout.splitlines()[-1])


def test_pose_lines_tell_who_raises_a_hand(tmp_path: Path) -> None:
    keypoints = [[0.5, 0.5, 0.9] for _ in range(17)]
    keypoints[10] = [0.4, 0.2, 0.9]  # the right wrist, above the nose
    keypoints[9] = [0.6, 0.2, 0.1]  # the left wrist too, but with a low score
    record = {"time": 1.5, "poses": [{"id": 3, "keypoints": keypoints}]}
    lines = run(tmp_path, "read_pose_lines", stdin=f"{json.dumps(record)}\n")
    assert lines == ["1.50 s: person 3 raises the right hand", "1 frames, 1 poses"]


@pytest.mark.parametrize("name", ["read_pose_lines", "read_events", "read_table", "receive_udp"])
def test_readers_need_nothing_but_python(name: str) -> None:
    tree = ast.parse((EXAMPLES / f"{name}.py").read_text())
    imported = {
        alias.name
        for node in ast.walk(tree)
        if isinstance(node, ast.Import)
        for alias in node.names
    }
    assert imported <= sys.stdlib_module_names


def free_port() -> int:
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as unused:
        unused.bind(("127.0.0.1", 0))
        return int(unused.getsockname()[1])


def receive(
    pose_edge: Command, name: str, address: tuple[str, ...], options: tuple[str, ...], words: str
) -> list[str]:
    """Start a receiving example, send it the demo clip; return its lines up to one with `words`."""
    receiver = subprocess.Popen(command(name, *address), stdout=subprocess.PIPE, text=True)
    assert receiver.stdout is not None
    lines: list[str] = []
    try:
        while receiver.stdout.readline() != "listening\n":
            assert receiver.poll() is None
        sender = pose_edge.start(
            *("run", "--source", "demo", "--display", "none", *options),
            *("--set", "source.loop=true"),
        )
        while not lines or words not in lines[-1]:
            lines.append(receiver.stdout.readline().rstrip())
        sender.terminate()
        done = pose_edge.finish(sender)
        assert done.status == 0, done.stderr
    finally:
        receiver.send_signal(signal.SIGINT)
        receiver.communicate(timeout=60)
    assert receiver.returncode == 0
    return lines


def test_datagrams_are_received(pose_edge: Command) -> None:
    port = str(free_port())
    options = ("--udp", f"127.0.0.1:{port}")
    lines = receive(pose_edge, "receive_udp", (port,), options, "frame 20:")
    assert re.fullmatch(r"frame \d+: person 1: nose at \d+ \d+ \(0\.\d\d\)", lines[-1])


def test_osc_messages_are_received(pose_edge: Command) -> None:
    port = str(free_port())
    options = ("--osc", f"127.0.0.1:{port}")
    lines = receive(pose_edge, "receive_osc", (port,), options, "/event/people")
    assert "/event/person_entered 1.000" in lines
    wrists = [line for line in lines if line.startswith("/poses/0/leftWrist ")]
    assert re.fullmatch(r"/poses/0/leftWrist( [01]\.\d{3}){3}", wrists[0])


@needs_mosquitto
def test_events_of_a_broker_are_received(pose_edge: Command, tmp_path: Path) -> None:
    with closing_broker(tmp_path) as broker:
        options = ("--mqtt", broker.url, "--set", "mqtt.device=desk")
        address = ("127.0.0.1", str(broker.port))
        lines = receive(pose_edge, "receive_mqtt", address, options, "people")
    assert "desk: person_entered 1" in lines


def test_lines_of_a_websocket_are_received(pose_edge: Command) -> None:
    port = free_port()
    options = ("--websocket", str(port))
    address = (f"ws://127.0.0.1:{port}/poses",)
    lines = receive(pose_edge, "receive_websocket", address, options, "people: 1")
    assert lines[-1] == "people: 1"


@contextmanager
def closing_broker(folder: Path) -> Iterator[Mosquitto]:
    broker = Mosquitto(folder)
    try:
        yield broker
    finally:
        broker.stop()


def test_a_table_of_squats_is_read(pose_edge: Command) -> None:
    video = shared_dir("data", "videos", "tfjs_pose_squats.mp4")
    done = pose_edge("annotate", video, "--csv", "squats.csv")
    assert done.status == 0, done.stderr
    lines = run(pose_edge.folder, "read_table", "squats.csv")
    assert lines[0] == "65 rows"
    smallest, largest = re.findall(r"\d+", next(one for one in lines if "left_knee" in one))
    assert int(smallest) < 100
    assert int(largest) > 160


def test_events_are_read(tmp_path: Path) -> None:
    records: tuple[dict[str, Any], ...] = (
        {"events": [{"type": "person_entered", "id": 3}, {"type": "people", "people": 1}]},
        {"poses": []},
        {"events": [{"type": "person_left", "id": 3, "seconds": 12.44}]},
    )
    stdin = "".join(f"{json.dumps(record)}\n" for record in records)
    lines = run(tmp_path, "read_events", stdin=stdin)
    assert lines == ["person 3 has come", "1 people", "person 3 has left after 12.4 s"]


def test_poses_are_drawn_on_a_picture(picture: Path, image: Image) -> None:
    lines = run(picture.parent, "draw_poses", picture, "drawn.png")
    drawn = load_picture(picture.parent / "drawn.png")
    assert lines == [f"written: {picture.parent / 'drawn.png'}"]
    changed = np.any(drawn != image, axis=2)
    assert 1000 < np.count_nonzero(changed) < changed.size / 10


def test_poses_are_drawn_on_a_video(tmp_path: Path) -> None:
    frames = demo_frames(range(PERSON, PERSON + 12))
    write_clip(tmp_path / "clip.mp4", frames)
    run(tmp_path, "draw_poses", "clip.mp4", "drawn.mp4")
    times, size, drawn = video_frames(tmp_path / "drawn.mp4")
    assert size == (frames[0].shape[1], frames[0].shape[0])
    assert times == pytest.approx([n / 30 for n in range(12)], abs=1e-3)
    for image, original in zip(drawn, frames, strict=True):
        changed = np.any(cv2.absdiff(image, original) > 100, axis=2)  # more than the codec's losses
        assert 500 < np.count_nonzero(changed) < changed.size / 10
    nothing = run(tmp_path, "draw_poses", "no-such.mp4", "drawn.mp4", status=1)
    assert nothing[-1] == "no-such.mp4 is neither a picture nor a video that can be read"


def test_the_examples_run_without_the_checkout_in_the_path(picture: Path) -> None:
    """They import only the installed package, and nothing from the checkout."""
    copy = picture.parent / "copy.py"
    copy.write_text((EXAMPLES / "picture_keypoints.py").read_text())
    done = subprocess.run(
        [sys.executable, "-I", str(copy), str(picture)],
        env={**os.environ, "PYTHONPATH": ""},
        cwd=resources.data_dir(),
        capture_output=True,
        text=True,
        check=False,
        timeout=120,
    )
    assert done.returncode == 0, done.stderr
