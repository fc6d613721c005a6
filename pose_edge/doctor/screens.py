"""Check the screens that are connected to the graphics cards, and the libraries that draw."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Final

from pose_edge.config.schema import DisplaySettings
from pose_edge.displays.choice import DESKTOPS, Output, choices, connected_output, outputs
from pose_edge.displays.sdl import load_sdl
from pose_edge.doctor.context import DoctorContext, read_text
from pose_edge.doctor.device_users import find_device_users
from pose_edge.doctor.report import Finding, Verdict, explain
from pose_edge.errors import DisplayError
from pose_edge.runtimes.edgetpu.lookup import find_library
from pose_edge.util.device_access import find_obstacle
from pose_edge.util.paths import exists
from pose_edge.util.text import counted

MESA: Final = {
    "libEGL.so.1": "libegl1",
    "libGLESv2.so.2": "libgles2",
    "libgbm.so.1": "libgbm1",
    "libdrm.so.2": "libdrm2",
}
"""Libraries that SDL loads to draw without a desktop, and their Debian packages."""
DRIVERS: Final = "libgl1-mesa-dri"


def examine(
    context: DoctorContext, find: Callable[[str], Path | None] = find_library
) -> Iterator[Finding]:
    """Examine the desktop, the outputs of the graphics cards, Mesa and SDL."""
    settings = context.settings.display
    kind = settings.kind
    desktop = next((name for name in DESKTOPS if context.environment.get(name)), None)
    if desktop is not None:
        yield Finding("desktop", "ok", f"{desktop}={context.environment[desktop]}: a window")
    elif kind == "window":
        remedy = "start it on a desktop, or with --display auto"
        text = "none in this session, and display.kind: window needs one"
        yield Finding("desktop", "fault", text, remedy)
    else:
        yield Finding("desktop", "ok", "none in this session")
    present = outputs(context.sysfs)
    for output in present:
        yield _output(output)
    found = choices(settings, context.environment, context.sysfs)
    name = settings.output if kind in ("auto", "hdmi") else "auto"
    if connected_output(context.sysfs, name) is None:
        yield _no_screen(settings, desktop, present)
    taken = found[0].output if found else None
    if taken is not None:
        yield from _card(context, taken)
    yield _mesa(find, "skipped" if taken is None else "fault")
    yield _sdl("skipped" if kind == "none" else "fault")


def _output(output: Output) -> Finding:
    folder = output.folder
    driver = (folder / "device/device/driver").resolve().name
    driver = driver if driver != "driver" else "unknown driver"
    modes = read_text(folder / "modes").split()
    status = read_text(folder / "status") or "unknown"
    text = f"{status} (card{output.card}, {driver})"
    if modes:
        count = len(set(modes))
        text += f", {modes[0]}" + (f" and {counted(count - 1, 'other size')}" if count > 1 else "")
    return Finding(output.name, "ok", text)


def _no_screen(settings: DisplaySettings, desktop: str | None, present: list[Output]) -> Finding:
    """Return the finding that no screen is connected to the wanted output."""
    kind, name = settings.kind, settings.output
    text = "no screen is connected"
    remedy = "plug one in and switch it on (a Pi 4 or 5: the socket next to the power first)"
    if kind in ("auto", "hdmi") and name != "auto":
        text += f" to {name} (display.output)"
        names = [output.name for output in present]
        used = [output.name for output in present if output.connected()]
        if used:
            remedy = f"one is connected to {', '.join(used)}: plug it in there, or set auto"
        elif names and name not in names:
            remedy = f"this machine has {', '.join(names)}: name one of them, or set auto"
    if kind == "none":
        return Finding("screen", "ok", f"{text}, and none is wanted (display.kind: none)")
    if desktop is not None and kind != "hdmi":
        return Finding("screen", "ok", f"{text}; the picture is in a window of the desktop")
    return Finding("screen", "fault" if kind == "hdmi" else "warning", text, remedy)


def _card(context: DoctorContext, output: Output) -> Iterator[Finding]:
    """Check whether a run could open the graphics card of its screen."""
    card = context.dev / f"dri/card{output.card}"
    if not exists(card):
        return
    obstacle = find_obstacle(card, group="video")
    if obstacle is not None:
        yield Finding(card.name, "fault", obstacle.text, obstacle.remedy)
        return
    users, _ = find_device_users([card], context.proc)
    others = [user for user in users.get(card, []) if not user.ours]
    if others:
        text = f"{card} is in use by {', '.join(map(str, others))}"
        remedy = "a desktop uses the screen: start in it (`DISPLAY=:0 pose-edge run`), or end it"
        yield Finding(card.name, "warning", text, remedy)


def _mesa(find: Callable[[str], Path | None], missing: Verdict) -> Finding:
    absent = [name for name in MESA if find(name) is None]
    if not absent:
        return Finding("Mesa", "ok", ", ".join(MESA))
    text = f"{', '.join(absent)} not found"
    packages = " ".join([DRIVERS, *(MESA[name] for name in absent)])
    if missing == "skipped":
        text += f"; needed for HDMI without a desktop (`sudo apt install {packages}`)"
        return Finding("Mesa", missing, text)
    return Finding("Mesa", missing, text, f"`sudo apt install {packages}`")


def _sdl(missing: Verdict) -> Finding:
    try:
        api = load_sdl()
    except DisplayError as error:
        return Finding("SDL", missing, *explain(error))
    version = api.SDL_version()
    api.SDL_GetVersion(version)
    count = api.SDL_GetNumVideoDrivers()
    drivers = [api.SDL_GetVideoDriver(index).decode() for index in range(count)]
    shown = [name for name in drivers if name in ("x11", "wayland", "KMSDRM")]
    text = f"{version.major}.{version.minor}.{version.patch}, for {', '.join(shown)}"
    if "KMSDRM" not in drivers:
        remedy = "`pip install --force-reinstall pysdl2-dll`: its SDL has KMSDRM"
        return Finding("SDL", "warning", f"{text}: not for HDMI without a desktop", remedy)
    return Finding("SDL", "ok", text)
