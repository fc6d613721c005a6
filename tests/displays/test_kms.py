"""The display without a desktop, on SDL's dummy driver; tests/system covers real screens."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from screens import add_output, bring_to_front, plain, scene_of

from pose_edge.config.schema import DisplaySettings
from pose_edge.displays.choice import outputs
from pose_edge.displays.display import ScreenYielded
from pose_edge.displays.kms import KmsScreen, open_kms
from pose_edge.displays.screen_layout import Rotation
from pose_edge.displays.terminal import Console
from pose_edge.errors import DisplayError
from pose_edge.overlay import Drawing, Rectangle, Size
from pose_edge.telemetry import Stopwatch

SCENE = scene_of(plain(320, 240, (255, 0, 0)))


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("SDL_VIDEODRIVER", "dummy")
    monkeypatch.setenv("SDL_RENDER_DRIVER", "software")
    bring_to_front(tmp_path, "tty1")
    return add_output(tmp_path, "card1-HDMI-A-2", "connected")


def open_screen(sysfs: Path, mode: str = "auto", rotation: Rotation = 0) -> KmsScreen:
    (output,) = outputs(sysfs)
    settings = DisplaySettings(mode=mode, rotation=rotation)
    return open_kms(output, settings, Console(sysfs, "tty1"))


@pytest.fixture
def screen(folder: Path, tmp_path: Path) -> Iterator[KmsScreen]:
    opened = open_screen(tmp_path)
    yield opened
    opened.close()


def test_it_shows_without_a_cursor(screen: KmsScreen) -> None:
    import sdl2

    assert screen.name == "hdmi (HDMI-A-2)"
    stopwatch = Stopwatch()
    assert screen.show(SCENE, stopwatch)
    assert list(stopwatch.laps_ms) == ["upload", "draw", "present"]
    assert sdl2.SDL_ShowCursor(sdl2.SDL_QUERY) == sdl2.SDL_DISABLE
    screen.toggle_fullscreen()  # does nothing: this display is always full screen
    assert screen.poll() == []


def test_pulling_the_screen_is_noticed(screen: KmsScreen, folder: Path) -> None:
    screen.show(SCENE, Stopwatch())
    (folder / "status").write_text("disconnected\n")
    with pytest.raises(DisplayError, match="HDMI-A-2 was unplugged"):
        screen.show(SCENE, Stopwatch())
    with pytest.raises(DisplayError, match="HDMI-A-2 was unplugged"):
        screen.poll()


def test_another_terminal_in_front_gets_the_screen(screen: KmsScreen, tmp_path: Path) -> None:
    bring_to_front(tmp_path, "tty2")
    with pytest.raises(ScreenYielded, match="tty2 is in front"):
        screen.poll()


def test_keys_of_sdl_are_not_reported_twice(screen: KmsScreen) -> None:
    import ctypes

    import sdl2

    event = sdl2.SDL_Event()
    event.type = sdl2.SDL_KEYDOWN
    event.key.keysym.sym = sdl2.SDLK_s
    sdl2.SDL_PushEvent(ctypes.byref(event))
    assert screen.poll() == []


def test_the_console_keeps_its_keyboard(screen: KmsScreen) -> None:
    import sdl2

    assert sdl2.SDL_getenv(b"SDL_INPUT_LINUX_KEEP_KBD") == b"1"


def log_at_present(monkeypatch: pytest.MonkeyPatch, message: bytes) -> None:
    """Make SDL log an error whenever it presents a picture."""
    import sdl2

    present = sdl2.SDL_RenderPresent

    def complaining(renderer: object) -> None:
        present(renderer)
        sdl2.SDL_LogError(sdl2.SDL_LOG_CATEGORY_VIDEO, message)

    monkeypatch.setattr(sdl2, "SDL_RenderPresent", complaining)


def test_an_error_that_the_driver_logs_is_a_failure(
    screen: KmsScreen, monkeypatch: pytest.MonkeyPatch
) -> None:
    """SDL_RenderPresent returns nothing: a failed page flip appears only in SDL's log."""
    screen.show(SCENE, Stopwatch())
    log_at_present(monkeypatch, b"Could not queue pageflip: -13")
    with pytest.raises(DisplayError, match="Could not queue pageflip: -13"):
        screen.show(SCENE, Stopwatch())


def test_what_was_never_shown_cannot_be_restored_and_that_is_no_failure(
    screen: KmsScreen, monkeypatch: pytest.MonkeyPatch
) -> None:
    """On a machine that was booted without a screen SDL logs this while it opens one."""
    log_at_present(monkeypatch, b"Could not restore CRTC")
    assert screen.show(SCENE, Stopwatch())


def test_a_mode_that_the_screen_lacks_is_an_error_that_lists_the_modes(
    folder: Path, tmp_path: Path
) -> None:
    with pytest.raises(DisplayError, match=r"no mode 1234x567 .*display\.mode.* it has \d+x\d+@"):
        open_screen(tmp_path, mode="1234x567")
    open_screen(tmp_path).close()


def test_a_mode_that_the_screen_has_is_used(folder: Path, tmp_path: Path) -> None:
    sizes: list[Size] = []

    def overlay(size: Size, _place: Rectangle) -> Drawing:
        sizes.append(size)
        return Drawing()

    screen = open_screen(tmp_path, mode="1024x768")  # the dummy driver's only mode
    try:
        assert screen.show(scene_of(plain(320, 240, (255, 0, 0)), overlay=overlay), Stopwatch())
        assert sizes == [(1024, 768)]
    finally:
        screen.close()


def test_a_screen_that_cannot_be_opened_says_what_to_install(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("SDL_VIDEODRIVER", raising=False)
    add_output(tmp_path, "card77-HDMI-A-1", "connected")  # no machine has such a card
    with pytest.raises(DisplayError, match="HDMI-A-1 cannot be opened") as caught:
        open_screen(tmp_path)
    assert "sudo apt-get install libgl1-mesa-dri" in str(caught.value)
    assert "\n" not in str(caught.value)
