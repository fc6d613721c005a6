"""Check whether the configured source can be reached and delivers a picture."""

from __future__ import annotations

import socket
import time
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Final
from urllib.parse import urlsplit

from pose_edge.doctor.cameras import camera_nodes, wanted_source
from pose_edge.doctor.context import DoctorContext
from pose_edge.doctor.device_users import DeviceUser, find_device_users
from pose_edge.doctor.report import Finding, explain
from pose_edge.errors import EndOfStream, SourceError
from pose_edge.sources import Source, choose_source
from pose_edge.sources.cameras import video_nodes
from pose_edge.sources.spec import SourceKind
from pose_edge.util.urls import redact

if TYPE_CHECKING:
    from pose_edge.frames import Frame

CONNECT_S: Final = 3.0
"""Time limit for connecting to a network source, seconds."""
FIRST_S: Final = 4.0
"""Time limit for the first frame, seconds; `camera.timeout` applies if it is shorter."""
GRACE_S: Final = 0.5
"""Additional wait, seconds, in which the source may raise a more precise error itself."""
RATE_S: Final = 1.0
"""Time for which frames are counted to measure the frame rate, seconds."""
SLOW: Final = 0.6
"""Share of the wanted frame rate below which a camera counts as slow."""
DARK: Final = 12
"""Contrast (maximum minus minimum pixel value, 0...255) below which a picture shows nothing."""

CAMERAS: Final = frozenset((SourceKind.AUTO, SourceKind.PICAMERA, SourceKind.CAMERA))

PORTS: Final = {"rtsp": 554, "rtsps": 322, "http": 80, "https": 443, "rtmp": 1935}


def examine(context: DoctorContext) -> Iterator[Finding]:
    """Connect to the source and read frames; with --no-camera, not from a camera or stream."""
    spec = wanted_source(context)
    kind = spec.kind if spec is not None else None
    if kind is SourceKind.STREAM:
        reached = _reach(context.settings.source.name)
        yield reached
        if reached.verdict == "fault":
            return
    if (kind in CAMERAS or kind is SourceKind.STREAM) and not context.use_camera:
        yield Finding("picture", "skipped", "not taken (--no-camera)")
        return
    nodes = video_nodes(context.dev)
    ours = [user for user in _users_of(nodes, context) if user.ours]
    if ours and kind in CAMERAS:
        text = f"not taken: {ours[0]} uses the camera"
        yield Finding("picture", "skipped", f"{text} (`sudo systemctl stop pose-edge` first)")
        return
    yield from _picture(context, kind)


def _reach(url: str) -> Finding:
    """Open a TCP connection to a network source without sending anything."""
    parts = urlsplit(url)
    host, port = parts.hostname, parts.port or PORTS.get(parts.scheme)
    if parts.scheme == "udp" or host is None or port is None:
        return Finding("network", "skipped", f"{redact(url)}: nothing to connect to")
    try:
        started = time.monotonic()
        socket.create_connection((host, port), CONNECT_S).close()
    except OSError as error:
        reason = error.strerror or str(error) or "no answer"
        remedy = f"is the address right, the camera on, and in the same network? (`ping {host}`)"
        return Finding("network", "fault", f"{host} port {port}: {reason.lower()}", remedy)
    milliseconds = (time.monotonic() - started) * 1000
    return Finding("network", "ok", f"{host} port {port} answers after {milliseconds:.0f} ms")


def _picture(context: DoctorContext, kind: SourceKind | None) -> Iterator[Finding]:
    settings = context.settings
    limit = min(settings.camera.timeout, FIRST_S)
    camera = settings.camera.model_copy(update={"timeout": limit})
    auto = kind is SourceKind.AUTO
    source: Source | None = None
    started = time.monotonic()
    try:
        source = choose_source(settings.source, camera)
        chooses = auto and source.live  # the chosen camera is known only once it is open
        prefix = "no camera is found, so auto plays the demo clip: " if auto else ""
        if not chooses:
            yield Finding("source", "ok", prefix + source.describe())
        source.open()
        if chooses:
            yield Finding("source", "ok", f"auto takes {source.describe()}")
        frame = _next(source, time.monotonic() + limit + GRACE_S)
        if frame is None:
            raise SourceError(f"{source.describe()} gave no frame")
        first_s = time.monotonic() - started
        height, width = frame.image.shape[:2]
        contrast = int(frame.image.max()) - int(frame.image.min())
        rate = _rate(source) if source.live else source.frame_rate
        text = f"{width}x{height}, the first after {first_s:.2f} s"
        text += f", then {rate:.1f} frames a second" if rate else ""
        # A network camera has its own frame rate, which `camera.fps` does not set.
        wanted = (source.frame_rate or 0) if kind is SourceKind.STREAM else settings.camera.fps
        yield _judge(source, text, rate, contrast, wanted)
    except (SourceError, EndOfStream) as error:
        see = "see Cameras above" if kind in CAMERAS else "is source.name right?"
        text, remedy = explain(error, see)
        users = _users_of(camera_nodes(context.dev), context) if kind in CAMERAS else []
        text += f" (in use by {', '.join(map(str, users))})" if users else ""
        yield Finding("picture", "fault", text, remedy)
    finally:
        if source is not None:
            source.close()


def _judge(source: Source, text: str, rate: float | None, contrast: int, wanted: float) -> Finding:
    if contrast < DARK:
        remedy = "take the cap off the lens, open its shutter, or switch on a light"
        return Finding("picture", "warning", f"{text}, but all in one colour", remedy)
    if source.live and rate is not None and rate < wanted * SLOW:
        remedy = (
            "more light (a camera exposes longer in the dark), fewer pixels (camera.width, "
            "camera.height), another USB port"
        )
        return Finding("picture", "warning", f"{text}, not {wanted:g} as wanted", remedy)
    return Finding("picture", "ok", text)


def _next(source: Source, until: float) -> Frame | None:
    while (left := until - time.monotonic()) > 0:
        frame = source.read(min(left, 0.5))
        if frame is not None:
            return frame
    return None


def _rate(source: Source) -> float | None:
    """Measure the frame rate, frames per second; None if no frame arrives."""
    started = last = time.monotonic()
    count = 0
    while last - started < RATE_S:
        frame = _next(source, started + RATE_S)
        if frame is None:
            break
        count += 1
        last = time.monotonic()
    return count / (last - started) if count else None


def _users_of(nodes: Iterable[Path], context: DoctorContext) -> list[DeviceUser]:
    users, _ = find_device_users(nodes, context.proc)
    return list(dict.fromkeys(user for some in users.values() for user in some))
