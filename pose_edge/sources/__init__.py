"""Sources of frames: cameras, network streams, videos, pictures.

May import: `errors`, `util`, `frames`, `config`.

To add a source, write one file with a class that implements `Source`, and add one `case` to
`choose_source`. A new kind of source name (a URL scheme or a prefix) is parsed in `spec.py`.
"""

from __future__ import annotations

import logging
from typing import TYPE_CHECKING

from pose_edge.errors import SourceError
from pose_edge.sources.source import Source
from pose_edge.sources.spec import SourceKind, SourceSpec, parse_source
from pose_edge.util import resources

if TYPE_CHECKING:
    from pose_edge.config.schema import CameraSettings, SourceSettings

__all__ = ["Source", "choose_source"]

log = logging.getLogger(__name__)


def choose_source(source: SourceSettings, camera: CameraSettings) -> Source:
    """Create the source that the settings name, without opening it.

    A source's module is imported only when it is chosen, as some libraries take long to load.

    Raises:
        SourceError: No source has this name.
    """
    spec = parse_source(source.name)
    match spec.kind:
        case SourceKind.AUTO:
            return _choose_auto(camera)
        case SourceKind.PICAMERA:
            from pose_edge.sources.picamera import PiCamera

            return PiCamera(int(spec.location), camera)
        case SourceKind.CAMERA:
            from pose_edge.sources.v4l2 import V4L2Camera

            return V4L2Camera(spec.location, camera)
        case SourceKind.STREAM:
            return _choose_stream(spec.location, camera)
        case _:
            return _choose_file(spec, loop=source.loop)


def _choose_file(spec: SourceSpec, *, loop: bool) -> Source:
    """Create the source for a file or a folder."""
    match spec.kind:
        case SourceKind.PICTURES:
            from pose_edge.sources.pictures import Pictures

            return Pictures(spec.location)
        case SourceKind.ANIMATION:
            from pose_edge.sources.animation import Animation

            return Animation(spec.location, loop=loop)
        case _:
            from pose_edge.sources.video import Video

            return Video(spec.location, loop=loop)


def _choose_stream(url: str, camera: CameraSettings) -> Source:
    if url.startswith(("http://", "https://")):
        from pose_edge.sources.http_camera import HttpCamera

        return HttpCamera(url, camera)
    from pose_edge.sources.stream import Stream

    return Stream(url, camera)


def _choose_auto(camera: CameraSettings) -> Source:
    """Return any camera, or the demo clip if none is connected and `camera.wait` is off."""
    from pose_edge.sources.any_camera import AnyCamera, find_candidates

    if not camera.wait:
        try:
            find_candidates(camera)
        except SourceError as error:
            from pose_edge.sources.video import Video

            log.info("%s: playing the demo clip (--source to choose)", error)
            return Video(str(resources.demo_clip()), loop=True)
    return AnyCamera(camera)
