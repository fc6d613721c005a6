"""Whatever camera there is: a CSI camera before a USB camera, the lowest number first."""

from __future__ import annotations

import logging
from collections.abc import Callable
from dataclasses import dataclass, replace

from pose_edge.config.schema import CameraSettings
from pose_edge.errors import SourceError, SourceLost
from pose_edge.frames import Frame, Image
from pose_edge.sources import Source
from pose_edge.sources.live import LiveSource

log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Candidate:
    """A camera that could be used.

    Attributes:
        name: What it is called, and how it is connected; no two candidates share it.
        make: Makes its source.
    """

    name: str
    make: Callable[[], Source]


def find_candidates(settings: CameraSettings) -> list[Candidate]:
    """List the cameras that are there, the one to prefer first."""
    from pose_edge.sources.cameras import find_cameras
    from pose_edge.sources.picamera import PiCamera, find_picameras
    from pose_edge.sources.v4l2 import Camera

    def csi(number: int) -> Callable[[], Source]:
        return lambda: PiCamera(number, settings)

    def usb(path: str) -> Callable[[], Source]:
        return lambda: Camera(path, settings)

    try:
        modules = find_picameras()
    except SourceError:  # there is none; `why_none` says why
        modules = []
    return [
        *(Candidate(f"CSI camera {one.number} ({one.model})", csi(one.number)) for one in modules),
        *(Candidate(f"{one.path} ({one.name})", usb(str(one.path))) for one in find_cameras()),
    ]


def why_none() -> str:
    """Say where cameras were looked for, and why none was found there."""
    from pose_edge.sources.cameras import why_no_camera
    from pose_edge.sources.picamera import survey_picameras

    csi = survey_picameras().reason or "none"
    return f"no camera found (CSI: {csi}; USB: {why_no_camera()})"


class AnyCamera(LiveSource):
    """The best camera that is there when it is opened, chosen anew at every opening.

    One that could be opened and then gave no frame (a loose cable) is tried last the next time.
    """

    def __init__(
        self,
        settings: CameraSettings,
        *,
        find: Callable[[CameraSettings], list[Candidate]] = find_candidates,
    ) -> None:
        """Choose nothing yet.

        Args:
            settings: What is asked of the camera.
            find: Lists the cameras that are there.
        """
        self._settings = settings
        self._find = find
        self._made: dict[str, Source] = {}
        self._name = ""
        self._camera: Source | None = None
        self._mute: str | None = None
        self._first_index: int | None = None
        self._next_index = 0

    @property
    def frame_rate(self) -> float | None:
        """Frames per second where known."""
        return self._camera.frame_rate if self._camera else None

    def open(self) -> None:
        """Open the first camera that can be opened; see `Source.open`."""
        self.close()
        candidates = sorted(self._find(self._settings), key=lambda one: one.name == self._mute)
        if not candidates:
            raise SourceError(why_none())
        faults = []
        for candidate in candidates:
            if candidate.name not in self._made:
                self._made[candidate.name] = candidate.make()
            camera = self._made[candidate.name]
            try:
                camera.open()
            except SourceError as error:
                faults.append(str(error))
                continue
            self._choose(candidate, camera, candidates)
            return
        raise SourceError("; ".join(faults))

    def read(self, timeout: float, reuse: Image | None = None) -> Frame | None:
        """Get the next frame; see `Source.read`."""
        if self._camera is None:
            raise SourceLost("no camera is open")
        try:
            frame = self._camera.read(timeout, reuse)
        except SourceLost:
            self._mute = self._name if self._first_index is None else None
            raise
        if frame is None:
            return None
        if self._first_index is None:  # of this opening; numbers go on from camera to camera
            self._first_index = frame.index - self._next_index
        self._next_index = frame.index - self._first_index + 1
        return replace(frame, index=self._next_index - 1)

    def close(self) -> None:
        """Close the camera."""
        if self._camera is not None:
            self._camera.close()

    def describe(self) -> str:
        """Say which camera was chosen."""
        return self._camera.describe() if self._camera else "any camera"

    def _choose(self, chosen: Candidate, camera: Source, candidates: list[Candidate]) -> None:
        if chosen.name != self._name:
            others = [one.name for one in candidates if one is not chosen]
            why = f"; CSI before USB, then by number; not: {', '.join(others)}" if others else ""
            log.info("source auto: %s%s", chosen.name, why or "; the only camera")
        self._name, self._camera, self._first_index = chosen.name, camera, None
