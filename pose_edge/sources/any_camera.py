"""Automatic choice of a camera: CSI before USB, then the lowest number."""

from __future__ import annotations

import logging
from collections.abc import Callable
from dataclasses import replace
from functools import partial

from pose_edge.config.schema import CameraSettings
from pose_edge.errors import SourceError, SourceLost
from pose_edge.frames import Frame, Image
from pose_edge.sources.cameras import find_cameras, why_no_camera
from pose_edge.sources.csi import find_picameras
from pose_edge.sources.demand import FrameDemand
from pose_edge.sources.picamera import PiCamera
from pose_edge.sources.source import Source
from pose_edge.sources.v4l2 import V4L2Camera

log = logging.getLogger(__name__)

Candidates = dict[str, Callable[[], Source]]
"""Functions that create the source of each camera, by the camera's label; the best first."""


def find_candidates(settings: CameraSettings) -> Candidates:
    """List the connected cameras, the best first.

    Raises:
        SourceError: No camera is connected; the message says why none was found.
    """
    found: Candidates = {}
    why_no_module = ""
    try:
        for number, model in find_picameras().items():
            found[f"CSI camera {number} ({model})"] = partial(PiCamera, number, settings)
    except SourceError as error:
        why_no_module = str(error)
    for node in find_cameras():
        found[f"{node.path} ({node.name})"] = partial(V4L2Camera, str(node.path), settings)
    if not found:
        raise SourceError(f"no camera found (CSI: {why_no_module}; USB: {why_no_camera()})")
    return found


class AnyCamera(Source):
    """The best connected camera, chosen again at every opening.

    A camera that was opened but gave no frame (e.g. with a loose cable) is tried last next time.
    """

    def __init__(
        self,
        settings: CameraSettings,
        *,
        find: Callable[[CameraSettings], Candidates] = find_candidates,
    ) -> None:
        """Create the source.

        Args:
            settings: Settings for whichever camera is chosen.
            find: Lists the connected cameras, the best first.
        """
        self._settings = settings
        self.demand: FrameDemand = FrameDemand()
        self._find = find
        self._made: dict[str, Source] = {}
        self._name = ""
        self._camera: Source | None = None
        self._silent: str | None = None
        self._first_index: int | None = None
        self._next_index = 0

    def open(self) -> None:
        """Open the first camera that can be opened; see `Source.open`."""
        self.close()
        candidates = self._find(self._settings)
        faults = []
        for name in sorted(candidates, key=lambda name: name == self._silent):
            if name not in self._made:
                self._made[name] = candidates[name]()
            camera = self._made[name]
            camera.demand = self.demand
            try:
                camera.open()
            except SourceError as error:
                faults.append(str(error))
                continue
            if name != self._name:
                _log_choice(name, candidates)
            self._name, self._camera, self._first_index = name, camera, None
            self.frame_rate = camera.frame_rate
            return
        raise SourceError("; ".join(faults))

    def read(self, timeout: float, reuse: Image | None = None) -> Frame | None:
        """Return the next frame; see `Source.read`."""
        if self._camera is None:
            raise SourceLost("no camera is open")
        try:
            frame = self._camera.read(timeout, reuse)
        except SourceLost:
            self._silent = self._name if self._first_index is None else None
            raise
        if frame is None:
            return None
        if self._first_index is None:  # frame numbers continue from the previous opening
            self._first_index = frame.index - self._next_index
        self._next_index = frame.index - self._first_index + 1
        return replace(frame, index=self._next_index - 1)

    def close(self) -> None:
        """Close the camera; see `Source.close`."""
        if self._camera is not None:
            self._camera.close()

    def describe(self) -> str:
        """Return the description of the chosen camera."""
        return self._camera.describe() if self._camera else "any camera"


def _log_choice(chosen: str, candidates: Candidates) -> None:
    others = [name for name in candidates if name != chosen]
    why = f"CSI before USB, then by number; not: {', '.join(others)}" if others else ""
    log.info("source auto: %s; %s", chosen, why or "the only camera")
