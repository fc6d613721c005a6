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
from helpers import GENEROUS_S
from numpy.typing import NDArray
from screens import plain, scene_of
from xvfb import Xvfb, xvfb

from pose_edge.config.schema import DisplaySettings, OverlaySettings
from pose_edge.displays import Display, open_display
from pose_edge.displays.screen_layout import Rotation
from pose_edge.errors import DisplayError
from pose_edge.frames import ColourOrder
from pose_edge.overlay import Capsules, Drawing, Rectangle, Renderer, Size, Stamp
from pose_edge.telemetry import Stopwatch

RED, GREEN, BLUE = (255, 0, 0), (0, 255, 0), (0, 0, 255)
WHITE, BLACK = (255, 255, 255), (0, 0, 0)
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


def eventually(happened: Callable[[], bool], seconds: float = 10.0) -> bool:
    end = time.monotonic() + seconds
    while time.monotonic() < end:
        if happened():
            return True
        time.sleep(0.02)
    return False


def picture_on(screen: NDArray[np.uint8], colour: tuple[int, int, int]) -> tuple[int, ...]:
    """Return x, y, width, height of the bounding box of a colour; zeros if it does not occur."""
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
    """Show a picture until the screen is as expected; return whether that happened in time."""

    def step() -> bool:
        display.poll()
        display.show(scene_of(image, order), Stopwatch())
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


def test_a_picture_of_another_shape_may_fill_the_window(desktop: Xvfb) -> None:
    """With `fit: fill` lines in the cropped part are not drawn, and stamps stay in the window."""
    display = open_display(DisplaySettings(kind="window", fit="fill"))
    places: list[Rectangle] = []

    def overlay(_size: Size, place: Rectangle) -> Drawing:
        places.append(place)
        ends = np.array([(-500, 150, 900, 150)], np.float32)
        return Drawing(Capsules(ends, np.array([5], np.float32), np.array([BLUE], np.uint8)))

    try:
        first = plain(400, 300, RED)
        assert shows(display, desktop, first, "RGB", lambda s: picture_on(s, RED)[2] == 400)
        tall = scene_of(plain(90, 180, GREEN), overlay=overlay)

        def right() -> bool:
            display.poll()
            display.show(tall, Stopwatch())
            screen = desktop.screenshot()
            filled = picture_on(screen, GREEN) == (200, 150, 400, 300)
            return filled and picture_on(screen, BLUE)[2] == 400

        assert eventually(right), picture_on(desktop.screenshot(), GREEN)
        assert places[-1] == (0, -250, 400, 800)
    finally:
        display.close()


def test_a_large_picture_gets_a_window_that_fits_the_desktop(
    window: Display, desktop: Xvfb
) -> None:
    def right(screen: NDArray[np.uint8]) -> bool:
        return picture_on(screen, RED)[2:] == (720, 405)

    assert shows(window, desktop, plain(1920, 1080, RED), "RGB", right)


def test_a_mirror_flips_the_picture(window: Display, desktop: Xvfb) -> None:
    image = plain(320, 240, RED)
    image[:, :100] = GREEN
    plainly, mirrored = scene_of(image), scene_of(image, mirror=True)

    def green_at(screen: NDArray[np.uint8]) -> tuple[int, ...]:
        return picture_on(screen, GREEN)

    for scene, x in ((plainly, 240), (mirrored, 460)):
        assert eventually(
            lambda scene=scene, x=x: (  # type: ignore[misc]
                window.show(scene, Stopwatch())
                and green_at(desktop.screenshot()) == (x, 180, 100, 240)
            )
        ), green_at(desktop.screenshot())


@pytest.mark.parametrize(
    ("rotation", "green"),
    [(90, (280, 140, 240, 80)), (180, (480, 180, 80, 240)), (270, (280, 380, 240, 80))],
)
def test_a_turned_screen_shows_everything_turned(
    desktop: Xvfb, rotation: Rotation, green: tuple[int, ...]
) -> None:
    """At 90 degrees the left part of the picture and the stamp are at the top."""
    image = plain(320, 240, RED)
    image[:, :80] = GREEN
    badge = np.full((10, 20, 4), 255, np.uint8)
    scene = scene_of(image, overlay=lambda _size, _place: Drawing(stamps=(Stamp(badge, 4, 6),)))
    display = open_display(DisplaySettings(kind="window", rotation=rotation))
    corner = {90: (504, 144, 10, 20), 180: (536, 404, 20, 10), 270: (286, 436, 10, 20)}[rotation]
    try:

        def right() -> bool:
            display.poll()
            display.show(scene, Stopwatch())
            screen = desktop.screenshot()
            return picture_on(screen, GREEN) == green and picture_on(screen, WHITE) == corner

        assert eventually(right), (
            picture_on(desktop.screenshot(), GREEN),
            picture_on(desktop.screenshot(), WHITE),
        )
    finally:
        display.close()


def test_the_overlay_is_drawn_at_the_size_of_the_screen(window: Display, desktop: Xvfb) -> None:
    """A 40x30 picture is enlarged, but the line, the disc and the stamp on it are sharp."""
    chequered = np.zeros((8, 8, 4), np.uint8)
    chequered[..., 3] = 255
    chequered[::2, ::2, :3] = chequered[1::2, 1::2, :3] = 255
    asked: list[tuple[Size, Rectangle]] = []

    def overlay(size: Size, place: Rectangle) -> Drawing:
        asked.append((size, place))
        return Drawing(
            Capsules(
                ends=np.array([(100, 100, 300, 100), (200, 200, 200, 200)], np.float32),
                radii=np.array([3, 20], np.float32),
                colours=np.array([GREEN, BLUE], np.uint8),
            ),
            (Stamp(chequered, 50, 40),),
        )

    large = plain(400, 300, RED)
    assert shows(window, desktop, large, "RGB", lambda s: picture_on(s, RED)[2] == 400)
    scene = scene_of(plain(40, 30, RED), overlay=overlay)

    def right() -> bool:
        window.poll()
        return window.show(scene, Stopwatch()) and picture_on(desktop.screenshot(), BLUE)[2] > 30

    assert eventually(right)
    assert asked[-1] == ((400, 300), (0, 0, 400, 300))
    screen = desktop.screenshot()[150:450, 200:600]
    # The line, 6 pixels wide, has hard edges although the picture below is enlarged tenfold.
    assert (screen[97:103, 110:290] == GREEN).all()
    assert (screen[95, 110:290] == RED).all()
    assert (screen[104, 110:290] == RED).all()
    blue = (screen == BLUE).all(axis=2)
    assert blue.sum() == pytest.approx(np.pi * 19.5**2, rel=0.05)
    assert (screen[40:48, 50:58] == chequered[..., :3]).all()


def test_lines_end_where_the_picture_ends(window: Display, desktop: Xvfb) -> None:
    def overlay(_size: Size, _place: Rectangle) -> Drawing:
        ends = np.array([(-50, 60, 600, 60)], np.float32)
        return Drawing(
            Capsules(ends, np.array([5], np.float32), np.array([GREEN], np.uint8)),
        )

    wide = plain(400, 200, RED)
    assert shows(window, desktop, wide, "RGB", lambda s: picture_on(s, RED)[2] == 400)
    narrow = scene_of(plain(100, 100, RED), overlay=overlay)

    def right() -> bool:
        window.poll()
        window.show(narrow, Stopwatch())
        return picture_on(desktop.screenshot(), GREEN)[2] == 200

    assert eventually(right), picture_on(desktop.screenshot(), GREEN)


def test_a_message_fills_the_window_without_a_picture(window: Display, desktop: Xvfb) -> None:
    scene = Renderer(OverlaySettings(), mirror=False).message("No camera", "waiting")
    stopwatch = Stopwatch()
    assert window.show(scene, stopwatch)
    assert list(stopwatch.laps_ms) == ["upload", "draw", "present"]

    def right() -> bool:
        window.poll()
        window.show(scene, Stopwatch())
        rows, columns = np.nonzero((desktop.screenshot() != BLACK).any(axis=2))
        # The window takes at most 0.9 of the desktop (800x600), in the picture's aspect of
        # 1280x720.
        return len(rows) > 0 and [int(np.ptp(columns)), int(np.ptp(rows))] == [719, 404]

    assert eventually(right)


def test_a_still_picture_is_painted_again_when_the_window_changes(
    window: Display, desktop: Xvfb
) -> None:
    image = plain(320, 240, RED)
    assert shows(window, desktop, image, "RGB", lambda s: picture_on(s, RED)[2] == 320)
    image[:] = 0  # the frame was released, so the window must not read it again
    desktop.xdotool("windowsize", desktop.window_number(), "480", "360")

    def right() -> bool:
        window.poll()
        return picture_on(desktop.screenshot(), RED)[2:] == (480, 360)

    assert eventually(right), picture_on(desktop.screenshot(), RED)


def is_fullscreen() -> bool:
    """Ask SDL: a screenshot does not tell, as no window manager is running to enlarge windows."""
    import sdl2

    found = [sdl2.SDL_GetWindowFromID(number) for number in range(1, 100)]
    (window,) = (window for window in found if window)
    flags = sdl2.SDL_GetWindowFlags(window)
    large = flags & sdl2.SDL_WINDOW_FULLSCREEN_DESKTOP == sdl2.SDL_WINDOW_FULLSCREEN_DESKTOP
    cursor = sdl2.SDL_ShowCursor(sdl2.SDL_QUERY) == sdl2.SDL_ENABLE
    assert large != cursor
    return bool(large)


def test_full_screen_and_back(window: Display) -> None:
    window.show(scene_of(plain(320, 240, RED), "RGB"), Stopwatch())
    assert not is_fullscreen()
    window.toggle_fullscreen()
    window.show(scene_of(plain(320, 240, RED), "RGB"), Stopwatch())
    assert is_fullscreen()
    window.toggle_fullscreen()
    window.show(scene_of(plain(320, 240, RED), "RGB"), Stopwatch())
    assert not is_fullscreen()


@pytest.mark.parametrize("toggled", [False, True])
def test_a_window_can_begin_in_full_screen(desktop: Xvfb, toggled: bool) -> None:
    display = open_display(DisplaySettings(kind="window", fullscreen=not toggled))
    try:
        if toggled:
            display.toggle_fullscreen()
        display.show(scene_of(plain(320, 180, RED), "RGB"), Stopwatch())
        assert is_fullscreen()
    finally:
        display.close()


def test_keys_arrive_by_name(window: Display, desktop: Xvfb) -> None:
    image = plain(320, 240, RED)
    assert shows(window, desktop, image, "RGB", lambda s: picture_on(s, RED)[2] == 320)
    # Without a window manager nothing gives the window the keyboard focus.
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
    window.show(scene_of(plain(320, 240, RED), "RGB"), Stopwatch())
    import sdl2

    event = sdl2.SDL_Event()
    event.type = sdl2.SDL_QUIT  # as a close button sends; no window manager is here
    sdl2.SDL_PushEvent(ctypes.byref(event))
    assert window.poll().count("closed") == 1
    assert "closed" not in window.poll()


def test_closing_twice_and_opening_again(desktop: Xvfb) -> None:
    for _ in range(2):
        display = open_display(DisplaySettings(kind="auto"), sysfs=NO_SYSFS)
        assert display.name == "window (x11)"
        display.show(scene_of(plain(64, 48, RED), "RGB"), Stopwatch())
        display.close()
        display.close()


@pytest.fixture
def ctrl_c() -> Iterator[None]:
    """Make SIGINT raise KeyboardInterrupt: shells ignore SIGINT for background processes."""
    kept = signal.signal(signal.SIGINT, signal.default_int_handler)
    yield
    signal.signal(signal.SIGINT, kept)


def test_signals_stay_with_the_program(ctrl_c: None, window: Display) -> None:
    window.show(scene_of(plain(64, 48, RED), "RGB"), Stopwatch())
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
    faults: list[str | None] = []
    display = open_display(DisplaySettings(kind="auto"), sysfs=NO_SYSFS, report=faults.append)
    assert display.name == "none"
    assert not display.visible
    assert "no window can be opened" in str(faults[-1])
    warnings = [entry for entry in caplog.records if entry.levelno == logging.WARNING]
    assert len(warnings) == 1
    assert "no window can be opened" in warnings[0].getMessage()


def test_loading_sdl_says_nothing_to_the_user() -> None:
    code = """
from pathlib import Path
from pose_edge.displays import open_display
from pose_edge.overlay import Capsules, Drawing, Rectangle, Renderer, Size, Stamp
from pose_edge.config.schema import DisplaySettings, OverlaySettings
from pose_edge.telemetry import Stopwatch
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
    assert "nothing is shown yet: no window can be opened" in done.stderr
    assert "pysdl2-dll" not in done.stderr


def test_no_screen_loads_no_sdl() -> None:
    code = """
import sys, numpy as np
from pathlib import Path
from pose_edge.displays import open_display
from pose_edge.overlay import Capsules, Drawing, Rectangle, Renderer, Size, Stamp
from pose_edge.config.schema import DisplaySettings, OverlaySettings
from pose_edge.telemetry import Stopwatch
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


DYING_SERVER = """
import sys
from pathlib import Path
import numpy as np
from pose_edge.config.schema import DisplaySettings
from pose_edge.displays import DesktopEnded, open_display
from pose_edge.overlay import Drawing, Scene
from pose_edge.telemetry import Stopwatch
call = sys.argv[1]
display = open_display(DisplaySettings(kind="window"), sysfs=Path("no-such-sysfs"))
image = np.full((48, 64, 3), 200, np.uint8)
scene = Scene((64, 48), lambda size, place: Drawing(), image)
while not display.show(scene, Stopwatch()):
    display.poll()
print("shown", flush=True)
sys.stdin.readline()  # the server has ended
try:
    while call != "close":
        display.poll() if call == "poll" else display.show(scene, Stopwatch())
except DesktopEnded as error:
    print(error)
display.close()
display.close()
print("in order")
"""


@pytest.mark.parametrize("call", ["show", "poll", "close"])
@pytest.mark.parametrize("end", [signal.SIGTERM, signal.SIGKILL])
def test_a_server_that_ends_lets_the_program_end_in_order(call: str, end: signal.Signals) -> None:
    """Xlib would exit the process and SDL would wait forever; recordings would stay unfinished."""
    environment = {name: value for name, value in os.environ.items() if name != "WAYLAND_DISPLAY"}
    with xvfb(320, 240) as server:
        program = subprocess.Popen(
            [sys.executable, "-W", "ignore", "-c", DYING_SERVER, call],
            env={**environment, "DISPLAY": server.display},
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )
        try:
            assert program.stdout is not None
            assert program.stdout.readline() == "shown\n"
            server.end(end)
            output, errors = program.communicate("\n", timeout=GENEROUS_S)
        finally:
            program.kill()
            program.wait()
    message = [] if call == "close" else ["window (x11) is gone: the desktop has ended"]
    assert (program.returncode, output.splitlines()) == (0, [*message, "in order"]), errors


REFUSED_REQUEST = (
    DYING_SERVER.partition("sys.stdin")[0]
    + """
desktop = display._display._desktop
desktop._xlib.XMapWindow(desktop._display, 0x7FFFFFFF)  # there is no such window
assert not desktop.ended()
display.show(scene, Stopwatch())
display.close()
print("in order")
"""
)


def test_a_request_that_the_server_refuses_does_not_end_the_program() -> None:
    """By default Xlib prints "X Error of failed request" and calls exit."""
    environment = {name: value for name, value in os.environ.items() if name != "WAYLAND_DISPLAY"}
    with xvfb(320, 240) as server:
        done = subprocess.run(
            [sys.executable, "-W", "ignore", "-c", REFUSED_REQUEST, "show"],
            env={**environment, "DISPLAY": server.display},
            capture_output=True,
            text=True,
            timeout=GENEROUS_S,
            check=False,
        )
    assert done.stdout.splitlines() == ["shown", "in order"], done.stderr
    assert done.returncode == 0
