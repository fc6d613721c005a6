"""USB and other V4L2 cameras, through OpenCV."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Final

import cv2

from pose_edge.errors import SourceError
from pose_edge.settings import CameraSettings
from pose_edge.sources.cameras import find_cameras, query_camera
from pose_edge.sources.live import LiveCapture

MJPG: Final = cv2.VideoWriter.fourcc(*"MJPG")
YUYV: Final = cv2.VideoWriter.fourcc(*"YUYV")

RAW_LIMIT: Final = 640 * 480
"""Pixels up to which USB 2 carries 30 raw frames a second; above, the camera must compress."""

MAX_TRANSIT_NS: Final = 2_000_000_000
"""A driver's time stamp older than this (or in the future) is on another clock."""


class Camera(LiveCapture):
    """One V4L2 camera."""

    def __init__(self, path: str, settings: CameraSettings) -> None:
        """Name the device, e.g. /dev/video0."""
        super().__init__(settings)
        self._path = Path(path)

    def describe(self) -> str:
        """Say which device."""
        return str(self._path)

    def _make_capture(self) -> cv2.VideoCapture:
        self._check_node()
        wanted = self._settings
        # OpenCV waits 10 s for a frame by default; it reads this when a camera is opened.
        os.environ["OPENCV_VIDEOIO_V4L_SELECT_TIMEOUT"] = str(max(1, round(wanted.timeout)))
        capture = cv2.VideoCapture(str(self._path), cv2.CAP_V4L2)
        if not capture.isOpened():
            capture.release()
            raise SourceError(f"camera {self._path} cannot be opened; is another program using it?")
        raw = wanted.width * wanted.height <= RAW_LIMIT
        capture.set(cv2.CAP_PROP_FOURCC, YUYV if raw else MJPG)
        capture.set(cv2.CAP_PROP_FRAME_WIDTH, wanted.width)
        capture.set(cv2.CAP_PROP_FRAME_HEIGHT, wanted.height)
        capture.set(cv2.CAP_PROP_FPS, wanted.fps)
        capture.set(cv2.CAP_PROP_BUFFERSIZE, 1)  # a queue in the driver is latency
        return capture

    def _exposure_ns(self, now_ns: int) -> int:
        """Use the driver's time stamp where it is on the monotonic clock."""
        assert self._capture is not None
        stamp_ns = int(self._capture.get(cv2.CAP_PROP_POS_MSEC) * 1e6)
        return stamp_ns if 0 <= now_ns - stamp_ns < MAX_TRANSIT_NS else now_ns

    def _check_node(self) -> None:
        if not self._path.exists():
            there = ", ".join(f"{node.path} ({node.name})" for node in find_cameras())
            raise SourceError(f"camera {self._path} is not there; found: {there or 'none'}")
        if not os.access(self._path, os.R_OK | os.W_OK):
            raise SourceError(
                f"camera {self._path} may not be opened by this user; "
                "`sudo usermod -aG video $USER`, then log in again"
            )
        if query_camera(self._path) is None:
            raise SourceError(f"{self._path} is not a camera, or in use, or gives metadata only")
