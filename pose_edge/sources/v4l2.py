"""USB and other V4L2 cameras: always the newest frame, with the driver's time stamp.

OpenCV also reads such cameras, but it waits for frames in steps of whole seconds, does not expose
the number of buffers, and returns the oldest waiting frame, even if it is corrupt.
"""

from __future__ import annotations

import errno
import logging
import time
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Final

from pose_edge.config.schema import CameraSettings
from pose_edge.errors import SourceError, SourceLost
from pose_edge.frames import Frame, Image
from pose_edge.sources.cameras import (
    CameraNode,
    choose_camera,
    explain_unopenable,
    find_cameras,
    query_camera,
)
from pose_edge.sources.demand import FrameDemand
from pose_edge.sources.frame_maker import FrameMaker
from pose_edge.sources.modes import choose_mode, list_modes
from pose_edge.sources.pixels import (
    DECODERS,
    JPEG_CODES,
    DamagedPicture,
    decode,
    picture_size,
    reduced,
)
from pose_edge.sources.source import Source
from pose_edge.sources.v4l2_device import Device, FilledBuffer, Mode
from pose_edge.util.device_access import can_open
from pose_edge.util.paths import exists
from pose_edge.util.text import counted

log = logging.getLogger(__name__)

BUFFERS: Final = 4
"""Number of buffers: one to read, and enough for the driver to fill at the same time. They add no
delay, because only the newest one is read and the rest are given back."""
MAX_TRANSIT_NS: Final = 2_000_000_000
"""Largest age of a driver's time stamp, nanoseconds. An older or future one comes from another
clock."""

REASONS: Final[dict[int | None, tuple[str, str | None]]] = {
    errno.EBUSY: ("is in use by another program", None),
    errno.ENODEV: ("has just gone away", None),
    errno.ENOSPC: (
        "finds no room on its USB port",
        "a smaller camera.width and height, or another port, may help",
    ),
}
"""Reason why a camera cannot be opened, and a remedy or None, by the kernel's error number."""


class V4L2Camera(Source):
    """A V4L2 camera, recognised when it is reconnected under another device number."""

    def __init__(
        self,
        location: str,
        settings: CameraSettings,
        *,
        find: Callable[[], list[CameraNode]] = find_cameras,
    ) -> None:
        """Create the source.

        Args:
            location: Path of the camera's node (/dev/video0) or of a link to it
                (/dev/v4l/by-id/...), or a part of the camera's name.
            settings: Wanted size and rate, rotation, time limit.
            find: Lists the connected cameras.
        """
        self._location = location
        self._path = Path(location) if location.startswith("/") else None
        self._settings = settings
        self._find = find
        self.demand: FrameDemand = FrameDemand()
        self._frames = FrameMaker(settings.rotation)
        self._known: CameraNode | None = None
        self._device: Device | None = None
        self._mode = Mode("", 0, 0)
        self._buffers = 0
        self._stale = False
        self._held: FilledBuffer | None = None
        self._title = ""
        self._last_frame: float | None = None

    def open(self) -> None:
        """Open the camera and start its stream; see `Source.open`."""
        self.close()
        node = self._find_node()
        try:
            self._device = Device(node.path)
            self._mode = self._start(self._device, node)
        except OSError as error:
            self.close()
            if error.errno == errno.EACCES:
                raise explain_unopenable(node.path) from error
            other = f"cannot be opened: {error.strerror}", None
            reason, remedy = REASONS.get(error.errno, other)
            raise SourceError(f"camera {_title(node)} {reason}", remedy=remedy) from error
        except BaseException:
            self.close()
            raise
        # A link already identifies a port or serial number; a node's number identifies nothing.
        by_link = self._path is not None and self._path.is_symlink()
        self._known = None if by_link else node
        self.frame_rate = self._mode.rate
        self._last_frame = None
        self._title = f"{_title(node)}, {self._mode}"
        self._log_mode()

    def read(self, timeout: float, reuse: Image | None = None) -> Frame | None:
        """Return the newest frame; see `Source.read`."""
        device = self._device
        if device is None:
            raise SourceLost(f"{self.describe()} is not open")
        if self._last_frame is None:  # the time until the first read does not count as silence
            self._last_frame = time.monotonic()
        try:
            frame = self._read(device, timeout, reuse)
        except OSError as error:
            gone = error.errno in (errno.ENODEV, errno.EIO, errno.ENXIO)
            how = "was unplugged" if gone else f"failed: {error.strerror}"
            raise SourceLost(f"camera {self.describe()} {how}") from error
        now, limit_s = time.monotonic(), self._settings.timeout
        if frame is not None or self._held is not None:
            self._last_frame = now
        elif now - self._last_frame >= limit_s:
            damaged = f" ({counted(self.damaged, 'damaged one')})" if self.damaged else ""
            raise SourceLost(f"camera {self.describe()} gave no frame for {limit_s:g} s{damaged}")
        return frame

    def close(self) -> None:
        """Stop the stream and close the camera; see `Source.close`."""
        if self._device is not None:
            self._device.close()
            self._device = self._held = None

    @property
    def damaged(self) -> int:
        """Number of damaged pictures so far."""
        return self._frames.damaged

    def describe(self) -> str:
        """Return the camera's name, and its mode once it was opened."""
        return self._title or self._location

    def _find_node(self) -> CameraNode:
        """Return the current node of the wanted camera, or raise SourceError."""
        path, cameras = self._path, self._find()
        found = choose_camera(cameras, self._location, self._known)
        if found is None and path is not None:  # `find` does not list every node
            found = query_camera(path)
        if found is not None:
            return found
        others = ", ".join(f"{one.path} ({one.name})" for one in cameras) or "none"
        if path is None:
            raise SourceError(f"no camera is called {self._location}; found: {others}")
        if not exists(path):
            raise SourceError(f"camera {path} is not there; found: {others}")
        if not can_open(path):
            raise explain_unopenable(path)
        raise SourceError(f"{path} is not a camera, or gives metadata only")

    def _start(self, device: Device, node: CameraNode) -> Mode:
        wish = (self._settings.width, self._settings.height, self._settings.fps)
        modes = list_modes(device, *wish)
        log.debug("%s offers: %s", node.path, "; ".join(map(str, modes)))
        mode = choose_mode(modes, *wish)
        chosen = device.set_format(mode.code, mode.width, mode.height)
        if chosen.code not in DECODERS:
            raise SourceError(
                f"camera {_title(node)} gives {', '.join(device.codes())} only; "
                f"known are: {', '.join(DECODERS)}"
            )
        rate = device.set_rate(mode.rate or self._settings.fps)
        self._buffers, self._stale = device.start(BUFFERS), False
        return replace(chosen, rate=rate)

    def _log_mode(self) -> None:
        """Log the mode, and the wanted one if it differs."""
        wanted, mode = self._settings, self._mode
        asked = ""
        if (mode.width, mode.height) != (wanted.width, wanted.height) or (
            mode.rate is not None and abs(mode.rate - wanted.fps) > 1
        ):
            asked = f" (asked for {wanted.width}x{wanted.height} at {wanted.fps:g} fps)"
        log.info("camera %s%s", self._title, asked)

    def _read(self, device: Device, timeout: float, reuse: Image | None) -> Frame | None:
        """Decode the newest picture once it is due; until then, leave it in its buffer."""
        if self._held is not None:
            timeout = min(timeout, self.demand.due_in())
        if device.wait(timeout):
            self._held = self._newest(device, self._held)
        filled = self._held
        if filled is None or self.demand.due_in() > 0:
            return None
        self._held = None
        frame = self.demand.decode(lambda: self._decode(device, filled, reuse))
        device.give_back(filled)
        return frame

    def _newest(self, device: Device, newest: FilledBuffer | None) -> FilledBuffer | None:
        """Return the newest filled buffer, and give back all older ones.

        A driver without an empty buffer stops filling them, for example while the process is halted
        or decoding is slow. Then even the newest picture may be very old; None is returned so that
        the next one is read.

        Args:
            device: The camera.
            newest: The buffer that was the newest so far, if any; given back for a newer one.
        """
        taken = 0
        while (filled := device.take()) is not None:
            taken += 1
            if filled.faulty or filled.used == 0:
                self._frames.skip_damaged("reported by the driver")
                device.give_back(filled)
                continue
            if newest is not None:
                device.give_back(newest)
                self._leave_out()
            newest = filled
        # Stale if every buffer was full but the one being read or held. Not twice in a row, as a
        # fresh frame might never come.
        self._stale = taken >= max(2, self._buffers - 1) and not self._stale
        if newest is not None and self._stale:
            device.give_back(newest)
            self._leave_out()
            return None
        return newest

    def _leave_out(self) -> None:
        self.demand.left_out += 1
        self._frames.skip()

    def _decode(self, device: Device, filled: FilledBuffer, reuse: Image | None) -> Frame | None:
        try:
            with device.content(filled) as data:
                size = picture_size(data, self._mode)
                scale = self.demand.scale if self._mode.code in JPEG_CODES else 1
                memory = self._frames.memory(reuse, *reduced(size, scale))
                image = decode(data, self._mode, memory, scale)
        except DamagedPicture as error:
            self._frames.skip_damaged(str(error))
            return None
        now_ns = time.monotonic_ns()
        stamp_ns = filled.stamp_ns
        if stamp_ns is None or not 0 <= now_ns - stamp_ns < MAX_TRANSIT_NS:
            stamp_ns = now_ns
        return self._frames.make(image, "BGR", stamp_ns, reuse, size if scale > 1 else None)


def _title(node: CameraNode) -> str:
    return f"{node.name} ({node.path})"
