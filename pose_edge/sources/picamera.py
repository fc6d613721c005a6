"""Camera modules on a Raspberry Pi's ribbon connector (CSI), read through picamera2."""

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
from pose_edge.sources.csi import (
    choose_controls,
    choose_mode,
    explain,
    fastest_rate,
    find_picameras,
    flips,
    load_library,
    unmet,
)
from pose_edge.sources.frame_maker import ROTATIONS, FrameMaker
from pose_edge.sources.source import Source

log = logging.getLogger(__name__)

FORMATS: Final[dict[str, ColourOrder]] = {"BGR888": "RGB", "RGB888": "BGR"}
"""Channel order in memory, by libcamera's name of the format, which lists the last byte first."""

BUFFERS: Final = 4
"""Number of frame buffers: one being exposed, one in the image processor, one being copied, one to
spare."""

LOST_S: Final = 2.5
"""Longest time without a frame, seconds, even where `camera.timeout` is longer, because a dislodged
cable must be noticed within 3 s. libcamera itself gives a camera up after 1 s or a few frames."""

LOST_FRAMES: Final = 3
"""Lower bound of that limit at slow frame rates, in frame durations."""
FIRST_FRAMES: Final = 10
"""Lower bound before the first frame, as libcamera withholds the first frames after a start."""

MAX_TRANSIT_NS: Final = 60_000_000_000
"""Largest age of a time stamp, nanoseconds; an older or future one comes from another clock."""


class PiCamera(Source):
    """A camera module.

    picamera2 delivers completed requests, each with a frame, and has only four buffers. A frame is
    copied once, from its buffer into the caller's memory, and its request is released immediately.
    No completed request is kept for later, so each frame is the next one exposed.

    `Frame.captured_ns` is the SensorTimestamp: the time at which the first row was exposed and the
    sensor starts to send the frame. The exposure of that row began ExposureTime earlier. The
    exposure of the last row ends when all rows are read, 10 to 30 ms later.

    Waiting for a frame has a time limit, but `open` and `close` may hang in picamera2 (see
    `Source`). libcamera can open the camera again once the hanging call has returned. A call that
    hangs inside libcamera holds Python's global interpreter lock and so stops the whole process;
    then only systemd's watchdog helps.
    """

    retry_s = 2.0

    def __init__(self, number: int, settings: CameraSettings) -> None:
        """Create the source of a camera module; the first module has number 0."""
        self._number = number
        self._settings = settings
        self._name = f"picamera:{number}"
        self._picamera2: Any = None
        self._camera: Any = None
        self._job: Any = None
        self._unclosed: Any = None
        self._modes: list[Any] | None = None
        self._order: ColourOrder = "RGB"
        self._asked = 0.0
        self._limit_s = LOST_S
        self._frames = FrameMaker(rotation=0)

    def open(self) -> None:
        """Open, configure and start the camera; see `Source.open`."""
        self.close()
        self._close_again()
        self._picamera2, libcamera = load_library()
        self._check_number()
        try:
            camera = self._picamera2.Picamera2(self._number)
            # At exit, the main thread would call it, perhaps while this thread uses the camera.
            atexit.unregister(camera.close)
            self._camera = camera
            self._configure(camera, libcamera)
            camera.start()
        except SourceError:
            self.close()
            raise
        except Exception as error:  # picamera2 raises errors of any kind
            self.close()
            log.debug("%s cannot be opened", self._name, exc_info=error)  # SourceError hides it
            reason, remedy = explain(error)
            raise SourceError(f"{self._name} cannot be opened: {reason}", remedy=remedy) from error
        self._limit_s = max(LOST_S, FIRST_FRAMES * self._frame_s)

    def read(self, timeout: float, reuse: Image | None = None) -> Frame | None:
        """Return the next frame; see `Source.read`."""
        if self._camera is None:
            raise SourceLost(f"{self._name} is not open")
        try:
            request = self._next_request(timeout)
            if request is None:
                return None
            try:
                now_ns = time.monotonic_ns()
                self._frames.begin()
                stamp_ns = request.get_metadata().get("SensorTimestamp")
                # Mapped read-only: otherwise the CPU caches would be written back needlessly.
                with self._picamera2.MappedArray(request, "main", write=False) as mapped:
                    image = self._copy(mapped.array, reuse)
            finally:
                request.release()
        except (RuntimeError, OSError, CancelledError) as error:
            reason, remedy = explain(error)
            raise SourceLost(f"{self._name}: reading failed: {reason}", remedy=remedy) from error
        return self._frames.make(image, self._order, exposed_ns(stamp_ns, now_ns), reuse)

    def close(self) -> None:
        """Stop and close the camera; see `Source.close`."""
        camera, self._camera = self._camera, None
        job, self._job = self._job, None
        if camera is None:
            return
        try:
            _close(camera, job)
        except Exception as error:  # noqa: BLE001 - picamera2 raises errors of any kind
            self._unclosed = camera
            log.warning("%s cannot be closed: %s", self._name, explain(error)[0])

    def describe(self) -> str:
        """Return the camera module's name with its number, and its sensor once that is known."""
        return self._name

    def _close_again(self) -> None:
        """Close the camera of an earlier opening whose closing failed, or raise SourceError."""
        self._camera, self._unclosed = self._unclosed, None
        self.close()
        if self._unclosed is not None:
            raise SourceError(
                f"{self._name} could not be closed and is still held by this process",
                remedy="if that continues, restart the program, or the Pi",
            )

    def _check_number(self) -> None:
        """Raise SourceError if the module is missing; picamera2's error differs by version."""
        try:
            cameras = find_picameras()
        except SourceError as error:
            raise SourceError(
                f"{self._name} is not there: {error.message}", remedy=error.remedy
            ) from error
        names = {number: f"picamera:{number} ({model})" for number, model in cameras.items()}
        if self._number not in names:
            raise SourceError(f"{self._name} is not there; found: {', '.join(names.values())}")
        self._name = names[self._number]

    def _configure(self, camera: Any, libcamera: Any) -> None:  # noqa: ANN401
        wanted = self._settings
        horizontal, vertical = flips(wanted)
        size = (wanted.width, wanted.height)
        mode = self._sensor_mode(camera, size)
        camera.configure(
            camera.create_video_configuration(
                main={"size": size, "format": "BGR888"},
                transform=libcamera.Transform(hflip=horizontal, vflip=vertical),
                buffer_count=BUFFERS,
                queue=False,
                controls=choose_controls(wanted, camera.camera_controls),
                sensor={"output_size": mode["size"], "bit_depth": mode["bit_depth"]}
                if mode is not None
                else {},
            )
        )
        main = camera.camera_configuration()["main"]
        if main["format"] not in FORMATS:
            raise SourceError(f"{self._name} gives {main['format']} instead of BGR888")
        self._order = FORMATS[main["format"]]
        remarks = unmet(wanted, camera.camera_controls)
        if tuple(main["size"]) != size:
            remarks.append(f"gives {main['size'][0]}x{main['size'][1]}")
        for remark in remarks:
            log.warning("%s %s", self._name, remark)
        self.frame_rate = min(wanted.fps, fastest_rate(camera.camera_controls) or wanted.fps)

    def _sensor_mode(self, camera: Any, size: tuple[int, int]) -> Any:  # noqa: ANN401
        """Return the sensor mode to use, or None.

        The modes are listed only once, because picamera2 lists them by trying each.
        """
        if self._modes is None:
            try:
                self._modes = camera.sensor_modes
            except (RuntimeError, OSError, KeyError) as error:
                log.debug("%s: its modes cannot be listed: %s", self._name, error)
                self._modes = []
        mode = choose_mode(self._modes, size, self._settings.fps)
        log.debug("%s: sensor mode %s", self._name, mode)
        return mode

    def _next_request(self, timeout: float) -> Any:  # noqa: ANN401
        """Wait for the next completed request; return None if none completes in time.

        The job that waits for the request is kept between calls. After a timeout,
        `capture_request(wait=timeout)` would leave its job in picamera2's queue, where the next
        frame completes it. That request would never be released, and after four such requests no
        more frames would come.
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
                f"{self._name} has given no frames for {silent_s:.1f} s",
                remedy="is its ribbon cable seated at both ends?",
            ) from None
        self._job = None
        self._limit_s = max(min(self._settings.timeout, LOST_S), LOST_FRAMES * self._frame_s)
        return request

    @property
    def _frame_s(self) -> float:
        """The longest duration of a frame, seconds."""
        return max(1 / self._settings.fps, (self._settings.exposure or 0) / 1e6)

    def _copy(self, mapped: Image, reuse: Image | None) -> Image:
        """Copy a frame out of the camera's buffer, whose rows may be padded, and rotate it."""
        if self._settings.rotation in (90, 270):  # the camera itself makes half turns
            turn = ROTATIONS[self._settings.rotation]
            return np.asarray(cv2.rotate(mapped, turn, dst=reuse), dtype=np.uint8)
        if reuse is None or reuse.shape != mapped.shape:
            return mapped.copy()
        np.copyto(reuse, mapped)
        return reuse


def _close(camera: Any, job: Any) -> None:  # noqa: ANN401
    """Close a camera that may have stopped giving frames.

    A job that waits for a frame would block picamera2's queue, so it is removed first. `stop` is
    not called, because it goes through that queue, which is no longer served if picamera2's own
    thread has failed. `close` ends that thread and stops the camera directly.
    """
    camera.cancel_all_and_flush()
    if job is not None:
        try:
            camera.wait(job, timeout=1.0).release()  # completed before it could be cancelled
        except Exception as error:  # noqa: BLE001 - cancelled; the camera is closed all the same
            log.debug("no request was left to release: %r", error)
    camera.close()


def exposed_ns(stamp_ns: int | None, now_ns: int) -> int:
    """Convert a SensorTimestamp to the monotonic clock; return `now_ns` if it is not plausible.

    libcamera documents the boot clock, but a Pi's drivers give the monotonic clock. The two differ
    by the time for which the machine was suspended. All times are in nanoseconds.
    """
    if stamp_ns is not None:
        slept_ns = time.clock_gettime_ns(time.CLOCK_BOOTTIME) - time.monotonic_ns()
        for moment_ns in (stamp_ns, stamp_ns - slept_ns):
            if 0 <= now_ns - moment_ns < MAX_TRANSIT_NS:
                return moment_ns
    return now_ns
