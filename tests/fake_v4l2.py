"""Simulates V4L2 cameras in user space: the ioctls of a driver and its life cycle.

Device nodes are ordinary files, so opening and mapping them use the real calls. `fcntl.ioctl` and
`select.poll` are replaced and behave like uvcvideo. They also refuse what a driver refuses: setting
a format while there are buffers, queuing a buffer twice, and anything once the device is gone.
"""

from __future__ import annotations

import ctypes
import errno
import fcntl
import mmap
import os
import select
import threading
import time
from collections import deque
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import pytest
import simplejpeg
import videodev2 as v4l2

from pose_edge.frames import Image
from pose_edge.sources import v4l2_device as api

META_CAPTURE, OUTPUT = 0x00800000, 0x2

Struct = Any
"""A structure of videodev2, which has no type annotations."""
More = Any

Modes = Mapping[str, Mapping[tuple[int, int], Sequence[float]]]
WEBCAM: Modes = {
    "MJPG": {(640, 480): (30, 15), (1280, 720): (30, 15), (320, 240): (30,)},
    "YUYV": {(640, 480): (30, 15), (1280, 720): (10, 5), (320, 240): (30,)},
}
"""Modes of a common USB 2 webcam: frame rates by pixel format and size."""


def refuse(number: int) -> OSError:
    """Return the exception for an errno of the kernel."""
    return OSError(number, os.strerror(number))


def jpeg(picture: Image) -> bytes:
    """Encode a picture as JPEG with a webcam's chroma subsampling (4:2:2)."""
    return bytes(
        simplejpeg.encode_jpeg(picture, quality=90, colorspace="BGR", colorsubsampling="422")
    )


def yuyv(picture: Image, stride: int = 0) -> bytes:
    """Convert a picture to raw YUYV (BT.601, luma 16 to 235), with rows padded to the stride."""
    luma, red, blue = cv2.split(cv2.cvtColor(picture, cv2.COLOR_BGR2YCrCb).astype(np.float32))
    height, width = picture.shape[:2]
    packed = np.empty((height, width, 2), np.uint8)
    packed[:, :, 0] = np.rint(luma * 219 / 255 + 16)
    for place, chroma in enumerate((blue, red)):
        packed[:, place::2, 1] = np.rint((chroma[:, 0::2] - 128) * 224 / 255 + 128)
    rows = packed.reshape(height, width * 2)
    return np.pad(rows, ((0, 0), (0, max(0, stride - width * 2)))).tobytes()


class FakeCamera:
    """A device node and the state of its driver."""

    def __init__(
        self,
        path: Path,
        card: bytes,
        *,
        driver: str = "uvcvideo",
        bus: str = "usb-0000:01:00.0-1.3",
        caps: int = api.VIDEO_CAPTURE,
        modes: Modes = WEBCAM,
    ) -> None:
        self.path = path
        self.card, self.driver, self.bus, self.caps, self.modes = card, driver, bus, caps, modes
        self.gone = False
        self.padding = 0
        self.errors: dict[int, int] = {}
        self.changed = threading.Condition()
        self.streams = 0
        self._clear()
        path.touch()

    def _clear(self) -> None:
        self.owner: int | None = None
        self.format = ("", 0, 0)
        self.rate = 0.0
        self.streaming = False
        self.size = 0
        self.count = 0
        self.queued: deque[int] = deque()
        self.filled: deque[tuple[int, int, int, int]] = deque()
        self.sequence = 0

    # --- what the test does ----------------------------------------------------------------------

    def send(
        self,
        picture: Image | bytes,
        *,
        flags: int = api.MONOTONIC,
        stamp_ns: int | None = None,
    ) -> bool:
        """Write a frame to the next queued buffer; return whether there was a buffer."""
        with self.changed:
            if not self.streaming or not self.queued:
                return False
            if isinstance(picture, bytes):
                data = picture
            else:
                code, width, _height = self.format
                data = jpeg(picture) if code == "MJPG" else yuyv(picture, self._stride(width))
            index = self.queued.popleft()
            with self.path.open("r+b") as file:
                file.seek(index * self.size)
                file.write(data[: self.size])
            stamp = time.monotonic_ns() if stamp_ns is None else stamp_ns
            self.filled.append((index, len(data[: self.size]), flags, stamp))
            self.changed.notify_all()
            return True

    def unplug(self) -> None:
        """Unplug the camera."""
        with self.changed:
            self.gone = True
            self.path.unlink()
            self.changed.notify_all()

    def events(self) -> int:
        """Return the poll events of the node."""
        if self.gone:
            return select.POLLERR | select.POLLHUP
        if not self.streaming:
            return select.POLLERR
        return select.POLLIN if self.filled else 0

    # --- what the driver does --------------------------------------------------------------------

    def ioctl(self, descriptor: int, request: int, argument: Struct) -> None:
        """Handle a request, and write the answer into the argument."""
        with self.changed:
            if self.gone:
                raise refuse(errno.ENODEV)
            if request in self.errors:
                raise refuse(self.errors[request])
            answers = {
                v4l2.VIDIOC_QUERYCAP: self._querycap,
                v4l2.VIDIOC_ENUM_FMT: self._enum_fmt,
                api.ENUM_FRAMESIZES: self._enum_sizes,
                api.ENUM_FRAMEINTERVALS: self._enum_intervals,
                v4l2.VIDIOC_S_FMT: self._s_fmt,
                v4l2.VIDIOC_S_PARM: self._s_parm,
                v4l2.VIDIOC_REQBUFS: self._reqbufs,
                v4l2.VIDIOC_QUERYBUF: self._querybuf,
                v4l2.VIDIOC_QBUF: self._qbuf,
                v4l2.VIDIOC_DQBUF: self._dqbuf,
                v4l2.VIDIOC_STREAMON: self._streamon,
            }
            changes = (v4l2.VIDIOC_S_FMT, v4l2.VIDIOC_S_PARM, v4l2.VIDIOC_REQBUFS)
            if request in changes:
                if self.owner not in (None, descriptor):
                    raise refuse(errno.EBUSY)
                self.owner = descriptor
            answers[request](argument)

    def closed(self, descriptor: int) -> None:
        """Release the driver's state if the closed descriptor owned it."""
        with self.changed:
            if self.owner == descriptor:
                self._clear()

    def _querycap(self, answer: Struct) -> None:
        answer.driver[: len(self.driver)] = self.driver.encode()
        answer.card[: len(self.card)] = self.card
        answer.bus_info[: len(self.bus)] = self.bus.encode()
        answer.capabilities = 0x84A00001
        answer.device_caps = self.caps | v4l2.V4L2_CAP_STREAMING

    def _enum_fmt(self, answer: Struct) -> None:
        codes = list(self.modes)
        if answer.index >= len(codes):
            raise refuse(errno.EINVAL)
        answer.pixelformat = int.from_bytes(codes[answer.index].encode(), "little")

    def _enum_sizes(self, answer: Struct) -> None:
        sizes = list(self.modes[_code(answer.pixel_format)])
        if answer.index >= len(sizes):
            raise refuse(errno.EINVAL)
        answer.type = api.DISCRETE
        answer.values[:2] = sizes[answer.index]

    def _enum_intervals(self, answer: Struct) -> None:
        rates = self.modes[_code(answer.pixel_format)].get((answer.width, answer.height), ())
        if answer.index >= len(rates):
            raise refuse(errno.EINVAL)
        answer.type = api.DISCRETE
        answer.intervals[0].numerator = 1000
        answer.intervals[0].denominator = round(rates[answer.index] * 1000)

    def _s_fmt(self, wish: Struct) -> None:
        if self.count:
            raise refuse(errno.EBUSY)
        pix = wish.fmt.pix
        code = _code(pix.pixelformat)
        code = code if code in self.modes else next(iter(self.modes))
        offered = self.modes[code]
        pix.width, pix.height = min(
            offered,
            key=lambda size: abs(size[0] - pix.width) + abs(size[1] - pix.height),
            default=(pix.width, pix.height),
        )
        pix.pixelformat = int.from_bytes(code.encode(), "little")
        pix.bytesperline = 0 if code == "MJPG" else self._stride(pix.width)
        pix.sizeimage = max(pix.bytesperline * pix.height, pix.width * pix.height * 2)
        self.format = (code, pix.width, pix.height)
        self.size = -(-pix.sizeimage // mmap.PAGESIZE) * mmap.PAGESIZE

    def _stride(self, width: int) -> int:
        return width * 2 + self.padding

    def _s_parm(self, wish: Struct) -> None:
        interval = wish.parm.capture.timeperframe
        rates = self.modes[self.format[0]].get(self.format[1:], ())
        asked = interval.denominator / interval.numerator
        self.rate = min(rates, key=lambda rate: abs(rate - asked), default=asked)
        interval.numerator, interval.denominator = 1000, round(self.rate * 1000)

    def _reqbufs(self, wish: Struct) -> None:
        if self.streaming:
            raise refuse(errno.EBUSY)
        wish.count = max(2, wish.count)
        self.count = wish.count
        os.truncate(self.path, self.size * self.count)

    def _querybuf(self, buffer: Struct) -> None:
        if buffer.index >= self.count:
            raise refuse(errno.EINVAL)
        buffer.length, buffer.m.offset = self.size, buffer.index * self.size

    def _qbuf(self, buffer: Struct) -> None:
        waiting = [entry[0] for entry in self.filled]
        if buffer.index >= self.count or buffer.index in [*self.queued, *waiting]:
            raise refuse(errno.EINVAL)
        self.queued.append(buffer.index)

    def _dqbuf(self, buffer: Struct) -> None:
        if not self.streaming:
            raise refuse(errno.EINVAL)
        if not self.filled:
            raise BlockingIOError(errno.EAGAIN, "Resource temporarily unavailable")
        buffer.index, buffer.bytesused, buffer.flags, stamp_ns = self.filled.popleft()
        buffer.timestamp.tv_sec = stamp_ns // 1_000_000_000
        buffer.timestamp.tv_usec = stamp_ns % 1_000_000_000 // 1000
        buffer.sequence = self.sequence
        self.sequence += 1

    def _streamon(self, kind: ctypes.c_int) -> None:
        assert kind.value == api.CAPTURE
        if not self.count:
            raise refuse(errno.EINVAL)
        self.streaming = True
        self.streams += 1


class FakePoll:
    """A replacement for `select.poll` with one device node."""

    def __init__(self, kernel: Kernel) -> None:
        self._kernel = kernel
        self._camera: FakeCamera | None = None
        self._descriptor = -1

    def register(self, descriptor: int, events: int) -> None:
        assert events == select.POLLIN
        self._descriptor = descriptor
        self._camera = self._kernel.camera_of(descriptor)

    def poll(self, timeout_ms: float) -> list[tuple[int, int]]:
        camera = self._camera
        if camera is None:
            return []
        with camera.changed:
            camera.changed.wait_for(lambda: camera.events() != 0, timeout_ms / 1000)
            return [(self._descriptor, camera.events())] if camera.events() else []


class Kernel:
    """All device nodes in a folder that stands in for /dev."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch, folder: Path) -> None:
        self.folder = folder
        self.cameras: list[FakeCamera] = []
        self.open_descriptors: dict[int, FakeCamera] = {}
        self._close = os.close
        monkeypatch.setattr(fcntl, "ioctl", self._ioctl)
        monkeypatch.setattr(select, "poll", lambda: FakePoll(self))
        monkeypatch.setattr(os, "close", self._closing)

    def add(self, name: str, card: bytes = b"HD Webcam", **more: Struct) -> FakeCamera:
        """Plug a camera in."""
        camera = FakeCamera(self.folder / name, card, **more)
        self.cameras.append(camera)
        return camera

    def link(self, name: str, camera: FakeCamera, kind: str = "by-id") -> Path:
        """Create a symbolic link like udev's."""
        folder = self.folder / "v4l" / kind
        folder.mkdir(parents=True, exist_ok=True)
        (folder / name).unlink(missing_ok=True)
        (folder / name).symlink_to(camera.path)
        return folder / name

    def camera_of(self, descriptor: int) -> FakeCamera | None:
        """Return the camera that a descriptor was opened for, even if it is unplugged now."""
        if descriptor not in self.open_descriptors:
            path = Path(
                str(Path(f"/proc/self/fd/{descriptor}").readlink()).removesuffix(" (deleted)")
            )
            found = [c for c in self.cameras if c.path == path and not c.gone]
            if found:
                self.open_descriptors[descriptor] = found[-1]
        return self.open_descriptors.get(descriptor)

    def _ioctl(self, descriptor: int, request: int, argument: Struct) -> int:
        camera = self.camera_of(descriptor)
        if camera is None:
            raise refuse(errno.ENOTTY)
        camera.ioctl(descriptor, request, argument)
        return 0

    def _closing(self, descriptor: int) -> None:
        camera = self.open_descriptors.pop(descriptor, None)
        if camera is not None:
            camera.closed(descriptor)
        self._close(descriptor)


def _code(number: int) -> str:
    return number.to_bytes(4, "little").decode()


class Shooting:
    """A context manager in which a thread makes a camera take pictures at a given rate."""

    def __init__(
        self, camera: FakeCamera, pictures: Sequence[Image | bytes], rate: float = 60.0
    ) -> None:
        self._camera, self._pictures, self._rate = camera, pictures, rate
        self._end = threading.Event()
        self._thread = threading.Thread(target=self._shoot, daemon=True)

    def _shoot(self) -> None:
        number = 0
        while not self._end.wait(1 / self._rate) and not self._camera.gone:
            number += self._camera.send(self._pictures[number % len(self._pictures)])

    def __enter__(self) -> None:
        self._thread.start()

    def __exit__(self, *exception: object) -> None:
        self._end.set()
        self._thread.join()
