"""Camera modules on a Raspberry Pi's ribbon connector (CSI), through picamera2."""

from __future__ import annotations

import atexit
import logging
import time
from concurrent.futures import CancelledError
from typing import Any, Final

import cv2
import numpy as np

from pose_edge.config.schema import CameraSettings
from pose_edge.errors import SourceError, SourceLost
from pose_edge.frames import ColourOrder, Frame, Image
from pose_edge.sources.background_call import BackgroundCall
from pose_edge.sources.csi import (
    Library,
    PiCameraInfo,
    beyond,
    choose_controls,
    choose_mode,
    explain,
    find_picameras,
    flips,
    load_library,
    survey_picameras,
)
from pose_edge.sources.live import ROTATIONS, FrameMaker, LiveSource

__all__ = ["PiCamera", "PiCameraInfo", "find_picameras", "survey_picameras"]

log = logging.getLogger(__name__)

FORMATS: Final[dict[str, ColourOrder]] = {"BGR888": "RGB", "RGB888": "BGR"}
"""libcamera names formats from the last byte to the first; the colours' order in memory."""

BUFFERS: Final = 4
"""One being exposed, one in the image processor, one with us, one to spare."""

OPEN_LIMIT_S: Final = 10.0
CLOSE_LIMIT_S: Final = 3.0

LOST_S: Final = 2.5
"""A dislodged cable is to be noticed within 3 s, whatever `camera.timeout` allows other sources;
libcamera itself gives a camera up after 1 s or a few frames."""

LOST_FRAMES: Final = 3
FIRST_FRAMES: Final = 10
"""At slow rates so many frames' times; libcamera keeps the first frames after a start back."""

MAX_TRANSIT_NS: Final = 60_000_000_000
"""A time stamp older than this (or in the future) is on another clock."""


class PiCamera(LiveSource):
    """One camera module.

    picamera2 completes requests, each with a frame, and has four buffers only. A frame is copied
    out of its buffer once, into the memory that the caller offers, and the request goes back at
    once. No request is queued for later: each frame is the next one exposed.

    `Frame.captured_ns` is the SensorTimestamp: the sensor begins to send a frame when its first
    row has been exposed. The exposure of that row began ExposureTime earlier; the last row's ends
    when all rows are read, 10 to 30 ms later.

    A call that hangs in picamera2 is left to itself after a limit; the camera cannot be opened
    again before that call has ended, and `open` says so. (Calls that hang inside libcamera hold
    Python's lock and stop the whole process: then only systemd's watchdog helps.)
    """

    retry_s = 2.0

    def __init__(self, number: int, settings: CameraSettings) -> None:
        """Name the camera module.

        Args:
            number: 0 for the first.
            settings: What is asked of it.
        """
        self._number = number
        self._settings = settings
        self._name = f"picamera:{number}"
        self._library: Library | None = None
        self._camera: Any = None
        self._job: Any = None
        self._hanging: BackgroundCall[Any] | None = None
        self._unclosed: Any = None
        self._mode: tuple[Any] | None = None
        self._order: ColourOrder = "RGB"
        self._asked = 0.0
        self._limit_s = LOST_S
        self._frames = FrameMaker(rotation=0)
        self.frame_rate: float | None = None

    def open(self) -> None:
        """Open it; see `Source.open`."""
        self.close()
        self._clear_up()
        library = self._library = load_library()
        self._check_number()
        opening = BackgroundCall(f"open {self._name}", lambda: self._start(library))
        try:
            self._camera = opening.wait(OPEN_LIMIT_S)
        except SourceError:
            raise
        except TimeoutError as error:
            if opening.ended:
                raise SourceError(f"{self._name} cannot be opened: {explain(error)}") from error
            self._hanging = opening
            raise SourceError(f"{self._name} did not open within {OPEN_LIMIT_S:g} s") from error
        except Exception as error:  # an error of the library's, of any kind
            raise SourceError(f"{self._name} cannot be opened: {explain(error)}") from error
        self._limit_s = max(LOST_S, FIRST_FRAMES * self._frame_s)

    def read(self, timeout: float, reuse: Image | None = None) -> Frame | None:
        """Get the next frame; see `Source.read`."""
        if self._camera is None or self._library is None:
            raise SourceLost(f"{self._name} is not open")
        try:
            request = self._next_request(timeout)
            if request is None:
                return None
            try:
                now_ns = time.monotonic_ns()
                stamp_ns = request.get_metadata().get("SensorTimestamp")
                # Read only: else the processor's caches would be written back for nothing.
                with self._library.picamera2.MappedArray(request, "main", write=False) as mapped:
                    image = self._copy(mapped.array, reuse)
            finally:
                request.release()
        except (RuntimeError, OSError, CancelledError) as error:
            raise SourceLost(f"{self._name}: reading failed: {explain(error)}") from error
        return self._frames.make(image, self._order, exposed_ns(stamp_ns, now_ns), reuse)

    def close(self) -> None:
        """Close it."""
        camera, self._camera = self._camera, None
        job, self._job = self._job, None
        if camera is not None:
            self._shut(camera, job)

    def describe(self) -> str:
        """Say which camera module, and its sensor once that is known."""
        return self._name

    def _check_number(self) -> None:
        """See that it is there, for picamera2's own error depends on its version."""
        survey = survey_picameras()
        if not survey.cameras:
            raise SourceError(f"{self._name} is not there: {survey.reason}")
        for camera in survey.cameras:
            if camera.number == self._number:
                self._name = f"picamera:{camera.number} ({camera.model})"
                return
        there = ", ".join(f"picamera:{camera.number} ({camera.model})" for camera in survey.cameras)
        raise SourceError(f"{self._name} is not there; found: {there}")

    def _start(self, library: Library) -> Any:  # noqa: ANN401 - picamera2 has no types
        """Open, configure and start; in a thread of its own."""
        camera = library.picamera2.Picamera2(self._number)
        # picamera2 closes cameras when Python ends, without a limit; `close` has one.
        atexit.unregister(camera.close)
        try:
            self._configure(camera, library)
            camera.start()
        except Exception:
            camera.close()
            raise
        return camera

    def _configure(self, camera: Any, library: Library) -> None:  # noqa: ANN401
        wanted = self._settings
        controls, remarks = choose_controls(wanted, camera.camera_controls, self._name)
        horizontal, vertical = flips(wanted)
        size = (wanted.width, wanted.height)
        mode = self._sensor_mode(camera, size)
        sensor = (
            {"output_size": mode["size"], "bit_depth": mode["bit_depth"]}
            if mode is not None
            else {}
        )
        camera.configure(
            camera.create_video_configuration(
                main={"size": size, "format": "BGR888"},
                transform=library.libcamera.Transform(hflip=horizontal, vflip=vertical),
                buffer_count=BUFFERS,
                queue=False,
                controls=controls,
                sensor=sensor,
            )
        )
        main = camera.camera_configuration()["main"]
        if main["format"] not in FORMATS:
            raise SourceError(f"{self._name} gives {main['format']} instead of BGR888")
        self._order = FORMATS[main["format"]]
        if tuple(main["size"]) != size:
            remarks.append(f"{self._name} gives {main['size'][0]}x{main['size'][1]}")
        known = camera.camera_controls
        for remark in remarks + beyond(wanted, known, self._name):
            log.warning("%s", remark)
        shortest_us = known["FrameDurationLimits"][0] if "FrameDurationLimits" in known else 0
        self.frame_rate = min(wanted.fps, 1e6 / shortest_us) if shortest_us else wanted.fps

    def _sensor_mode(self, camera: Any, size: tuple[int, int]) -> Any:  # noqa: ANN401
        """Return the sensor's mode to use; asked once, for picamera2 tries every mode to know."""
        if self._mode is None:
            try:
                modes = camera.sensor_modes
            except (RuntimeError, OSError, KeyError) as error:
                log.debug("%s: its modes cannot be had: %s", self._name, error)
                modes = []
            self._mode = (choose_mode(modes, size, self._settings.fps),)
            log.debug("%s: sensor mode %s", self._name, self._mode[0])
        return self._mode[0]

    def _next_request(self, timeout: float) -> Any:  # noqa: ANN401
        """Wait for the next completed request.

        The job that waits for it is kept from call to call: `capture_request(wait=timeout)` would
        leave it in picamera2's queue, where the next frame completes it; nobody would release
        that request, and after four the camera would stand still.
        """
        if self._job is None:
            self._job = self._camera.capture_request(wait=False)
            self._asked = time.monotonic()
        left_s = self._asked + self._limit_s - time.monotonic()
        try:
            request = self._camera.wait(self._job, timeout=max(0.0, min(timeout, left_s)))
        except TimeoutError:
            silent_s = time.monotonic() - self._asked
            if silent_s < self._limit_s:
                return None
            raise SourceLost(
                f"{self._name} gives no more frames since {silent_s:.1f} s; "
                "is its ribbon cable seated at both ends?"
            ) from None
        self._job = None
        self._limit_s = max(min(self._settings.timeout, LOST_S), LOST_FRAMES * self._frame_s)
        return request

    @property
    def _frame_s(self) -> float:
        """The longest time that a frame may take, seconds."""
        return max(1 / self._settings.fps, (self._settings.exposure or 0) / 1e6)

    def _copy(self, mapped: Image, reuse: Image | None) -> Image:
        """Copy a frame out of the camera's buffer, whose rows may be padded, turning it."""
        if self._settings.rotation in (90, 270):  # the image processor has made a half turn
            turn = ROTATIONS[self._settings.rotation]
            return np.asarray(cv2.rotate(mapped, turn, dst=reuse), dtype=np.uint8)
        if reuse is None or reuse.shape != mapped.shape:
            return mapped.copy()
        np.copyto(reuse, mapped)
        return reuse

    def _clear_up(self) -> None:
        """See that nothing is left of an earlier opening that would keep the camera busy."""
        if self._hanging is not None and self._hanging.ended:
            try:
                self._unclosed = self._hanging.wait(0.0)  # opened too late; None: closed at last
            except Exception as error:  # noqa: BLE001 - what it holds is in _unclosed already
                log.debug("%s: a call that hung has failed: %s", self._name, error)
            self._hanging = None
        if self._unclosed is not None and self._hanging is None:
            camera, self._unclosed = self._unclosed, None
            self._shut(camera, None)
        if self._hanging is not None or self._unclosed is not None:
            raise SourceError(
                f"{self._name} could not be closed and is still held by this process; "
                "if that stays so, start the program again, or the Pi"
            )

    def _shut(self, camera: Any, job: Any) -> None:  # noqa: ANN401
        """Close a camera within a limit; what does not close is kept for `_clear_up`."""
        closing = BackgroundCall(f"close {self._name}", lambda: _close(camera, job))
        try:
            closing.wait(CLOSE_LIMIT_S)
        except Exception as error:  # noqa: BLE001 - closing never fails for the caller
            self._unclosed = camera
            if closing.ended:
                log.warning("%s cannot be closed: %s", self._name, explain(error))
            else:
                self._hanging = closing
                log.warning("%s does not close within %g s", self._name, CLOSE_LIMIT_S)


def _close(camera: Any, job: Any) -> None:  # noqa: ANN401
    """Close a camera that may have stopped giving frames.

    A job that waits for a frame would stand before everything else in picamera2's queue for ever,
    so it is taken out first. `stop` is left out: it goes through that queue, which nobody serves
    any more when picamera2's own thread has failed; `close` ends the thread and stops directly.
    """
    camera.cancel_all_and_flush()
    if job is not None:
        try:
            camera.wait(job, timeout=1.0).release()  # completed before it could be cancelled
        except Exception as error:  # noqa: BLE001 - there is none; the camera is closed all the same
            log.debug("no request was left to release: %r", error)
    camera.close()


def exposed_ns(stamp_ns: int | None, now_ns: int) -> int:
    """Return a SensorTimestamp as a moment on the monotonic clock.

    libcamera documents the boot clock, a Pi's drivers give the monotonic one: they differ by the
    time that the machine has slept.

    Args:
        stamp_ns: The stamp, nanoseconds, if there is one.
        now_ns: Now, on the monotonic clock.

    Returns:
        The stamp, or now when it makes sense on neither clock.
    """
    if stamp_ns is not None:
        slept_ns = time.clock_gettime_ns(time.CLOCK_BOOTTIME) - time.monotonic_ns()
        for moment_ns in (stamp_ns, stamp_ns - slept_ns):
            if 0 <= now_ns - moment_ns < MAX_TRANSIT_NS:
                return moment_ns
    return now_ns
