"""`pose-edge run` in a window on a virtual desktop."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
from clips import demo_frames
from command import Command, read_lines
from helpers import read_video, wait_until
from numpy.typing import NDArray
from xvfb import Xvfb, xvfb

from pose_edge.displays.choice import connected_output
from pose_edge.offline.annotate_outputs import write_picture
from pose_edge.overlay.palette import ORANGE, SKY_BLUE, YELLOW

RUN = ("run", "--source", "demo", "--set", "source.loop=true", "--display", "window")
WIDTH, HEIGHT = 1600, 900


@pytest.fixture
def desktop() -> Iterator[Xvfb]:
    with xvfb(WIDTH, HEIGHT) as server:
        yield server


def coloured(screen: NDArray[np.uint8], colour: tuple[int, int, int]) -> int:
    """Count the pixels that have approximately a given colour."""
    return int((np.abs(screen.astype(int) - colour).max(axis=2) < 12).sum())


def limbs(desktop: Xvfb) -> tuple[int, int]:
    """Count the pixels of right and left limbs."""
    screen = desktop.screenshot()
    return coloured(screen, ORANGE), coloured(screen, SKY_BLUE)


def test_the_window_shows_the_person_with_a_skeleton(pose_edge: Command, desktop: Xvfb) -> None:
    process = pose_edge.start(*RUN, "--poses", "p.jsonl", DISPLAY=desktop.display)
    wait_until(lambda: min(limbs(desktop)) > 200, "a skeleton on the screen")
    process.terminate()
    done = pose_edge.finish(process)
    assert done.status == 0, done.stderr
    assert "display: window (x11)" in done.stderr
    for stage in ("upload", "draw", "present", "latency"):
        assert stage in done.stderr
    assert any(line["poses"] for line in read_lines(pose_edge.folder / "p.jsonl"))


def test_keys(pose_edge: Command, desktop: Xvfb) -> None:
    process = pose_edge.start(*RUN, DISPLAY=desktop.display)
    wait_until(lambda: min(limbs(desktop)) > 200, "a skeleton on the screen")
    desktop.focus()
    desktop.xdotool("key", "s")
    wait_until(lambda: max(limbs(desktop)) < 50, "the skeleton gone")
    desktop.xdotool("key", "s")
    wait_until(lambda: min(limbs(desktop)) > 200, "the skeleton back")
    desktop.xdotool("key", "q")
    done = pose_edge.finish(process)
    assert done.status == 0, done.stderr


def test_keys_hide_the_camera_and_show_the_keys(pose_edge: Command, desktop: Xvfb) -> None:
    process = pose_edge.start(*RUN, DISPLAY=desktop.display)
    wait_until(lambda: min(limbs(desktop)) > 200, "a skeleton on the screen")
    desktop.focus()
    desktop.xdotool("key", "b")
    wait_until(lambda: float(desktop.screenshot().mean()) < 12, "the camera's picture gone")
    wait_until(lambda: min(limbs(desktop)) > 200, "a skeleton alone")
    desktop.xdotool("key", "question")
    wait_until(lambda: coloured(desktop.screenshot(), YELLOW) > 200, "the table of keys")
    desktop.xdotool("key", "h")
    wait_until(lambda: coloured(desktop.screenshot(), YELLOW) < 50, "the table gone")
    process.terminate()
    assert pose_edge.finish(process).status == 0


def test_locked_keys_do_nothing(pose_edge: Command, desktop: Xvfb) -> None:
    process = pose_edge.start(*RUN, "--set", "display.lock_keys=true", DISPLAY=desktop.display)
    wait_until(lambda: min(limbs(desktop)) > 200, "a skeleton on the screen")
    desktop.focus()
    desktop.xdotool("key", "b", "q", "Escape", "s")
    before = desktop.screenshot()
    wait_until(lambda: bool((desktop.screenshot() != before).any()), "another picture")
    wait_until(lambda: min(limbs(desktop)) > 200, "the skeleton as before")
    process.terminate()
    assert pose_edge.finish(process).status == 0


def test_with_a_black_background_no_picture_is_recorded(pose_edge: Command, desktop: Xvfb) -> None:
    done = pose_edge(
        *("run", "--source", "demo", "--display", "window", "--record", "r.mp4"),
        *("--max-frames", "30", "--set", "overlay.background=black"),
        DISPLAY=desktop.display,
    )
    assert done.status == 0, done.stderr
    pictures = [picture for _, picture in read_video(pose_edge.folder / "r.mp4")]
    assert len(pictures) == 30
    for picture in pictures:
        assert (picture < 40).all(axis=2).mean() > 0.9


def test_auto_chooses_the_desktop(pose_edge: Command, desktop: Xvfb) -> None:
    done = pose_edge("run", "--source", "demo", "--max-frames", "3", DISPLAY=desktop.display)
    assert done.status == 0, done.stderr
    assert f"display: window (x11) (the desktop DISPLAY={desktop.display})" in done.stderr


def test_without_any_screen_nothing_is_imported_for_one(pose_edge: Command) -> None:
    code = (
        "import sys; from pose_edge.cli.main import main; "
        "status = main(['run', '--source', 'demo', '--display', 'none', '--max-frames', '3']); "
        "loaded = [name for name in sys.modules if name.startswith(('sdl2', 'pygame'))]; "
        "print(loaded); sys.exit(status)"
    )
    done = subprocess.run(
        [sys.executable, "-c", code],
        cwd=pose_edge.folder,
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    assert done.stdout.splitlines()[-1] == "[]"


def test_auto_without_a_screen_says_so_and_goes_on(pose_edge: Command) -> None:
    if connected_output(Path("/sys")) is not None:
        pytest.skip("this machine has a screen without a desktop")
    done = pose_edge("run", "--source", "demo", "--max-frames", "3")
    assert done.status == 0, done.stderr
    assert "nothing is shown yet: no screen: neither a desktop" in done.stderr


def test_hdmi_without_a_screen_waits_for_one_while_poses_go_on(pose_edge: Command) -> None:
    done = pose_edge(
        *("run", "--source", "demo", "--display", "hdmi", "--poses", "p.jsonl"),
        *("--set", "display.output=NOWHERE-1", "--max-frames", "5"),
    )
    assert done.status == 0, done.stderr
    assert "no screen is connected to NOWHERE-1" in done.stderr
    assert len(read_lines(pose_edge.folder / "p.jsonl")) == 5


def test_a_window_without_a_desktop_is_an_error(pose_edge: Command) -> None:
    done = pose_edge("run", "--source", "demo", "--display", "window")
    assert done.status == 3
    (complaint,) = done.complaint()
    assert "no window can be opened" in complaint


def test_the_recording_keeps_the_size_of_the_frame(pose_edge: Command, desktop: Xvfb) -> None:
    done = pose_edge(
        *("run", "--source", "demo", "--display", "window", "--set", "display.fullscreen=true"),
        *("--record", "r.mp4", "--max-frames", "70", "--set", "source.pace=false"),
        DISPLAY=desktop.display,
    )
    assert done.status == 0, done.stderr
    assert "compose" in done.stderr
    frames = read_video(pose_edge.folder / "r.mp4")
    assert frames[-1][1].shape == demo_frames(range(1))[0].shape
    recorded = frames[-1][1][:, :, ::-1]
    assert min(coloured(recorded, ORANGE), coloured(recorded, SKY_BLUE)) > 100


def test_the_end_of_the_desktop_ends_the_run_with_its_files_finished(
    pose_edge: Command, desktop: Xvfb
) -> None:
    process = pose_edge.start(
        *(*RUN, "--record", "r.mp4", "--poses", "p.jsonl"), DISPLAY=desktop.display
    )
    wait_until(lambda: min(limbs(desktop)) > 200, "a skeleton on the screen")
    desktop.end()
    done = pose_edge.finish(process)
    assert done.status == 1, done.stderr
    assert done.complaint() == ["pose-edge: window (x11) is gone: the desktop has ended"]
    lines = read_lines(pose_edge.folder / "p.jsonl")
    assert any(line["poses"] for line in lines)
    assert len(read_video(pose_edge.folder / "r.mp4")) > 1
    assert not list(pose_edge.folder.glob("*part*"))


def test_a_picture_stays_until_it_is_closed(pose_edge: Command, desktop: Xvfb) -> None:
    picture = pose_edge.folder / "person.png"
    write_picture(picture, demo_frames(range(64, 65))[0], "BGR")
    process = pose_edge.start("run", "--source", picture, DISPLAY=desktop.display)
    wait_until(lambda: min(limbs(desktop)) > 200, "a skeleton on the screen")
    with pytest.raises(subprocess.TimeoutExpired):
        process.wait(1.0)
    assert min(limbs(desktop)) > 200
    desktop.focus()
    desktop.xdotool("key", "s")
    wait_until(lambda: max(limbs(desktop)) < 50, "the skeleton gone from a still picture")
    process.terminate()
    assert pose_edge.finish(process).status == 0
