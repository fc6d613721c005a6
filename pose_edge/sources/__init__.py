"""Sources: where the frames come from. One file per kind."""

from __future__ import annotations

import logging
from typing import TYPE_CHECKING, Protocol

from pose_edge.frames import Frame, Image
from pose_edge.sources.spec import Kind, parse_source
from pose_edge.util import resources

if TYPE_CHECKING:
    from pose_edge.config.schema import CameraSettings, SourceSettings

log = logging.getLogger(__name__)


class Source(Protocol):
    """A camera, a stream, a video, pictures.

    `open`, `read` and `close` are called by one thread only: the capture thread of the pipeline
    that has the source. A call may hang as long as its driver does: then the supervisor gives the
    thread up and has another one open the source again, while the hung thread keeps its own.

    Attributes:
        live: Frames come at the source's own pace and are lost when nobody takes them.
        still: The frames are pictures that have nothing to do with each other.
        frame_rate: Frames per second where known.
        frame_count: Number of frames where known.
        retry_s: The longest that one waits, in seconds, before one tries again to open it.
    """

    @property
    def live(self) -> bool:
        """Whether frames come at the source's own pace."""

    @property
    def still(self) -> bool:
        """Whether the frames are unrelated pictures."""

    @property
    def frame_rate(self) -> float | None:
        """Frames per second where known."""

    @property
    def frame_count(self) -> int | None:
        """Number of frames where known."""

    @property
    def retry_s(self) -> float:
        """Seconds between attempts to open it, at most."""

    def open(self) -> None:
        """Open it, again after `close` too.

        Raises:
            SourceError: It cannot be had.
        """

    def read(self, timeout: float, reuse: Image | None = None) -> Frame | None:
        """Get the next frame.

        Args:
            timeout: Seconds to wait, for sources that can tell.
            reuse: Memory that the frame may be put into if it fits, to save an allocation.

        Returns:
            The frame, or None when none came in time.

        Raises:
            EndOfStream: There are no more frames.
            SourceLost: The device is gone.
        """

    def close(self) -> None:
        """Close it; doing it twice does no harm."""

    def describe(self) -> str:
        """Say what it is, without passwords."""


def open_source(source: SourceSettings, camera: CameraSettings) -> Source:
    """Choose the source that the settings name, and open it.

    Raises:
        SourceError: It cannot be had.
    """
    chosen = choose_source(source, camera)
    chosen.open()
    return chosen


def choose_source(source: SourceSettings, camera: CameraSettings) -> Source:
    """Choose the source that the settings name, without opening it.

    Raises:
        SourceError: There is nothing of that name.
    """
    spec = parse_source(source.name)
    match spec.kind:
        case Kind.AUTO:
            return _choose_any(camera)
        case Kind.PICAMERA:
            from pose_edge.sources.picamera import PiCamera

            return PiCamera(int(spec.location), camera)
        case Kind.CAMERA:
            from pose_edge.sources.v4l2 import Camera

            return Camera(spec.location, camera)
        case Kind.STREAM:
            from pose_edge.sources.stream import Stream

            return Stream(spec.location, camera)
        case Kind.VIDEO:
            from pose_edge.sources.video import Video

            return Video(spec.location, loop=source.loop)
        case Kind.PICTURES:
            from pose_edge.sources.pictures import Pictures

            return Pictures(spec.location)


def _choose_any(camera: CameraSettings) -> Source:
    """Choose any camera, or what stands in for one where there is none."""
    from pose_edge.sources.any_camera import AnyCamera, find_candidates, why_none

    if camera.wait or find_candidates(camera):
        return AnyCamera(camera)
    from pose_edge.sources.video import Video

    log.info("%s: playing the demo clip (--source to choose)", why_none())
    return Video(str(resources.demo_clip()), loop=True)
