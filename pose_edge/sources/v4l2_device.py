"""Access to a V4L2 device's modes and buffers. See the kernel's "Video for Linux API".

It uses ioctl directly, because no library fits: OpenCV hides buffers and time stamps, and linuxpy
is under the GPL. The structures and requests come from `videodev2`, Raspberry Pi's bindings of the
kernel's header, except for two structures that it lacks.
"""

from __future__ import annotations

import ctypes
import errno
import fcntl
import mmap
import os
import select
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import videodev2 as v4l2

CAPTURE: Final[int] = v4l2.V4L2_BUF_TYPE_VIDEO_CAPTURE
VIDEO_CAPTURE: Final[int] = v4l2.V4L2_CAP_VIDEO_CAPTURE
FAULTY: Final[int] = v4l2.V4L2_BUF_FLAG_ERROR
CLOCK_MASK: Final[int] = v4l2.V4L2_BUF_FLAG_TIMESTAMP_MASK
MONOTONIC: Final[int] = v4l2.V4L2_BUF_FLAG_TIMESTAMP_MONOTONIC
DISCRETE: Final = 1
"""Type of a size or rate that is one value of a list. Every other type is a range."""


class _FrameSize(ctypes.Structure):
    """struct v4l2_frmsizeenum.

    `values` holds width and height, or minimum, maximum and step of the width and then the height.
    """

    _fields_ = (
        ("index", ctypes.c_uint32),
        ("pixel_format", ctypes.c_uint32),
        ("type", ctypes.c_uint32),
        ("values", ctypes.c_uint32 * 6),
        ("reserved", ctypes.c_uint32 * 2),
    )


class _FrameInterval(ctypes.Structure):
    """struct v4l2_frmivalenum; `intervals` holds one interval, or minimum, maximum and step."""

    _fields_ = (
        ("index", ctypes.c_uint32),
        ("pixel_format", ctypes.c_uint32),
        ("width", ctypes.c_uint32),
        ("height", ctypes.c_uint32),
        ("type", ctypes.c_uint32),
        ("intervals", v4l2.v4l2_fract * 3),
        ("reserved", ctypes.c_uint32 * 2),
    )


def _request(number: int, structure: type[ctypes.Structure]) -> int:
    """Return the value of _IOWR('V', number, structure) in the kernel's headers."""
    read_and_write = 3
    return read_and_write << 30 | ctypes.sizeof(structure) << 16 | ord("V") << 8 | number


ENUM_FRAMESIZES: Final = _request(74, _FrameSize)
ENUM_FRAMEINTERVALS: Final = _request(75, _FrameInterval)


@dataclass(frozen=True, slots=True)
class Range:
    """Values from `low` to `high` in steps of `step`; with step 0, every value between is valid."""

    low: float
    high: float
    step: float = 0.0


@dataclass(frozen=True, slots=True)
class Mode:
    """A format, size and frame rate that a camera sends or can send.

    Attributes:
        code: Pixel format as four letters, e.g. MJPG.
        width: Width, pixels.
        height: Height, pixels.
        rate: Frames per second; None where unknown.
        stride: Bytes from one row to the next; 0 for compressed formats and where unknown.
    """

    code: str
    width: int
    height: int
    rate: float | None = None
    stride: int = 0

    def __str__(self) -> str:
        """Return the mode for users, e.g. "1280x720 MJPG at 30 fps"."""
        rate = f" at {self.rate:.3g} fps" if self.rate else ""
        return f"{self.width}x{self.height} {self.code}{rate}"


@dataclass(frozen=True, slots=True)
class FilledBuffer:
    """A buffer that the driver has filled.

    Attributes:
        index: Number of the buffer.
        used: Number of bytes that are filled.
        faulty: Whether the driver reports the content as damaged.
        stamp_ns: Time at which the picture was taken, on the monotonic clock, nanoseconds; None
            where the driver uses another clock.
    """

    index: int
    used: int
    faulty: bool
    stamp_ns: int | None


class Device:
    """An open device node. Every method may raise OSError, with the kernel's error number."""

    def __init__(self, path: Path) -> None:
        """Open the node in non-blocking mode: only `wait` blocks."""
        self._descriptor = os.open(path, os.O_RDWR | os.O_NONBLOCK | os.O_CLOEXEC)
        self._maps: list[mmap.mmap] = []
        self._poll = select.poll()
        self._poll.register(self._descriptor, select.POLLIN)

    def close(self) -> None:
        """Stop the stream and close the node; closing it twice is allowed."""
        if self._descriptor < 0:
            return
        # os.close stops the stream and frees the buffers, even if the device is gone.
        descriptor, self._descriptor = self._descriptor, -1
        for memory in self._maps:
            memory.close()
        self._maps = []
        os.close(descriptor)

    def capability(self) -> tuple[str, str, str, int]:
        """Return the driver, the device's name, its port, and the node's V4L2_CAP_... flags."""
        answer = v4l2.v4l2_capability()
        self._ioctl(v4l2.VIDIOC_QUERYCAP, answer)
        own_flags = answer.capabilities & v4l2.V4L2_CAP_DEVICE_CAPS
        flags = answer.device_caps if own_flags else answer.capabilities
        return _text(answer.driver), _text(answer.card), _text(answer.bus_info), flags

    def codes(self) -> list[str]:
        """List the codes of the formats, the driver's preferred one first."""
        answers = self._list(v4l2.VIDIOC_ENUM_FMT, v4l2.v4l2_fmtdesc, type=CAPTURE)
        return [_letters(answer.pixelformat) for answer in answers]

    def sizes(self, code: str) -> list[tuple[Range, Range]]:
        """List the widths and heights of a format, pixels; [] if the driver lists none."""
        sizes = []
        for answer in self._list(ENUM_FRAMESIZES, _FrameSize, pixel_format=_number(code)):
            if answer.type == DISCRETE:
                width, height = answer.values[:2]
                sizes.append((Range(width, width), Range(height, height)))
            else:
                sizes.append((Range(*answer.values[:3]), Range(*answer.values[3:])))
        return sizes

    def rates(self, code: str, width: int, height: int) -> list[Range]:
        """List the frames per second of a format and size; [] if the driver lists none."""
        rates = []
        wish = {"pixel_format": _number(code), "width": width, "height": height}
        for answer in self._list(ENUM_FRAMEINTERVALS, _FrameInterval, **wish):
            shortest, longest, _step = answer.intervals
            if answer.type == DISCRETE:
                longest = shortest
            rates.append(Range(_rate(longest), _rate(shortest)))
        return rates

    def set_format(self, code: str, width: int, height: int) -> Mode:
        """Request a format and size; return the driver's choice, with an unknown rate."""
        wish = v4l2.v4l2_format(type=CAPTURE)
        wish.fmt.pix.pixelformat = _number(code)
        wish.fmt.pix.width, wish.fmt.pix.height = width, height
        wish.fmt.pix.field = v4l2.V4L2_FIELD_ANY
        self._ioctl(v4l2.VIDIOC_S_FMT, wish)
        got = wish.fmt.pix
        return Mode(_letters(got.pixelformat), got.width, got.height, stride=got.bytesperline)

    def set_rate(self, rate: float) -> float | None:
        """Request a rate in frames per second; return the driver's choice, None where unknown."""
        wish = v4l2.v4l2_streamparm(type=CAPTURE)
        wish.parm.capture.timeperframe.numerator = 1000
        wish.parm.capture.timeperframe.denominator = round(rate * 1000)
        try:
            self._ioctl(v4l2.VIDIOC_S_PARM, wish)
        except OSError as error:
            if error.errno in (errno.ENOTTY, errno.EINVAL):  # the device has no adjustable rate
                return None
            raise
        return _rate(wish.parm.capture.timeperframe) or None

    def start(self, buffers: int) -> int:
        """Request buffers, start the stream, and return how many buffers the driver made."""
        wish = v4l2.v4l2_requestbuffers(count=buffers, type=CAPTURE, memory=v4l2.V4L2_MEMORY_MMAP)
        self._ioctl(v4l2.VIDIOC_REQBUFS, wish)
        for index in range(wish.count):
            buffer = self._buffer(index)
            self._ioctl(v4l2.VIDIOC_QUERYBUF, buffer)
            # The buffer is only read, but some drivers refuse a read-only mapping.
            self._maps.append(mmap.mmap(self._descriptor, buffer.length, offset=buffer.m.offset))
            self._ioctl(v4l2.VIDIOC_QBUF, buffer)
        self._ioctl(v4l2.VIDIOC_STREAMON, ctypes.c_int(CAPTURE))
        return len(self._maps)

    def wait(self, timeout: float) -> bool:
        """Wait until a buffer is filled or the device is gone, at most `timeout` seconds.

        Returns:
            Whether `take` will return a buffer or raise the OSError of a device that is gone.
        """
        return bool(self._poll.poll(max(0.0, timeout) * 1000))

    def take(self) -> FilledBuffer | None:
        """Return the oldest filled buffer, or None if there is none."""
        buffer = self._buffer(0)
        try:
            self._ioctl(v4l2.VIDIOC_DQBUF, buffer)
        except BlockingIOError:
            return None
        stamp_ns = buffer.timestamp.tv_sec * 1_000_000_000 + buffer.timestamp.tv_usec * 1000
        return FilledBuffer(
            buffer.index,
            buffer.bytesused,
            bool(buffer.flags & FAULTY),
            stamp_ns if buffer.flags & CLOCK_MASK == MONOTONIC else None,
        )

    def content(self, filled: FilledBuffer) -> memoryview:
        """Return a view of a buffer's content; release it before giving the buffer back."""
        return memoryview(self._maps[filled.index])[: filled.used]

    def give_back(self, filled: FilledBuffer) -> None:
        """Give a buffer back to the driver, to be filled again."""
        self._ioctl(v4l2.VIDIOC_QBUF, self._buffer(filled.index))

    def _buffer(self, index: int) -> Any:  # noqa: ANN401 - videodev2 has no types
        return v4l2.v4l2_buffer(index=index, type=CAPTURE, memory=v4l2.V4L2_MEMORY_MMAP)

    def _ioctl(self, request: int, argument: Any) -> None:  # noqa: ANN401
        fcntl.ioctl(self._descriptor, request, argument)

    def _list(self, request: int, structure: Any, **fields: int) -> Iterator[Any]:  # noqa: ANN401
        """Yield the driver's answers for index 0, 1, 2, ... until there are no more."""
        for index in range(1000):
            answer = structure(index=index, **fields)
            try:
                self._ioctl(request, answer)
            except OSError as error:
                if error.errno in (errno.EINVAL, errno.ENOTTY):  # the end, or no such list
                    return
                raise
            yield answer


def _text(raw: Any) -> str:  # noqa: ANN401
    return bytes(raw).split(b"\0", 1)[0].decode("utf-8", "replace")


def _letters(number: int) -> str:
    return number.to_bytes(4, "little").decode("ascii", "replace")


def _number(code: str) -> int:
    return int.from_bytes(code.encode("ascii"), "little")


def _rate(interval: Any) -> float:  # noqa: ANN401
    """Return the frames per second for a frame interval; 0 for an invalid one."""
    return interval.denominator / interval.numerator if interval.numerator else 0.0
