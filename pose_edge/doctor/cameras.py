"""Check which cameras exist, whether this user may open them, and which programs use them."""

from __future__ import annotations

import importlib.util
from collections.abc import Iterator
from pathlib import Path

from pose_edge.doctor.context import DoctorContext, read_text
from pose_edge.doctor.device_users import DeviceUser, find_device_users
from pose_edge.doctor.machine import is_pi
from pose_edge.doctor.report import Finding, Verdict, explain
from pose_edge.errors import SourceError
from pose_edge.sources.cameras import find_cameras, video_nodes
from pose_edge.sources.csi import REMEDY, SEATING, find_picameras
from pose_edge.sources.spec import SourceKind, SourceSpec, parse_source
from pose_edge.util.device_access import find_obstacle


def examine(context: DoctorContext) -> Iterator[Finding]:
    """Examine V4L2 cameras (usually USB) and camera modules."""
    yield from _usb(context)
    yield _modules(context)


def wanted_source(context: DoctorContext) -> SourceSpec | None:
    """Return the parsed `source.name` of the settings; None if no source has this name."""
    try:
        return parse_source(context.settings.source.name)
    except SourceError:
        return None


def camera_nodes(dev: Path) -> list[Path]:
    """Return the device nodes of cameras and codecs: /dev/videoN, then /dev/mediaN."""
    return video_nodes(dev) + sorted(dev.glob("media[0-9]*"))


def _usb(context: DoctorContext) -> Iterator[Finding]:
    video = video_nodes(context.dev)
    cameras = {camera.path: camera for camera in find_cameras(context.dev)}
    users, complete = find_device_users(cameras, context.proc)
    for node, camera in cameras.items():
        name = f"{camera.name} ({camera.driver})"
        yield _usable(node, name, users.get(node, []), complete=complete)
    closed = 0
    for node in video:
        obstacle = find_obstacle(node, group="video")
        if obstacle is not None:
            closed += 1
            name = read_text(context.sysfs / "class/video4linux" / node.name / "name") or "unknown"
            yield Finding(str(node), "fault", f"{name}: {obstacle.text}", obstacle.remedy)
    others = len(video) - len(cameras) - closed
    if others:
        text = f"{others} other /dev/video*: codecs, metadata, or parts of a camera module"
        yield Finding("no cameras", "ok", text)
    if not cameras and not closed:
        text = "no USB camera"
        wanted = wanted_source(context)
        if wanted is not None and wanted.kind is SourceKind.CAMERA:
            remedy = "plug it in and see `dmesg | tail`; `lsusb` must list it"
            yield Finding("USB", "fault", text, remedy)
        else:
            yield Finding("USB", "ok", text)


def _usable(node: Path, name: str, users: list[DeviceUser], *, complete: bool) -> Finding:
    others = [user for user in users if not user.ours]
    if others:
        names = ", ".join(map(str, others))
        remedy = f"end it (`kill {others[0].pid}`): a camera serves one program at a time"
        return Finding(str(node), "warning", f"{name}, in use by {names}", remedy)
    if users:
        return Finding(str(node), "ok", f"{name}, in use by {users[0]}")
    hidden = " (processes of other users are not seen; `sudo pose-edge doctor` sees them)"
    return Finding(str(node), "ok", f"{name}, free{'' if complete else hidden}")


def _modules(context: DoctorContext) -> Finding:
    """Examine picamera2 and the camera modules that it lists, without opening one."""
    wanted = wanted_source(context)
    number = wanted.location if wanted is not None and wanted.kind is SourceKind.PICAMERA else None
    on_pi = is_pi(context)
    if importlib.util.find_spec("picamera2") is None:
        text = "picamera2 is not installed; only camera modules need it"
        if number is None and not on_pi:
            return Finding("camera modules", "skipped", text)
        verdict: Verdict = "warning" if number is None else "fault"
        remedy = f"for a camera module: {REMEDY}" if number is None else REMEDY
        return Finding("camera modules", verdict, text, remedy)
    try:
        cameras = find_picameras()
    except SourceError as error:
        text, remedy = explain(error, "`rpicam-hello --list-cameras` must work first")
        # Any other remedy means that picamera2 failed, so a connected module may be hidden.
        if number is not None or remedy != SEATING:
            return Finding("camera modules", "fault", text, remedy)
        remedy = f"if one is connected: {remedy}" if on_pi else ""
        return Finding("camera modules", "ok", text, remedy)
    text = ", ".join(f"{index}: {model}" for index, model in cameras.items())
    if number is None or int(number) in cameras:
        return Finding("camera modules", "ok", text)
    remedy = f"choose one of these, or {SEATING}"
    return Finding("camera modules", "fault", f"no number {number}, but {text}", remedy)
