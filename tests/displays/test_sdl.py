from __future__ import annotations

import ctypes
import logging
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from numpy.typing import NDArray
from xvfb import Xvfb, xvfb

from pose_edge.displays import Display, open_display
from pose_edge.displays.sdl import letterbox
from pose_edge.errors import DisplayError
from pose_edge.frames import ColourOrder
from pose_edge.settings import DisplaySettings

RED, GREEN, BLACK = (255, 0, 0), (0, 255, 0), (0, 0, 0)
NO_SYSFS = Path("no-such-sysfs")


@pytest.fixture(autouse=True)
def _defaults(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("SDL_VIDEODRIVER", "SDL_RENDER_DRIVER"):
        monkeypatch.delenv(name, raising=False)


@pytest.fixture(scope="module")
def server() -> Iterator[Xvfb]:
    with xvfb(800, 600) as running:
        yield running


@pytest.fixture
def desktop(server: Xvfb, monkeypatch: pytest.MonkeyPatch) -> Xvfb:
    monkeypatch.setenv("DISPLAY", server.display)
    monkeypatch.delenv("WAYLAND_DISPLAY", raising=False)
    return server


@pytest.fixture
def window(desktop: Xvfb) -> Iterator[Display]:
    display = open_display(DisplaySettings(kind="window"))
    yield display
    display.close()


def plain(
    width: int, height: int, colour: tuple[int, int, int], order: ColourOrder = "RGB"
) -> NDArray[np.uint8]:
    image = np.empty((height, width, 3), np.uint8)
    image[:] = colour if order == "RGB" else colour[::-1]
    return image


def eventually(happened: Callable[[], bool], seconds: float = 10.0) -> bool:
    end = time.monotonic() + seconds
    while time.monotonic() < end:
        if happened():
            return True
        time.sleep(0.02)
    return False


def picture_on(screen: NDArray[np.uint8], colour: tuple[int, int, int]) -> tuple[int, ...]:
    """Return x, y, width and height of the area in one colour; zeros when there is none."""
    rows, columns = np.nonzero((screen == colour).all(axis=2))
    if len(rows) == 0:
        return (0, 0, 0, 0)
    x, y = int(columns.min()), int(rows.min())
    return (x, y, int(columns.max()) + 1 - x, int(rows.max()) + 1 - y)


def shows(
    display: Display,
    server: Xvfb,
    image: NDArray[np.uint8],
    order: ColourOrder,
    expected: Callable[[NDArray[np.uint8]], bool],
) -> bool:
    """Show a picture until the screen is as expected."""

    def step() -> bool:
        display.poll()
        display.show(image, order)
        return expected(server.screenshot())

    return eventually(step)


@pytest.mark.parametrize("order", ["RGB", "BGR"])
def test_red_is_red_in_either_order(window: Display, desktop: Xvfb, order: ColourOrder) -> None:
    assert window.name == "window (x11)"
    image = plain(320, 240, RED, order)
    image[:120] = GREEN

    def right(screen: NDArray[np.uint8]) -> bool:
        return picture_on(screen, RED)[2:] == (320, 120) == picture_on(screen, GREEN)[2:]

    assert shows(window, desktop, image, order, right)
    screen = desktop.screenshot()
    assert picture_on(screen, GREEN)[1] < picture_on(screen, RED)[1]


def test_rows_that_are_not_contiguous_are_shown(window: Display, desktop: Xvfb) -> None:
    image = plain(331, 240, GREEN)[:, :317]
    image[:] = RED
    assert shows(window, desktop, image, "RGB", lambda s: picture_on(s, RED)[2:] == (317, 240))


def test_a_picture_of_another_shape_keeps_its_aspect(window: Display, desktop: Xvfb) -> None:
    assert shows(
        window,
        desktop,
        plain(400, 300, RED),
        "RGB",
        lambda s: picture_on(s, RED) == (200, 150, 400, 300),
    )
    assert shows(
        window,
        desktop,
        plain(90, 180, GREEN),
        "RGB",
        lambda s: picture_on(s, GREEN) == (325, 150, 150, 300) and picture_on(s, RED)[2] == 0,
    )
    screen = desktop.screenshot()
    assert tuple(screen[300, 210]) == BLACK


def test_a_large_picture_gets_a_window_that_fits_the_desktop(
    window: Display, desktop: Xvfb
) -> None:
    def right(screen: NDArray[np.uint8]) -> bool:
        return picture_on(screen, RED)[2:] == (720, 405)

    assert shows(window, desktop, plain(1920, 1080, RED), "RGB", right)


def is_fullscreen() -> bool:
    """Ask SDL; a screenshot would need a window manager, which is what makes windows large."""
    import sdl2

    found = [sdl2.SDL_GetWindowFromID(number) for number in range(1, 100)]
    (window,) = (window for window in found if window)
    flags = sdl2.SDL_GetWindowFlags(window)
    large = flags & sdl2.SDL_WINDOW_FULLSCREEN_DESKTOP == sdl2.SDL_WINDOW_FULLSCREEN_DESKTOP
    cursor = sdl2.SDL_ShowCursor(sdl2.SDL_QUERY) == sdl2.SDL_ENABLE
    assert large != cursor
    return bool(large)


def test_full_screen_and_back(window: Display) -> None:
    window.show(plain(320, 240, RED), "RGB")
    assert not is_fullscreen()
    window.toggle_fullscreen()
    window.show(plain(320, 240, RED), "RGB")
    assert is_fullscreen()
    window.toggle_fullscreen()
    window.show(plain(320, 240, RED), "RGB")
    assert not is_fullscreen()


@pytest.mark.parametrize("toggled", [False, True])
def test_a_window_can_begin_in_full_screen(desktop: Xvfb, toggled: bool) -> None:
    display = open_display(DisplaySettings(kind="window", fullscreen=not toggled))
    try:
        if toggled:
            display.toggle_fullscreen()
        display.show(plain(320, 180, RED), "RGB")
        assert is_fullscreen()
    finally:
        display.close()


def test_keys_arrive_by_name(window: Display, desktop: Xvfb) -> None:
    image = plain(320, 240, RED)
    assert shows(window, desktop, image, "RGB", lambda s: picture_on(s, RED)[2] == 320)
    # There is no window manager that would give the window the keyboard.
    desktop.focus()
    window.poll()
    desktop.xdotool("key", "s", "Escape", "f", "shift+Q")
    pressed: list[str] = []

    def all_arrived() -> bool:
        pressed.extend(window.poll())
        return "q" in pressed

    assert eventually(all_arrived), pressed
    assert [key for key in pressed if "shift" not in key] == ["s", "escape", "f", "q"]


def test_a_window_can_be_resized(window: Display, desktop: Xvfb) -> None:
    image = plain(320, 240, RED)
    assert shows(window, desktop, image, "RGB", lambda s: picture_on(s, RED)[2] == 320)
    number = desktop.window_number()
    desktop.xdotool("windowsize", number, "500", "240")
    desktop.xdotool("windowmove", number, "0", "0")
    assert shows(window, desktop, image, "RGB", lambda s: picture_on(s, RED) == (90, 0, 320, 240))
    assert tuple(desktop.screenshot()[120, 40]) == BLACK


def test_closing_the_window_is_reported_once(window: Display) -> None:
    window.show(plain(320, 240, RED), "RGB")
    import sdl2

    event = sdl2.SDL_Event()
    event.type = sdl2.SDL_QUIT  # what the close button becomes; there is no window manager here
    sdl2.SDL_PushEvent(ctypes.byref(event))
    assert window.poll().count("closed") == 1
    assert "closed" not in window.poll()


def test_closing_twice_and_opening_again(desktop: Xvfb) -> None:
    for _ in range(2):
        display = open_display(DisplaySettings(kind="auto"), sysfs=NO_SYSFS)
        assert display.name == "window (x11)"
        display.show(plain(64, 48, RED), "RGB")
        display.close()
        display.close()


@pytest.fixture
def ctrl_c() -> Iterator[None]:
    """Let Ctrl-C interrupt: a shell turns it off for what it runs in the background."""
    kept = signal.signal(signal.SIGINT, signal.default_int_handler)
    yield
    signal.signal(signal.SIGINT, kept)


def test_signals_stay_with_the_program(ctrl_c: None, window: Display) -> None:
    window.show(plain(64, 48, RED), "RGB")
    assert signal.getsignal(signal.SIGINT) is signal.default_int_handler
    with pytest.raises(KeyboardInterrupt):
        signal.raise_signal(signal.SIGINT)


def test_a_window_without_a_desktop_is_one_clear_line(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("DISPLAY", ":987")
    monkeypatch.delenv("WAYLAND_DISPLAY", raising=False)
    with pytest.raises(DisplayError, match="no window can be opened") as caught:
        open_display(DisplaySettings(kind="window"))
    assert "\n" not in str(caught.value)


def test_auto_goes_on_without_a_screen_that_fails(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setenv("DISPLAY", ":987")
    monkeypatch.delenv("WAYLAND_DISPLAY", raising=False)
    display = open_display(DisplaySettings(kind="auto"), sysfs=NO_SYSFS)
    assert display.name == "none"
    warnings = [entry for entry in caplog.records if entry.levelno == logging.WARNING]
    assert len(warnings) == 1
    assert "no window can be opened" in warnings[0].getMessage()


def test_hdmi_without_a_screen_says_so(tmp_path: Path) -> None:
    with pytest.raises(DisplayError, match="no screen is connected"):
        open_display(DisplaySettings(kind="hdmi"), {}, tmp_path)


def test_hdmi_that_cannot_be_opened_says_what_to_install(tmp_path: Path) -> None:
    folder = tmp_path / "class" / "drm" / "card77-HDMI-A-1"  # no machine has that card
    folder.mkdir(parents=True)
    (folder / "status").write_text("connected\n")
    with pytest.raises(DisplayError, match="HDMI-A-1 cannot be opened") as caught:
        open_display(DisplaySettings(kind="hdmi"), {}, tmp_path)
    assert "sudo apt-get install libgl1-mesa-dri" in str(caught.value)
    assert "\n" not in str(caught.value)


def test_hdmi_fails_when_its_screen_is_unplugged(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    folder = tmp_path / "class" / "drm" / "card1-HDMI-A-2"
    folder.mkdir(parents=True)
    (folder / "status").write_text("connected\n")
    monkeypatch.setenv("SDL_VIDEODRIVER", "dummy")  # in place of KMS, which needs a real screen
    monkeypatch.setenv("SDL_RENDER_DRIVER", "software")
    display = open_display(DisplaySettings(kind="auto"), {}, tmp_path)
    try:
        assert display.name == "hdmi (HDMI-A-2)"
        display.show(plain(320, 240, RED), "BGR")
        display.toggle_fullscreen()
        assert is_fullscreen()
        (folder / "status").write_text("disconnected\n")
        with pytest.raises(DisplayError, match="HDMI-A-2 was unplugged"):
            display.show(plain(320, 240, RED), "BGR")
    finally:
        display.close()


def test_loading_sdl_says_nothing_to_the_user() -> None:
    code = """
from pathlib import Path
from pose_edge.displays import open_display
from pose_edge.settings import DisplaySettings
open_display(DisplaySettings(kind="auto"), {"DISPLAY": ":987"}, Path("no-such-sysfs")).close()
"""
    environment = {**os.environ, "DISPLAY": ":987"}
    done = subprocess.run(
        [sys.executable, "-W", "always", "-c", code],
        env=environment,
        capture_output=True,
        text=True,
        timeout=60,
        check=True,
    )
    assert "nothing is shown: no window can be opened" in done.stderr
    assert "pysdl2-dll" not in done.stderr


def test_no_screen_loads_no_sdl() -> None:
    code = """
import sys, numpy as np
from pathlib import Path
from pose_edge.displays import open_display
from pose_edge.settings import DisplaySettings
for kind in ("none", "auto"):
    display = open_display(DisplaySettings(kind=kind), {}, Path("no-such-sysfs"))
    assert display.name == "none"
    display.show(np.zeros((48, 64, 3), np.uint8), "RGB")
    assert display.poll() == []
    display.toggle_fullscreen()
    display.close()
loaded = [name for name in sys.modules if name.startswith(("sdl2", "pygame"))]
assert not loaded, loaded
"""
    subprocess.run([sys.executable, "-c", code], check=True, timeout=60)


@given(st.integers(1, 4000), st.integers(1, 4000), st.integers(1, 4000), st.integers(1, 4000))
def test_letterbox_keeps_the_aspect_and_fills_one_direction(
    width: int, height: int, room_width: int, room_height: int
) -> None:
    x, y, w, h = letterbox(width, height, (room_width, room_height))
    assert 0 <= x <= x + w <= room_width
    assert 0 <= y <= y + h <= room_height
    assert w == room_width or h == room_height
    assert abs(x - (room_width - w - x)) <= 1
    assert abs(y - (room_height - h - y)) <= 1
    assert abs(w * height - h * width) <= max(width, height)
