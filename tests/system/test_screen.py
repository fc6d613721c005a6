"""Screens are plugged and unplugged: poses continue, and the picture is back within two seconds."""

from __future__ import annotations

import time

import pytest
from system.image import VENV
from system.machine import NO_SCREEN, Machine
from system.outage import scaled_limit
from system.rig import SCREEN_LIMIT_S, WAIT_S, Rig
from system.screen import wait_for

AWAY_S = 6.0

OPEN_SCREEN = """
import os, time
os.environ.update(SDL_VIDEODRIVER="KMSDRM", SDL_RENDER_DRIVER="opengles2")
import sdl2
began = time.monotonic()
assert sdl2.SDL_Init(sdl2.SDL_INIT_VIDEO) == 0
window = sdl2.SDL_CreateWindow(b"", 0, 0, 640, 480, sdl2.SDL_WINDOW_FULLSCREEN_DESKTOP)
renderer = sdl2.SDL_CreateRenderer(window, -1, sdl2.SDL_RENDERER_PRESENTVSYNC)
for _ in range(2):
    assert sdl2.SDL_RenderClear(renderer) == 0
    sdl2.SDL_RenderPresent(renderer)
print(time.monotonic() - began)
sdl2.SDL_Quit()
"""


@pytest.fixture(scope="module")
def opening_s(machine: Machine) -> float:
    """Return the seconds that SDL and Mesa alone take to open the screen without a GPU."""
    return float(machine.agent(f"{VENV}/bin/python - 2>/dev/null", given=OPEN_SCREEN.encode()))


def assert_picture_in_time(rig: Rig, opening_s: float, *, first: bool = False) -> None:
    """Plug the screen in, and assert that the picture appears in time.

    Args:
        rig: The machine.
        opening_s: Seconds that SDL and Mesa need alone. Twice this time is allowed, because camera
            and model run on the same two emulated processors; four times for the first opening in
            a process, when Mesa compiles its shaders.
        first: Whether the process opens the screen for the first time.
    """
    rig.screen.plug(connected=True)
    took = wait_for(lambda: rig.screen.similarity() > 0.8, "the picture", WAIT_S)
    emulation = (4 if first else 2) * opening_s
    limit = scaled_limit(SCREEN_LIMIT_S) + emulation
    rig.chapter.measure(
        "until the picture",
        took,
        limit=f"at most {limit - emulation:.1f} s, and {emulation:.1f} s for emulated SDL and Mesa",
    )
    rig.wait_for_video()
    assert took <= limit


def assert_poses_continue(rig: Rig) -> None:
    """Assert that poses are being estimated at this moment."""
    since = rig.now()
    assert rig.next_line(since)["time"] - since < 3


@pytest.fixture(autouse=True)
def _camera(rig: Rig) -> None:
    rig.plug_camera()


def test_pulled_and_plugged_in_again(rig: Rig, opening_s: float) -> None:
    rig.begin()
    rig.wait_for_video()
    for _ in range(3):
        rig.screen.plug(connected=False)
        time.sleep(AWAY_S)
        assert_poses_continue(rig)
        assert_picture_in_time(rig, opening_s)


def test_absent_when_the_program_starts(rig: Rig, opening_s: float) -> None:
    rig.screen.plug(connected=False)
    try:
        rig.begin()
        assert_poses_continue(rig)
        assert_picture_in_time(rig, opening_s, first=True)
    finally:
        rig.screen.plug(connected=True)


def test_another_terminal_and_back(rig: Rig) -> None:
    rig.begin()
    rig.wait_for_video()
    rig.machine.press("ctrl", "alt", "f2")
    wait_for(lambda: rig.run("fgconsole") == "2", "the second terminal", 10)
    took = wait_for(lambda: rig.screen.similarity() < 0.3, "its login on the screen", 15)
    rig.chapter.measure("until the other terminal is seen", took)
    rig.chapter.picture("the other terminal", rig.screen.dump())
    assert_poses_continue(rig)
    rig.machine.press("ctrl", "alt", "f1")
    wait_for(lambda: rig.run("fgconsole") == "1", "the first terminal", 10)
    took = wait_for(rig.screen.shows_video, "the video again", WAIT_S)
    rig.chapter.measure("until the picture", took)
    assert_poses_continue(rig)


def test_absent_when_the_machine_starts(rig: Rig, opening_s: float) -> None:
    rig.camera.unplug()
    rig.run("sync")
    rig.machine.cut_power()
    rig.chapter.measure("boot", rig.machine.boot(NO_SCREEN))
    rig.plug_camera()
    rig.begin()
    assert_poses_continue(rig)
    assert_picture_in_time(rig, opening_s, first=True)
