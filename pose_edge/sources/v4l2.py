"""USB and other V4L2 cameras: the newest frame, at the time at which the driver says it was taken.

Why not OpenCV, which reads such cameras too: it waits for frames in whole seconds, hides how many
buffers there are, hands out the frame that waited longest, and passes garbled pictures on. And not
linuxpy: its licence is the GPL.
"""

from __future__ import annotations

import errno
import logging
import time
from collections.abc import Callable
from pathlib import Path
from typing import Final

from pose_edge.config.schema import CameraSettings
from pose_edge.errors import SourceError, SourceLost
from pose_edge.frames import Frame, Image
from pose_edge.sources.cameras import (
    MAY_NOT,
    CameraNode,
    choose_camera,
    find_cameras,
    is_called,
    list_cameras,
    query_camera,
    why_closed,
)
from pose_edge.sources.live import FrameMaker, LiveSource
from pose_edge.sources.modes import Mode, blind_guess, choose_mode, list_modes
from pose_edge.sources.pixels import DECODABLE, DamagedPicture, decode
from pose_edge.sources.v4l2_device import Device, Filled, Format
from pose_edge.util.device_access import can_open

log = logging.getLogger(__name__)

BUFFERS: Final = 4
"""One that is being read, and enough for the driver to fill meanwhile. They do not make frames
wait: the newest is read, the others are given back."""
MAX_TRANSIT_NS: Final = 2_000_000_000
"""A driver's time stamp older than this (or in the future) is on another clock."""

REASONS: Final = {
    errno.EACCES: MAY_NOT,
    errno.EPERM: "may not be opened by this user",
    errno.EBUSY: "is in use by another program",
    errno.ENODEV: "has just gone away",
    errno.ENOSPC: "finds no room on its USB port; a smaller camera.width and height, or another "
    "port, may help",
}
"""What is wrong when a camera cannot be opened, by the kernel's error number."""


class Camera(LiveSource):
    """One V4L2 camera, recognised when it comes back under another number."""

    def __init__(
        self,
        wanted: str,
        settings: CameraSettings,
        *,
        find: Callable[[], list[CameraNode]] = find_cameras,
    ) -> None:
        """Name the camera.

        Args:
            wanted: Its node (/dev/video0), a link to it (/dev/v4l/by-id/...), or a part of its
                name.
            settings: What is asked of it.
            find: Lists the cameras that are there.
        """
        self._wanted = wanted
        self._path = Path(wanted) if wanted.startswith("/") else None
        self._settings = settings
        self._find = find
        self._frames = FrameMaker(settings.rotation)
        self._known: CameraNode | None = None
        self._device: Device | None = None
        self._format = Format("", 0, 0)
        self._buffers = 0
        self._stale = False
        self._shown = ""
        self._frame_due: float | None = None
        self.frame_rate: float | None = None
        self.damaged = 0

    def open(self) -> None:
        """Open it; see `Source.open`."""
        self.close()
        node = self._find_node()
        try:
            self._device = Device(node.path)
            mode = self._start(self._device, node)
        except OSError as error:
            self.close()
            reason = REASONS.get(error.errno or 0) or f"cannot be opened: {error.strerror}"
            raise SourceError(f"camera {_title(node)} {reason}") from error
        except BaseException:
            self.close()
            raise
        # A link is an identity by itself (a port, a serial number); a number is none.
        by_link = self._path is not None and self._path.is_symlink()
        self._known = None if by_link else node
        self.frame_rate = mode.rate
        self._frame_due = None
        self._say(node, mode)

    def read(self, timeout: float, reuse: Image | None = None) -> Frame | None:
        """Get the newest frame; see `Source.read`."""
        device = self._device
        if device is None:
            raise SourceLost(f"{self.describe()} is not open")
        if self._frame_due is None:
            self._expect_frame()
        try:
            frame = self._read(device, timeout, reuse)
        except OSError as error:
            gone = error.errno in (errno.ENODEV, errno.EIO, errno.ENXIO)
            how = "was unplugged" if gone else f"failed: {error.strerror}"
            raise SourceLost(f"camera {self.describe()} {how}") from error
        if frame is None:
            self._check_silence()
        else:
            self._expect_frame()
        return frame

    def close(self) -> None:
        """Close it."""
        if self._device is not None:
            self._device.close()
            self._device = None

    def describe(self) -> str:
        """Say which camera, and what it gives once it is open."""
        return self._shown or self._wanted

    def _find_node(self) -> CameraNode:
        """Find the camera that is meant, where it is now."""
        found = choose_camera(self._find(), self._is_wanted, self._known)
        if found is None and self._path is not None:  # a node of another kind, named by its path
            found = query_camera(self._path) if self._path.exists() else None
        if found is not None:
            return found
        raise SourceError(self._why_not())

    def _is_wanted(self, camera: CameraNode) -> bool:
        if self._path is not None:
            return camera.path == self._path.resolve()
        return is_called(camera, self._wanted)

    def _why_not(self) -> str:
        path = self._path
        if path is None:
            return f"no camera is called {self._wanted}; found: {list_cameras(self._find())}"
        if not path.exists():
            return f"camera {path} is not there; found: {list_cameras(self._find())}"
        if not can_open(path):
            return f"camera {path} {why_closed(path)}"
        return f"{path} is not a camera, or gives metadata only"

    def _start(self, device: Device, node: CameraNode) -> Mode:
        wish = (self._settings.width, self._settings.height, self._settings.fps)
        modes = list_modes(device, *wish)
        log.debug("%s offers: %s", node.path, "; ".join(map(str, modes)))
        mode = choose_mode(modes, *wish) or blind_guess(*wish)
        self._format = device.set_format(mode.code, mode.width, mode.height)
        if self._format.code not in DECODABLE:
            raise SourceError(
                f"camera {_title(node)} gives {', '.join(device.codes())} only; "
                f"known are: {', '.join(DECODABLE)}"
            )
        rate = device.set_rate(mode.rate or self._settings.fps)
        self._buffers, self._stale = device.start(BUFFERS), False
        return Mode(self._format.code, self._format.width, self._format.height, rate)

    def _say(self, node: CameraNode, mode: Mode) -> None:
        """Note and log what was got, and what was asked for where that is something else."""
        wanted = self._settings
        self._shown = f"{_title(node)}, {mode}"
        asked = ""
        if (mode.width, mode.height) != (wanted.width, wanted.height) or (
            mode.rate is not None and abs(mode.rate - wanted.fps) > 1
        ):
            asked = f" (asked for {wanted.width}x{wanted.height} at {wanted.fps:g} fps)"
        log.info("camera %s%s", self._shown, asked)

    def _read(self, device: Device, timeout: float, reuse: Image | None) -> Frame | None:
        filled = self._newest(device) if device.wait(timeout) else None
        if filled is None:
            return None
        frame = self._decode(device, filled, reuse)
        device.give_back(filled)
        return frame

    def _newest(self, device: Device) -> Filled | None:
        """Take the newest frame, and give those back that waited before it.

        When the driver had no buffer left to fill it had to stop, and the newest may be as old as
        one likes (the process was halted, or decoding is very slow): rather the next one then.
        """
        newest, taken = None, 0
        while (filled := device.take()) is not None:
            taken += 1
            if filled.faulty or filled.used == 0:
                self._damaged("the driver says so")
                device.give_back(filled)
                continue
            if newest is not None:
                device.give_back(newest)
                self._frames.skip()
            newest = filled
        # All but the one that was being read meanwhile. Not twice: a fresh one may never come.
        self._stale = taken >= max(2, self._buffers - 1) and not self._stale
        if newest is not None and self._stale:
            device.give_back(newest)
            self._frames.skip()
            return None
        return newest

    def _decode(self, device: Device, filled: Filled, reuse: Image | None) -> Frame | None:
        try:
            with device.content(filled) as data:
                image = decode(data, self._format, self._frames.memory(reuse))
        except DamagedPicture as error:
            self._damaged(str(error))
            return None
        now_ns = time.monotonic_ns()
        stamp_ns = filled.stamp_ns
        known = stamp_ns is not None and 0 <= now_ns - stamp_ns < MAX_TRANSIT_NS
        return self._frames.make(image, "BGR", stamp_ns if known and stamp_ns else now_ns, reuse)

    def _damaged(self, reason: str) -> None:
        """Count a damaged picture. Cameras begin with some; only many of them are worth a word."""
        self.damaged += 1
        self._frames.skip()
        many = self.damaged >= 10 and str(self.damaged).strip("0") == "1"  # 10, 100, 1000 ...
        level = logging.WARNING if many else logging.DEBUG
        log.log(level, "%d damaged pictures passed over, the last: %s", self.damaged, reason)

    def _expect_frame(self) -> None:
        self._frame_due = time.monotonic() + self._settings.timeout

    def _check_silence(self) -> None:
        """Give the camera up when no frame has come for too long, since somebody reads."""
        if self._frame_due is None or time.monotonic() < self._frame_due:
            return
        damaged = f" ({self.damaged} damaged ones)" if self.damaged else ""
        raise SourceLost(
            f"camera {self.describe()} gave no frame for {self._settings.timeout:g} s{damaged}"
        )


def _title(node: CameraNode) -> str:
    return f"{node.name} ({node.path})"
