"""Parsing of the names of sources."""

from __future__ import annotations

import re
from dataclasses import dataclass
from enum import Enum, auto
from pathlib import Path
from typing import Final

from pose_edge.errors import SourceError
from pose_edge.util import resources
from pose_edge.util.paths import exists, is_dir, is_file, user_path
from pose_edge.util.urls import redact

PICTURE_SUFFIXES: Final = frozenset(
    (
        *(".jpg", ".jpeg", ".jpe", ".jfif", ".png", ".apng", ".bmp", ".webp", ".tif", ".tiff"),
        *(".gif", ".avif", ".heic", ".heif", ".jp2"),
    )
)
"""Suffixes of files that are treated as pictures, whatever their content."""
FILM_SUFFIXES: Final = frozenset((".mjpeg", ".mjpg"))
"""Suffixes of videos that begin like a picture."""
VIDEO_START: Final = re.compile(
    rb".{4}ftyp(isom|iso[2-9]|mp4[12]|avc1|M4V |qt  )|\x1aE\xdf\xa3|RIFF.{4}AVI ", re.DOTALL
)
"""Pattern of the first bytes of MP4, QuickTime, Matroska, WebM and AVI files. HEIC and AVIF files
begin like MP4, but with other brands."""
V4L2_LINKS: Final = "/dev/v4l"
"""Folder of udev's links to cameras, by-id and by-path; a link disappears with its camera."""
OTHER_NAMES: Final = "auto, demo, picamera, /dev/video0, camera:NAME, rtsp://..., http://..."
STREAM_SCHEMES: Final = ("rtsp", "rtsps", "http", "https", "rtmp", "udp", "tcp")


class SourceKind(Enum):
    """The kinds of sources."""

    AUTO = auto()
    PICAMERA = auto()
    CAMERA = auto()
    STREAM = auto()
    VIDEO = auto()
    PICTURES = auto()
    ANIMATION = auto()


@dataclass(frozen=True, slots=True)
class SourceSpec:
    """The kind and location of a source.

    The location is the path of a device, file or folder, a URL, a part of a camera's name, or the
    number of a camera module; "" for `auto`.
    """

    kind: SourceKind
    location: str = ""


def parse_source(name: str) -> SourceSpec:
    """Parse the name of a source; a path is classified by what is there in the file system.

    Args:
        name: auto, demo, picamera, picamera:1, camera:NAME, the number or node of a camera, a URL,
            or the path of a video, picture or folder.

    Raises:
        SourceError: No source has this name.
    """
    if name == "auto":
        return SourceSpec(SourceKind.AUTO)
    if name == "demo":
        return SourceSpec(SourceKind.VIDEO, str(resources.demo_clip()))
    if (camera := _camera_spec(name)) is not None:
        return camera
    scheme, separator, _rest = name.partition("://")
    if separator and scheme.lower() in STREAM_SCHEMES:
        return SourceSpec(SourceKind.STREAM, name.replace(scheme, scheme.lower(), 1))
    if separator and scheme:
        raise SourceError(
            f"source {redact(name)}: unknown kind of address; known: {', '.join(STREAM_SCHEMES)}"
        )
    path = user_path(name)
    try:
        return _path_spec(path)
    except OSError as error:
        raise SourceError(f"source {path}: {error.strerror}") from error


def _camera_spec(name: str) -> SourceSpec | None:
    """Parse the name of a camera that is neither a path nor a URL; return None for other names."""
    kind, colon, which = name.partition(":")
    number = re.fullmatch(r"[0-9]{1,4}", which if colon else name)
    if kind == "picamera" and (not colon or number):
        return SourceSpec(SourceKind.PICAMERA, str(int(which or 0)))
    if number and (kind == "camera" or not colon):
        return SourceSpec(SourceKind.CAMERA, f"/dev/video{int(number[0])}")
    if kind == "camera" and which.strip():
        return SourceSpec(SourceKind.CAMERA, which.strip())
    return None


def _path_spec(path: Path) -> SourceSpec:
    if path.is_char_device() or path.match("/dev/video*") or path.is_relative_to(V4L2_LINKS):
        return SourceSpec(SourceKind.CAMERA, str(path))
    if is_dir(path):
        return SourceSpec(SourceKind.PICTURES, str(path))
    if is_file(path):
        return SourceSpec(_file_kind(path), str(path))
    if exists(path):
        raise SourceError(f"source {path}: neither a file, a folder nor a camera")
    raise SourceError(
        f"source {path}: no such file, folder or camera; also possible: {OTHER_NAMES}"
    )


def _file_kind(path: Path) -> SourceKind:
    """Return the kind of a file by its content or, if that is not recognised, by its suffix."""
    picture = path.suffix.lower() in PICTURE_SUFFIXES
    unknown = SourceKind.PICTURES if picture else SourceKind.VIDEO
    if is_raw_mjpeg(path) or _begins_as_video(path):
        return unknown
    from pose_edge.sources.picture_file import ANIMATED_FORMATS, identify

    known = identify(path)
    if known is None:
        return unknown
    kind, count = known
    animated = count > 1 and kind in ANIMATED_FORMATS
    return SourceKind.ANIMATION if animated else SourceKind.PICTURES


def _begins_as_video(path: Path) -> bool:
    """Return whether a file begins like a video; then no picture library needs to be loaded."""
    try:
        with path.open("rb") as file:
            return VIDEO_START.match(file.read(12)) is not None
    except OSError:  # opening the file later reports the reason
        return False


def is_raw_mjpeg(path: Path) -> bool:
    """Return whether a file is a raw sequence of JPEGs, which only its suffix shows."""
    return path.suffix.lower() in FILM_SUFFIXES
