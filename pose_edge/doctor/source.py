"""The source that is set: can it be reached, and does it give a picture."""

from __future__ import annotations

import socket
import time
from collections.abc import Iterator
from functools import partial
from typing import TYPE_CHECKING, Final
from urllib.parse import urlsplit

from pose_edge.doctor.cameras import camera_nodes, split_reason, wanted_source
from pose_edge.doctor.context import DoctorContext
from pose_edge.doctor.device_users import Holder, find_holders
from pose_edge.doctor.finding import Finding
from pose_edge.errors import EndOfStream, SourceError
from pose_edge.sources import Source, choose_source
from pose_edge.sources.spec import SourceKind
from pose_edge.util.urls import redact

if TYPE_CHECKING:
    from pose_edge.frames import Frame

SECTION: Final = "Source"

_finding = partial(Finding, SECTION)

CONNECT_S: Final = 3.0
FIRST_S: Final = 4.0
"""How long a source may be silent, at most; less where the settings say so."""
GRACE_S: Final = 0.5
"""How much longer it is listened to, so that it says itself what is wrong."""
MORE_S: Final = 1.0
"""For how long frames are counted."""
SLOW: Final = 0.6
"""Part of the wanted rate below which a camera is slow."""
DARK: Final = 12
"""Difference of the brightest and the darkest pixel below which a picture shows nothing."""

CAMERAS: Final = frozenset((SourceKind.AUTO, SourceKind.PICAMERA, SourceKind.CAMERA))
SEE: Final = ("is source.name right?", "see Cameras above")
"""What to do where the error does not say it, about others and about cameras."""
NO_REMEDIES: Final = ("found: ", "known: ", "known are: ")
"""How what follows a semicolon begins where it is not what to do."""

PORTS: Final = {"rtsp": 554, "rtsps": 322, "http": 80, "https": 443, "rtmp": 1935}


def examine(patient: DoctorContext) -> Iterator[Finding]:
    """Reach the source, and take a picture from it unless told not to."""
    spec = wanted_source(patient)
    kind = spec.kind if spec is not None else None
    if kind is SourceKind.STREAM:
        reached = _reach(patient.settings.source.name)
        yield reached
        if reached.verdict == "fault":
            return
    if (kind in CAMERAS or kind is SourceKind.STREAM) and not patient.use_camera:
        yield _finding("picture", "skipped", "not taken, as asked for (--no-camera)")
        return
    ours = _our_service(patient) if kind in CAMERAS else []
    if ours:
        text = f"not taken: {ours[0]} has the camera"
        yield _finding("picture", "skipped", f"{text} (`sudo systemctl stop pose-edge` first)")
        return
    yield from _picture(patient, kind)


def _reach(url: str) -> Finding:
    """Connect to a network source, and say nothing to it."""
    parts = urlsplit(url)
    host, port = parts.hostname, parts.port or PORTS.get(parts.scheme)
    if parts.scheme == "udp" or host is None or port is None:
        return _finding("network", "skipped", f"{redact(url)}: nothing to connect to")
    try:
        begun = time.monotonic()
        socket.create_connection((host, port), CONNECT_S).close()
    except OSError as error:
        reason = error.strerror or str(error) or "no answer"
        return _finding(
            "network",
            "fault",
            f"{host} port {port}: {reason.lower()}",
            f"is the address right, the camera on, and in the same network? (`ping {host}`)",
        )
    milliseconds = (time.monotonic() - begun) * 1000
    return _finding("network", "ok", f"{host} port {port} answers after {milliseconds:.0f} ms")


def _our_service(patient: DoctorContext) -> list[Holder]:
    nodes = [node for node in camera_nodes(patient.dev) if node.name.startswith("video")]
    by_node = find_holders(nodes, patient.proc).by_node.values()
    return [holder for who in by_node for holder in who if holder.ours]


def _picture(patient: DoctorContext, kind: SourceKind | None) -> Iterator[Finding]:
    settings = patient.settings
    limit = min(settings.camera.timeout, FIRST_S)
    camera = settings.camera.model_copy(update={"timeout": limit})
    auto = undecided = kind is SourceKind.AUTO
    source: Source | None = None
    begun = time.monotonic()
    try:
        source = choose_source(settings.source, camera)
        chooses = auto and source.live  # which camera is known when it is open
        said = "no camera is found, so auto plays the demo clip: " if auto else ""
        if not chooses:
            yield _finding("source", "ok", said + source.describe())
        source.open()
        undecided = False
        if chooses:
            yield _finding("source", "ok", f"auto takes {source.describe()}")
        frame = _next(source, time.monotonic() + limit + GRACE_S)
        if frame is None:
            raise SourceError(f"{source.describe()} gave no frame")
        first_s = time.monotonic() - begun
        height, width = frame.image.shape[:2]
        seen = int(frame.image.max()) - int(frame.image.min())
        rate = _rate(source) if source.live else source.frame_rate
        text = f"{width}x{height}, the first after {first_s:.2f} s"
        text += f", then {rate:.1f} frames a second" if rate else ""
        yield _judge(source, text, rate, seen, settings.camera.fps)
    except (SourceError, EndOfStream) as error:
        text, remedy = _split(error, whole=undecided)
        who = _others(patient) if kind in CAMERAS else []
        text += f" (in use by {', '.join(map(str, who))})" if who else ""
        yield _finding("picture", "fault", text, remedy or SEE[kind in CAMERAS])
    finally:
        if source is not None:
            source.close()


def _split(error: Exception, *, whole: bool) -> tuple[str, str]:
    """Split an error into what is wrong and what to do.

    Args:
        error: What the source raised.
        whole: It is about several cameras, so that what to do about one is not for the end.
    """
    words = " ".join(str(error).split())
    text, remedy = split_reason(words)
    return (words, "") if whole or remedy.startswith(NO_REMEDIES) else (text, remedy)


def _judge(source: Source, text: str, rate: float | None, seen: int, wanted: float) -> Finding:
    if seen < DARK:
        remedy = "take the cap off the lens, open its shutter, make light"
        return _finding("picture", "warning", f"{text}, but all of one colour", remedy)
    if source.live and rate is not None and rate < wanted * SLOW:
        remedy = (
            "more light (a camera exposes longer in the dark), fewer pixels (camera.width, "
            "camera.height), another USB port"
        )
        return _finding("picture", "warning", f"{text}, not {wanted:g} as wanted", remedy)
    return _finding("picture", "ok", text)


def _next(source: Source, until: float) -> Frame | None:
    while (left := until - time.monotonic()) > 0:
        frame = source.read(min(left, 0.5))
        if frame is not None:
            return frame
    return None


def _rate(source: Source) -> float | None:
    """Count frames for a while."""
    begun = last = time.monotonic()
    count = 0
    while last - begun < MORE_S:
        frame = _next(source, begun + MORE_S)
        if frame is None:
            break
        count += 1
        last = time.monotonic()
    return count / (last - begun) if count else None


def _others(patient: DoctorContext) -> list[Holder]:
    by_node = find_holders(camera_nodes(patient.dev), patient.proc).by_node.values()
    return list(dict.fromkeys(holder for who in by_node for holder in who))
