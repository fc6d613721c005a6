# ruff: noqa: ANN401, B006, PLR0917 - as the real one, which has no types
"""A fake of picamera2: the calls that pose_edge makes, with the errors that can occur.

It follows picamera2 0.3.38, or 0.3.22 if `Hardware.version` is below 0.3.30. The behaviour is taken
from these places in the source:

* picamera2.py, `global_camera_info`: the list is sorted, CSI cameras before USB ones.
  `Picamera2(n)` counts in that order, while `Num` is libcamera's own number. `__init__`: a number
  that is too large raises an IndexError in 0.3.22 and a RuntimeError in 0.3.38. A camera held by
  another process raises a RuntimeError that hides libcamera's "Device or resource busy"
  (py_main.cpp, `acquire`). `close` is called by `__del__` and registered with atexit.
* `create_video_configuration`: keys, even sizes, defaults. A control that the camera does not have
  is refused by `configure` (controls.py). `configure_`: libcamera adjusts size, stride (rows padded
  to 64 bytes, `align_stream`) and format; with `queue=False` no completed request is kept.
* `sensor_modes` configures the camera once for each mode.
* `start_`: all requests are queued; libcamera's errors are RuntimeErrors ("Failed to start ...").
* `dispatch_functions`, `process_requests`, job.py: jobs wait in a list and are tried in order when
  frames arrive. `wait` is True, None, False or 0 (return the job), or a timeout in seconds. After a
  timeout a TimeoutError is raised and *the job stays in the list*, where the next frame completes
  it. `cancel_all_and_flush` empties the list; waiting for such a job raises CancelledError.
* `stop` is itself a job while the event loop runs: behind a job that waits for a frame it waits
  forever. `close` ends the loop (previews/null_preview.py) and stops directly.
* request.py: a request is released once, then returns to the camera if that is still running, and
  cannot be used afterwards (its config is empty). MappedArray shares the buffer's memory.
* pipeline_base.cpp of libcamera (`cameraTimeout`): when the sensor stops sending, requests come
  back cancelled, which picamera2's CameraManager ignores. No more frames arrive until the camera is
  stopped and started.

A buffer is overwritten as soon as its request is released, so that code that still reads it sees
noise. `Picamera2.made` lists all cameras opened in the process, for the tests.
"""

from __future__ import annotations

import atexit
import itertools
import logging
import threading
import time
import weakref
from collections.abc import Callable, Iterator
from concurrent.futures import CancelledError, Future
from typing import Any, ClassVar

import av
import cv2
import libcamera
import numpy as np
from csi_bench import Hardware, look
from numpy.typing import NDArray

Array = NDArray[np.uint8]
_log = logging.getLogger(__name__)

PADDING = 64
FORMATS = {"BGR888": (0, 1, 2), "RGB888": (2, 1, 0)}
"""Order of the channels in memory by pixel format, as indices into (red, green, blue)."""
TRANSIT_S = 0.012
"""Time from the exposure of the first row until the request is complete, in seconds."""


def scene(width: int, height: int, number: int) -> Array:
    """Return the picture of a camera without a video: RGB, uint8 of shape (height, width, 3).

    Red increases to the right and green downwards; blue is the frame number modulo 256.
    """
    picture = np.empty((height, width, 3), np.uint8)
    picture[:, :, 0] = np.linspace(0, 255, width, dtype=np.uint8)
    picture[:, :, 1] = np.linspace(0, 255, height, dtype=np.uint8)[:, np.newaxis]
    picture[:, :, 2] = number % 256
    return picture


def _play(path: str) -> Iterator[Array]:
    while True:
        with av.open(path) as container:
            for frame in container.decode(video=0):
                yield np.asarray(frame.to_ndarray(format="rgb24"), np.uint8)


def _hang(call: str) -> None:
    while call in look().hang:
        time.sleep(0.01)


class Job:
    def __init__(self, function: Callable[[], tuple[bool, Any]]) -> None:
        self._function = function
        self._result: Any = None
        self._future: Future[Any] = Future()

    def execute(self) -> bool:
        done, self._result = self._function()
        return done

    def signal(self) -> None:
        self._future.set_result(self._result)

    def cancel(self) -> None:
        self._future.set_exception(CancelledError())

    def get_result(self, timeout: float | None = None) -> Any:
        return self._future.result(timeout)


class CompletedRequest:
    def __init__(self, picam2: Picamera2, buffer: Array, metadata: dict[str, Any]) -> None:
        self.picam2 = picam2
        self.config = dict(picam2.camera_config)
        self.ref_count = 1
        self._buffer: Array | None = buffer
        self._metadata = metadata
        self._stop_count = picam2.stop_count
        picam2.outstanding.append(self)

    def acquire(self) -> None:
        with self.picam2.request_lock:
            if self.ref_count == 0:
                raise RuntimeError("CompletedRequest: acquiring lock with ref_count 0")
            self.ref_count += 1

    def release(self) -> None:
        with self.picam2.request_lock:
            self.ref_count -= 1
            if self.ref_count < 0:
                raise RuntimeError("CompletedRequest: lock now has negative ref_count")
            if self.ref_count:
                return
            assert self._buffer is not None
            buffer, self._buffer, self.config = self._buffer, None, {}
            self.picam2.outstanding.remove(self)
            np.bitwise_xor(buffer, 0x5A, out=buffer)
            if self.picam2.started and self._stop_count == self.picam2.stop_count:
                if "requeue" in look().fail:
                    raise RuntimeError("Failed to queue request: Invalid argument")
                self.picam2.free.append(buffer)

    def get_metadata(self) -> dict[str, Any]:
        assert self._buffer is not None
        return dict(self._metadata)

    def make_array(self, name: str) -> Array:
        with MappedArray(self, name) as mapped:
            return mapped.array.copy()


class MappedArray:
    def __init__(
        self, request: CompletedRequest, stream: str, reshape: bool = True, write: bool = True
    ) -> None:
        assert request._buffer is not None
        config = request.config[stream]
        width, height = config["size"]
        channels = 4 if config["format"].startswith("X") else 3
        rows = request._buffer.reshape(height, config["stride"])
        self._shared = rows[:, : width * channels].reshape(height, width, channels)
        if not reshape:
            self._shared = request._buffer
        if not write:
            # The real memory stays writable; the fake enforces `write=False`.
            self._shared = self._shared.view()
            self._shared.flags.writeable = False

    def __enter__(self) -> MappedArray:
        self.array = self._shared
        return self

    def __exit__(self, *_: object) -> None:
        del self.array


class _CameraManager:
    """Stands for libcamera's camera manager: lists cameras, and knows which object holds which."""

    def __init__(self) -> None:
        self.held: dict[str, weakref.ref[Picamera2]] = {}
        self._announced = False

    def cameras(self) -> list[dict[str, Any]]:
        if not self._announced:
            libcamera.say("INFO", "Camera camera_manager.cpp:330 libcamera v0.5.2+99-bfd68f78")
            self._announced = True
        cameras: list[dict[str, Any]] = look().cameras
        return cameras


class Picamera2:
    _cm = _CameraManager()
    made: ClassVar[list[Picamera2]] = []

    @staticmethod
    def global_camera_info() -> list[dict[str, Any]]:
        cameras = [
            {"Model": camera["model"], "Location": 2, "Rotation": 180, "Id": camera["id"], "Num": n}
            for n, camera in enumerate(Picamera2._cm.cameras())
        ]
        return sorted(cameras, key=lambda cam: ("/usb" not in cam["Id"], cam["Id"]), reverse=True)

    def __init__(
        self, camera_num: int = 0, verbose_console: Any = None, tuning: Any = None
    ) -> None:
        self.is_open = False
        self.loop: threading.Thread | None = None
        hardware = look()
        self.version = hardware.version
        listed = self.global_camera_info()
        if self.version >= (0, 3, 30) and camera_num >= len(listed):
            raise RuntimeError(
                f'No camera number {camera_num} found - use "rpicam-hello --list-cameras" to '
                "check connected cameras"
            )
        self.hardware = hardware.cameras[listed[camera_num]["Num"]]
        _hang("open")
        try:
            self._acquire(hardware)
        except RuntimeError as error:
            _log.error("Camera __init__ sequence did not complete.")
            raise RuntimeError("Camera __init__ sequence did not complete.") from error
        self.is_open = True
        _log.info("Camera now open.")
        self.request_lock = threading.Lock()
        self.lock = threading.RLock()
        self.started = False
        self.stop_count = 0
        self.configured = 0
        self.camera_config: dict[str, Any] = {}
        self.completed_requests: list[CompletedRequest] = []
        self.outstanding: list[CompletedRequest] = []
        self.free: list[Array] = []
        self.starved = 0
        self._job_list: list[Job] = []
        self._mode = self.hardware["modes"][-1]
        self._arrived: list[CompletedRequest] = []
        self._prod = threading.Event()
        self._end_loop = threading.Event()
        Picamera2.made.append(self)
        atexit.register(self.close)

    def _acquire(self, hardware: Hardware) -> None:
        holder = self._cm.held.get(self.hardware["id"], lambda: None)()
        if hardware.busy or holder is not None:
            libcamera.say(
                "INFO", "Camera camera.cpp:1042 Pipeline handler in use by another process"
            )
            raise RuntimeError("Failed to acquire camera: Device or resource busy")
        self._cm.held[self.hardware["id"]] = weakref.ref(self)

    # --- what it can do -------------------------------------------------------------------------

    @property
    def camera_controls(self) -> dict[str, tuple[Any, Any, Any]]:
        shortest_us = round(1e6 / self._mode[2])
        controls = {
            "FrameDurationLimits": (shortest_us, 220_535_845, 33_333),
            "ExposureTime": (26, 220_417_486, 20_000),
            "AnalogueGain": (1.122807, 16.0, 1.0),
            "NoiseReductionMode": (0, 4, 0),
        }
        if self.hardware["autofocus"]:
            controls |= {"AfMode": (0, 2, 0), "LensPosition": (0.0, 15.0, 1.0)}
        return controls

    @property
    def sensor_modes(self) -> list[dict[str, Any]]:
        modes = []
        for mode in self.hardware["modes"]:
            size, bits, rate, crop = mode
            self.configure(self.create_video_configuration(sensor={"output_size": tuple(size)}))
            modes.append(
                {
                    "format": f"SRGGB{bits}_CSI2P",
                    "unpacked": f"SRGGB{bits}",
                    "bit_depth": bits,
                    "size": tuple(size),
                    "fps": rate,
                    "crop_limits": tuple(crop),
                    "exposure_limits": (26, 220_417_486, 20_000),
                }
            )
        return modes

    # --- configuration --------------------------------------------------------------------------

    def create_video_configuration(
        self,
        main: dict[str, Any] = {},
        lores: Any = None,
        raw: Any = {},
        transform: Any = None,
        colour_space: Any = None,
        buffer_count: int = 6,
        controls: dict[str, Any] = {},
        display: str | None = "main",
        encode: str | None = "main",
        queue: bool = True,
        sensor: dict[str, Any] = {},
        use_case: str = "video",
    ) -> dict[str, Any]:
        stream: dict[str, Any] = {"format": "XBGR8888", "size": (1280, 720)}
        valid = ("format", "size", "stride") + (("preserve_ar",) * (self.version >= (0, 3, 30)))
        for key, value in main.items():
            if key not in valid:
                raise ValueError(f"Bad key {key!r}: valid stream configuration keys are {valid}")
            stream[key] = value
        width, height = stream["size"]
        stream["size"] = (width - width % 2, height - height % 2)
        return {
            "main": stream,
            "transform": transform or libcamera.Transform(),
            "buffer_count": buffer_count,
            "queue": queue,
            "controls": {"FrameDurationLimits": (33333, 33333)} | controls,
            "sensor": sensor,
        }

    def configure(self, config: dict[str, Any]) -> None:
        if self.started:
            raise RuntimeError("Camera must be stopped before configuring")
        unknown = set(config["sensor"]) - {"bit_depth", "output_size"}
        if unknown:
            raise RuntimeError(f"Unexpected keys {unknown} in sensor configuration")
        for name in config["controls"]:
            if name not in self.camera_controls:
                raise RuntimeError(f"Control {name} is not advertised by libcamera")
        if config["transform"].rotation or config["transform"].transpose:
            raise RuntimeError(f"Invalid camera configuration: {config}")
        hardware = look()
        main = dict(config["main"])
        main["size"] = tuple(hardware.size or main["size"])
        main["format"] = hardware.pixel_format or main["format"]
        channels = 4 if main["format"].startswith("X") else 3
        main["stride"] = -(-main["size"][0] * channels // PADDING) * PADDING
        main["framesize"] = main["stride"] * main["size"][1]
        wanted = tuple(config["sensor"].get("output_size", main["size"]))
        self._mode = min(
            self.hardware["modes"],
            key=lambda mode: abs(mode[0][0] - wanted[0]) + abs(mode[0][1] - wanted[1]),
        )
        self.camera_config = {**config, "main": main}
        self.configured += 1

    def camera_configuration(self) -> dict[str, Any]:
        return self.camera_config

    # --- running --------------------------------------------------------------------------------

    def start(self) -> None:
        if not self.camera_config:
            raise RuntimeError("Camera has not been configured")
        if self.loop is None:
            self.loop = threading.Thread(target=self._run_loop, daemon=True)
            self.loop.start()
        if look().deaf:
            libcamera.say("ERROR", "V4L2 v4l2_videodevice.cpp:2064 Failed to start streaming")
            raise RuntimeError("Failed to start camera: Remote I/O error")
        size = self.camera_config["main"]["framesize"]
        self.free = [np.zeros(size, np.uint8) for _ in range(self.camera_config["buffer_count"])]
        self.started = True
        _hang("start")
        run = (self.stop_count, self.camera_config)
        threading.Thread(target=self._expose, args=run, daemon=True).start()

    def _expose(self, run: int, config: dict[str, Any]) -> None:
        """Simulate the sensor and the image signal processor, in a thread."""
        limits_us = config["controls"]["FrameDurationLimits"]
        period_s = max(limits_us[0] / 1e6, 1 / self._mode[2])
        video = look().video
        pictures = _play(video) if video else None
        start = time.monotonic()
        for number in itertools.count():
            time.sleep(max(0.0, start + number * period_s - time.monotonic()))
            exposed_ns = time.monotonic_ns()
            if self.stop_count != run:
                return
            if look().dislodged:
                libcamera.say("ERROR", "RPI pipeline_base.cpp:1390 Camera frontend has timed out!")
                return
            picture = self._picture(config, number, next(pictures) if pictures else None)
            with self.request_lock:
                buffer = self.free.pop(0) if self.free else None
            if buffer is None:
                self.starved += 1
                continue
            self._fill(config, buffer, picture)
            time.sleep(max(0.0, TRANSIT_S - (time.monotonic_ns() - exposed_ns) / 1e9))
            with self.lock:
                if self.stop_count != run:
                    return
                metadata = self._metadata(config, exposed_ns, period_s)
                self._arrived.append(CompletedRequest(self, buffer, metadata))
            self._prod.set()

    def _metadata(self, config: dict[str, Any], exposed_ns: int, period_s: float) -> dict[str, Any]:
        controls = config["controls"]
        return {
            "SensorTimestamp": exposed_ns,
            "ExposureTime": controls.get("ExposureTime", 16_000),
            "AnalogueGain": controls.get("AnalogueGain", 2.0),
            "FrameDuration": round(period_s * 1e6),
        }

    def _picture(self, config: dict[str, Any], number: int, picture: Array | None) -> Array:
        width, height = config["main"]["size"]
        if picture is None:
            picture = scene(width, height, number)
        elif picture.shape[:2] != (height, width):
            picture = np.asarray(cv2.resize(picture, (width, height)), np.uint8)
        transform = config["transform"]
        picture = picture[:, ::-1] if transform.hflip else picture
        return picture[::-1] if transform.vflip else picture

    def _fill(self, config: dict[str, Any], buffer: Array, picture: Array) -> None:
        main = config["main"]
        height, width = picture.shape[:2]
        rows = buffer.reshape(height, main["stride"])
        rows[:, width * 3 :] = 0xEE
        if main["format"] in FORMATS:
            colours = FORMATS[main["format"]]
            rows[:, : width * 3].reshape(height, width, 3)[:] = picture[:, :, colours]

    def _run_loop(self) -> None:
        """Simulate picamera2's event loop, in a thread."""
        while not self._end_loop.is_set():
            if not self._prod.wait(0.05):
                continue
            self._prod.clear()
            if "loop" in look().fail:
                return
            self._process_requests()

    def _process_requests(self) -> None:
        with self.lock:
            arrived, self._arrived = self._arrived, []
            for request in arrived:
                request.acquire()
            self.completed_requests += arrived
            finished = []
            while self._job_list:
                if not self._job_list[0].execute():
                    break
                finished.append(self._job_list.pop(0))
            for request in arrived:
                request.release()
            keep = 1 if self.camera_config["queue"] else 0
            while len(self.completed_requests) > keep:
                self.completed_requests.pop(0).release()
        for job in finished:
            job.signal()

    def _dispatch(
        self, function: Callable[[], tuple[bool, Any]], wait: Any, immediate: bool = False
    ) -> Any:
        with self.lock:
            only = not self._job_list
            job = Job(function)
            self._job_list.append(job)
            if only and (self.completed_requests or immediate):
                self._prod.set()
        wait = True if wait is None else wait
        return job.get_result(None if wait is True else wait) if wait else job

    def _capture(self) -> tuple[bool, Any]:
        if not self.completed_requests:
            return False, None
        return True, self.completed_requests.pop(0)

    def capture_request(self, wait: Any = None, signal_function: None = None) -> Any:
        return self._dispatch(self._capture, wait)

    def wait(self, job: Job, timeout: float | None = None) -> Any:
        return job.get_result(timeout)

    def cancel_all_and_flush(self) -> None:
        with self.lock:
            for job in self._job_list:
                job.cancel()
            self._job_list = []

    def _stop(self) -> tuple[bool, None]:
        if self.started:
            _hang("stop")
            if "stop" in look().fail:
                raise RuntimeError("Failed to stop camera: Input/output error")
            with self.lock:
                self.stop_count += 1
                self.started = False
                for request in self._arrived + self.completed_requests:
                    request.release()
                self._arrived, self.completed_requests = [], []
        return True, None

    def stop(self) -> None:
        if self.started and self.loop is not None:
            self._dispatch(self._stop, wait=True, immediate=True)
        else:
            self._stop()

    def close(self) -> None:
        atexit.unregister(self.close)
        if self.loop is not None:
            self._end_loop.set()
            self.loop.join()
            self.loop = None
        if not self.is_open:
            return
        self.stop()
        del self._cm.held[self.hardware["id"]]
        self.is_open = False
        self.camera_config = {}
        _log.info("Camera closed successfully.")

    def __del__(self) -> None:
        self.close()
