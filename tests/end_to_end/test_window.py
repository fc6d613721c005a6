"""`pose-edge run` in a window on a virtual desktop."""

from __future__ import annotations

import subprocess
from collections.abc import Iterator

import numpy as np
import pytest
from clips import demo_frames
from command import Command, read_lines
from helpers import wait_until
from numpy.typing import NDArray
from xvfb import Xvfb, xvfb

from pose_edge.annotate import write_picture
from pose_edge.overlay.palette import ORANGE, SKY_BLUE

RUN = ("run", "--source", "demo", "--set", "source.loop=true", "--display", "window")
WIDTH, HEIGHT = 1600, 900


@pytest.fixture
def desktop() -> Iterator[Xvfb]:
    with xvfb(WIDTH, HEIGHT) as server:
        yield server


def coloured(screen: NDArray[np.uint8], colour: tuple[int, int, int]) -> int:
    """Count the pixels that have a colour, about."""
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
    for stage in ("draw", "present", "latency"):
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


def test_auto_chooses_the_desktop(pose_edge: Command, desktop: Xvfb) -> None:
    done = pose_edge("run", "--source", "demo", "--max-frames", "3", DISPLAY=desktop.display)
    assert done.status == 0, done.stderr
    assert f"display: window (x11) (the desktop DISPLAY={desktop.display})" in done.stderr


def test_a_picture_stays_until_it_is_closed(pose_edge: Command, desktop: Xvfb) -> None:

    picture = pose_edge.folder / "person.png"
    write_picture(picture, demo_frames(range(64, 65))[0], "BGR")
    process = pose_edge.start("run", "--source", picture, DISPLAY=desktop.display)
    wait_until(lambda: min(limbs(desktop)) > 200, "a skeleton on the screen")
    with pytest.raises(subprocess.TimeoutExpired):
        process.wait(1.0)
    assert min(limbs(desktop)) > 200
    process.terminate()
    assert pose_edge.finish(process).status == 0
