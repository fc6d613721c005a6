"""The cameras: which are there, may they be opened, and who has them."""

from __future__ import annotations

import importlib.util
import os
import re
from collections.abc import Iterator
from functools import partial
from pathlib import Path
from typing import Final

from pose_edge.doctor.context import DoctorContext, contents
from pose_edge.doctor.device_users import Holders, find_holders
from pose_edge.doctor.finding import Finding
from pose_edge.doctor.machine import is_pi
from pose_edge.errors import SourceError
from pose_edge.runtimes.edgetpu.access import current_user
from pose_edge.sources.cameras import find_cameras
from pose_edge.sources.csi import REMEDY, SEATING, find_picameras
from pose_edge.sources.spec import SourceKind, SourceSpec, parse_source

SECTION: Final = "Cameras"

_finding = partial(Finding, SECTION)

LONGEST: Final = 300
"""Letters of a library's error that are told."""


def examine(patient: DoctorContext) -> Iterator[Finding]:
    """Look at USB cameras (and whatever else is a V4L2 camera) and camera modules."""
    nodes = camera_nodes(patient.dev)
    holders = find_holders(nodes, patient.proc)
    yield from _usb(patient, nodes, holders)
    yield _modules(patient)


def wanted_source(patient: DoctorContext) -> SourceSpec | None:
    """Return what the source's name means; None where there is nothing of that name."""
    try:
        return parse_source(patient.settings.source.name)
    except SourceError:
        return None


def split_reason(reason: str) -> tuple[str, str]:
    """Split why a camera cannot be had into what is wrong and what to do, "" where nothing is."""
    words = " ".join(reason.split())
    for remedy in (SEATING, REMEDY):
        if words.endswith(remedy):
            return words.removesuffix(remedy).rstrip(" :;"), remedy
    text, _, remedy = words.partition("; ")
    return text, remedy


def camera_nodes(dev: Path) -> list[Path]:
    """Return the devices of cameras and codecs, by number."""
    found = [path for path in dev.glob("video*") if re.fullmatch(r"video\d+", path.name)]
    return sorted(found, key=lambda path: int(path.name.removeprefix("video"))) + sorted(
        dev.glob("media[0-9]*")
    )


def _usb(patient: DoctorContext, nodes: list[Path], holders: Holders) -> Iterator[Finding]:
    video = [node for node in nodes if node.name.startswith("video")]
    cameras = {camera.path: camera for camera in find_cameras(patient.dev)}
    for node, camera in cameras.items():
        yield _held(node, f"{camera.name} ({camera.driver})", holders)
    closed = [node for node in video if not os.access(node, os.R_OK | os.W_OK)]
    for node in closed:
        name = contents(patient.sysfs / "class/video4linux" / node.name / "name")
        yield _finding(
            str(node),
            "fault",
            f"{name or 'unknown'}: {current_user()} may not open it",
            f"`sudo usermod -aG {_group(node)} {current_user()}`, then log in again",
        )
    others = len(video) - len(cameras) - len(closed)
    if others:
        text = f"{others} other /dev/video*: codecs, metadata, or parts of a camera module"
        yield _finding("no cameras", "ok", text)
    if not cameras and not closed:
        text = "no USB camera"
        wanted = wanted_source(patient)
        if wanted is not None and wanted.kind is SourceKind.CAMERA:
            remedy = "plug it in and see `dmesg | tail`; `lsusb` must list it"
            yield _finding("USB", "fault", text, remedy)
        else:
            yield _finding("USB", "ok", text)


def _held(node: Path, name: str, holders: Holders) -> Finding:
    who = holders.of(node)
    others = [holder for holder in who if not holder.ours]
    if others:
        names = ", ".join(map(str, others))
        remedy = f"end it (`kill {others[0].pid}`): a camera serves one program at a time"
        return _finding(str(node), "warning", f"{name}, in use by {names}", remedy)
    if who:
        return _finding(str(node), "ok", f"{name}, in use by {who[0]}")
    doubt = f" ({holders.doubt})" if holders.doubt else ""
    return _finding(str(node), "ok", f"{name}, free{doubt}")


def _modules(patient: DoctorContext) -> Finding:
    """Look at picamera2 and the camera modules that it finds, without opening one."""
    wanted = wanted_source(patient)
    number = wanted.location if wanted is not None and wanted.kind is SourceKind.PICAMERA else None
    if importlib.util.find_spec("picamera2") is None:
        return _no_library(on_pi=is_pi(patient), wanted=number is not None)
    try:
        cameras = find_picameras()
    except SourceError as error:
        text = " ".join(error.message.split())[:LONGEST]
        remedy = error.remedy or "`rpicam-hello --list-cameras` must work first"
    else:
        text = ", ".join(f"{camera.number}: {camera.model}" for camera in cameras)
        if number is None or number in {str(camera.number) for camera in cameras}:
            return _finding("camera modules", "ok", text)
        remedy = f"choose one that is there, or {SEATING}"
        return _finding("camera modules", "fault", f"no number {number}, but {text}", remedy)
    if remedy != SEATING:  # there may be one, and something keeps it from being seen
        return _finding("camera modules", "fault", text, remedy)
    if number is not None:
        return _finding("camera modules", "fault", text, remedy)
    remedy = f"if one is there: {remedy}" if is_pi(patient) else ""
    return _finding("camera modules", "ok", text, remedy)


def _no_library(*, on_pi: bool, wanted: bool) -> Finding:
    text = "picamera2 is not installed; only camera modules need it"
    if wanted:
        return _finding("camera modules", "fault", text, REMEDY)
    if on_pi:
        return _finding("camera modules", "warning", text, f"for a camera module: {REMEDY}")
    return _finding("camera modules", "skipped", text)


def _group(node: Path) -> str:
    try:
        group = node.group()
    except (OSError, KeyError):
        return "video"
    return group if group != "root" else "video"
