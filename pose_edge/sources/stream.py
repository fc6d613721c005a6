"""Network streams: RTSP, HTTP (also MJPEG), through FFmpeg in OpenCV."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Final

import cv2

from pose_edge.errors import SourceError
from pose_edge.settings import CameraSettings
from pose_edge.sources.live import LiveCapture
from pose_edge.sources.spec import redact

OPTIONS_VARIABLE: Final = "OPENCV_FFMPEG_CAPTURE_OPTIONS"
LOW_LATENCY: Final = "rtsp_transport;tcp|fflags;nobuffer|flags;low_delay"


@contextmanager
def _low_latency() -> Iterator[None]:
    """Set what OpenCV reads at every opening, for one: a file would lose its first frames by it."""
    if OPTIONS_VARIABLE in os.environ:  # the user has set other options
        yield
        return
    os.environ[OPTIONS_VARIABLE] = LOW_LATENCY
    try:
        yield
    finally:
        del os.environ[OPTIONS_VARIABLE]


class Stream(LiveCapture):
    """One network stream. It is read without a pause, so that no backlog builds up."""

    def __init__(self, url: str, settings: CameraSettings) -> None:
        """Name the address."""
        super().__init__(settings)
        self._url = url

    def describe(self) -> str:
        """Say which address, without user and password."""
        return redact(self._url)

    def _make_capture(self) -> cv2.VideoCapture:
        limit_ms = round(self._settings.timeout * 1000)
        limits = [
            cv2.CAP_PROP_OPEN_TIMEOUT_MSEC,
            limit_ms,
            cv2.CAP_PROP_READ_TIMEOUT_MSEC,
            limit_ms,
        ]
        with _low_latency():
            capture = cv2.VideoCapture(self._url, cv2.CAP_FFMPEG, limits)
        if not capture.isOpened():
            capture.release()
            raise SourceError(
                f"stream {self.describe()} cannot be opened within {self._settings.timeout:g} s; "
                "is the address right, and the camera on the network?"
            )
        return capture
