"""Descriptors of a USB webcam, and its control requests for format and size.

Follows the USB Device Class Definition for Video Devices 1.0, with the payload formats MJPEG and
uncompressed. The camera offers one size and one rate in both formats.
"""

from __future__ import annotations

import struct
from dataclasses import dataclass
from enum import IntEnum
from typing import Final

VENDOR: Final = 0x1209
PRODUCT: Final = 0x0001
NAMES: Final = ("", "pose-edge", "Test Camera", "0001")
"""String descriptors 1 to 3: manufacturer, product, serial number; 0 is the list of languages."""

ENDPOINT: Final = 0x81
PACKET: Final = 512
PAYLOAD: Final = 32 * PACKET
"""Largest payload transfer size offered to the guest's driver, in bytes."""
HEADER: Final = 2
"""Size of the header of each payload, in bytes."""

# Request types (bmRequestType): direction, kind and recipient.
STANDARD_IN: Final = 0x80
CLASS_IN: Final = 0xA1
CLASS_OUT: Final = 0x21
TO_ENDPOINT: Final = 0x02

GET_STATUS: Final = 0
CLEAR_FEATURE: Final = 1
GET_DESCRIPTOR: Final = 6
SET_CUR: Final = 0x01
GET_CUR: Final = 0x81
GET_LENGTH: Final = 0x85
GET_INFO: Final = 0x86

STREAMING_INTERFACE: Final = 1
PROBE: Final = 1
COMMIT: Final = 2


class Format(IntEnum):
    """The payload formats, by the index of their descriptor."""

    MJPEG = 1
    YUYV = 2


@dataclass(frozen=True)
class Mode:
    """Width and height of the camera's frames in pixels, and frames per second."""

    width: int
    height: int
    rate: int

    @property
    def interval(self) -> int:
        """Time between frames, in units of 100 ns."""
        return 10_000_000 // self.rate

    @property
    def raw_bytes(self) -> int:
        """Size of an uncompressed frame in bytes; no compressed one is larger."""
        return self.width * self.height * 2


def _part(kind: int, body: bytes) -> bytes:
    return bytes((2 + len(body), kind)) + body


def _class_part(subtype: int, body: bytes) -> bytes:
    return _part(0x24, bytes((subtype,)) + body)


def _frame(subtype: int, mode: Mode) -> bytes:
    """Return a frame descriptor with one size and one rate."""
    bits = mode.raw_bytes * 8 * mode.rate
    numbers = (1, 0, mode.width, mode.height, bits, bits, mode.raw_bytes, mode.interval, 1)
    return _class_part(subtype, struct.pack("<BBHHIIIIBI", *numbers, mode.interval))


def device_descriptor() -> bytes:
    """Return the device descriptor, with the class of a device with associated interfaces."""
    numbers = (0x0200, 0xEF, 2, 1, 64, VENDOR, PRODUCT, 0x0100, 1, 2, 3, 1)
    return _part(1, struct.pack("<HBBBBHHHBBBB", *numbers))


def configuration_descriptor(mode: Mode) -> bytes:
    """Return the configuration descriptor, with the control and the streaming interface."""
    colour = _class_part(0x0D, bytes((1, 1, 4)))
    yuy2 = b"YUY2\x00\x00\x10\x00\x80\x00\x00\xaa\x00\x38\x9b\x71"
    formats = (
        _class_part(0x06, bytes((Format.MJPEG, 1, 1, 1, 0, 0, 0, 0)))
        + _frame(0x07, mode)
        + colour
        + _class_part(0x04, bytes((Format.YUYV, 1)) + yuy2 + bytes((16, 1, 0, 0, 0, 0)))
        + _frame(0x05, mode)
        + colour
    )
    head = struct.pack("<BHBBBBBBBBB", 2, 15 + len(formats), ENDPOINT, 0, 2, 0, 0, 0, 1, 0, 0)
    streaming = (
        _part(4, bytes((STREAMING_INTERFACE, 0, 1, 14, 2, 0, 0)))
        + _class_part(0x01, head)
        + formats
        + _part(5, struct.pack("<BBHB", ENDPOINT, 2, PACKET, 0))
    )
    # A camera input terminal (1), connected to the USB output terminal (2).
    lens = _class_part(0x02, struct.pack("<BHBBHHHBBBB", 1, 0x0201, 0, 0, 0, 0, 0, 3, 0, 0, 0))
    way_out = _class_part(0x03, struct.pack("<BHBBB", 2, 0x0101, 0, 1, 0))
    length = 13 + len(lens + way_out)
    control = (
        _part(4, bytes((0, 0, 0, 14, 1, 0, 0)))
        + _class_part(0x01, struct.pack("<HHIBB", 0x0100, length, 48_000_000, 1, 1))
        + lens
        + way_out
    )
    body = _part(11, bytes((0, 2, 14, 3, 0, 0))) + control + streaming
    return _part(2, struct.pack("<HBBBBB", 9 + len(body), 2, 1, 0, 0x80, 250)) + body


class Talk:
    """Answers requests on the control endpoint, and keeps the negotiated format."""

    def __init__(self, mode: Mode) -> None:
        """Create the control endpoint of a camera that offers one mode."""
        self._mode = mode
        self.format = Format.MJPEG
        self.started = False
        """Whether the last request started the stream."""
        self.stopped = False
        """Whether the last request stopped the stream."""

    def answer(self, kind: int, request: int, value: int, index: int, data: bytes) -> bytes | None:
        """Answer a control request.

        Args:
            kind: Direction, kind and recipient (bmRequestType).
            request: The request (bRequest).
            value: First argument (wValue).
            index: Second argument (wIndex).
            data: Data sent with the request.

        Returns:
            The answer, possibly longer than requested; None to refuse the request.
        """
        self.started = self.stopped = False
        if kind & 0x60 == 0:
            return self._standard(kind, request, value)
        if index & 0xFF == STREAMING_INTERFACE and value >> 8 in (PROBE, COMMIT):
            return self._agree(request, committed=value >> 8 == COMMIT, data=data)
        return None

    def _standard(self, kind: int, request: int, value: int) -> bytes | None:
        if kind == STANDARD_IN and request == GET_DESCRIPTOR:
            return self._descriptor(value >> 8, value & 0xFF)
        if kind & STANDARD_IN:
            return bytes(2) if request == GET_STATUS else None
        # This is how the guest's driver ends a stream.
        self.stopped = kind == TO_ENDPOINT and request == CLEAR_FEATURE
        return b""

    def _descriptor(self, kind: int, number: int) -> bytes | None:
        match kind:
            case 1:
                return device_descriptor()
            case 2:
                return configuration_descriptor(self._mode)
            case 3 if number == 0:
                return _part(3, struct.pack("<H", 0x0409))  # English
            case 3 if number < len(NAMES):
                return _part(3, NAMES[number].encode("utf-16-le"))
            case 6:
                return _part(6, struct.pack("<HBBBBBB", 0x0200, 0xEF, 2, 1, 64, 1, 0))
        return None

    def _agree(self, request: int, *, committed: bool, data: bytes) -> bytes | None:
        """Negotiate format and size in two steps: probe, then commit."""
        match request:
            case 0x01:  # SET_CUR
                self.format = Format.YUYV if data[2] == Format.YUYV else Format.MJPEG
                self.started = committed
                return b""
            case 0x85:  # GET_LEN
                return struct.pack("<H", 26)
            case 0x86:  # GET_INFO: may be read and written
                return b"\x03"
        mode = self._mode
        head = struct.pack("<HBBI", 1, self.format, 1, mode.interval)
        return head + bytes(10) + struct.pack("<II", mode.raw_bytes, PAYLOAD)
