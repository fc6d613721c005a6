"""An emulated USB webcam that plays a video and can be plugged in, unplugged and frozen.

QEMU's usb-redir device forwards a USB device of another program over a socket; here that program
emulates the device. The guest uses its ordinary uvcvideo driver. The protocol is usbredir 0.7
(see docs/usb-redirection-protocol.md of the usbredir project).
"""

from __future__ import annotations

import socket
import struct
import threading
import time
from collections import deque
from collections.abc import Callable, Sequence
from contextlib import suppress
from enum import IntEnum
from pathlib import Path
from typing import Final

import av
import cv2
from system.uvc import ENDPOINT, HEADER, PACKET, PAYLOAD, PRODUCT, VENDOR, Format, Mode, Talk

from pose_edge.frames import Image

CAPABILITIES: Final = 1 << 1 | 1 << 4 | 1 << 5 | 1 << 6
"""Bit mask of protocol capabilities: device version in the connect packet (bit 1), maximum packet
sizes in the endpoint information (4), 64-bit packet ids after the hello (5), 32-bit bulk lengths
(6). QEMU's xHCI controller requires them."""

FIRST_HEAD: Final = struct.Struct("<III")
HEAD: Final = struct.Struct("<IIQ")
"""Packet header: type, length, id. `FIRST_HEAD`, with a 32-bit id, is used before the hello."""
BULK_HEAD: Final = struct.Struct("<BBHIH")
"""Header of a bulk packet: endpoint, status, lower half of the length, stream, upper half."""

HIGH_SPEED: Final = 2
DONE, CANCELLED, REFUSED = 0, 1, 4
JPEG_QUALITY: Final = 90
LOG_LENGTH: Final = 1000
"""Number of most recent frames whose send times are kept."""
CAMERA_SIZE: Final = (640, 360)
"""Default width and height of the camera's pictures, in pixels."""


class Packet(IntEnum):
    """The usbredir packet types that are used here."""

    HELLO = 0
    CONNECT = 1
    RESET = 3
    INTERFACES = 4
    ENDPOINTS = 5
    SET_CONFIGURATION = 6
    GET_CONFIGURATION = 7
    CONFIGURATION = 8
    SET_ALTERNATIVE = 9
    GET_ALTERNATIVE = 10
    ALTERNATIVE = 11
    CANCEL = 21
    CONTROL = 100
    BULK = 101


def encode(image: Image, wanted: Format, mode: Mode) -> bytes:
    """Resize a BGR picture to the camera's mode and encode it in the wanted format."""
    if wanted == Format.MJPEG:
        sized = cv2.resize(image, (mode.width, mode.height), interpolation=cv2.INTER_AREA)
        return cv2.imencode(".jpg", sized, [cv2.IMWRITE_JPEG_QUALITY, JPEG_QUALITY])[1].tobytes()
    frame = av.VideoFrame.from_ndarray(image, format="bgr24")
    return frame.reformat(mode.width, mode.height, "yuyv422").to_ndarray().tobytes()


class UsbCamera:
    """The camera, plugged in or not. Each stream starts the video from its first frame."""

    def __init__(self, port: Path, frames: Sequence[Image]) -> None:
        """Create a camera that is not plugged in yet.

        Args:
            port: Path of QEMU's socket for the device.
            frames: BGR pictures that the camera plays in a loop.
        """
        self._port = port
        self._frames = frames
        self._encoded: dict[tuple[Format, Mode], list[bytes]] = {}
        self._plug: Plug | None = None

    @property
    def sent(self) -> int:
        """Number of frames sent to the guest since the camera was plugged in."""
        return self._plug.sent if self._plug else 0

    @property
    def log(self) -> list[tuple[float, int]]:
        """The last `LOG_LENGTH` frames sent: the host's monotonic time and the picture's index."""
        return list(self._plug.log) if self._plug else []

    @property
    def plugged(self) -> bool:
        """Whether the camera is plugged in."""
        return self._plug is not None

    def plug(self, size: tuple[int, int] = CAMERA_SIZE, rate: int = 30, still: int = 1) -> None:
        """Plug the camera in.

        Args:
            size: Width and height, in pixels.
            rate: Frames per second.
            still: Number of times each picture is sent before the next one (slow motion).
        """
        assert self._plug is None, "it is plugged in already"
        mode = Mode(*size, rate)
        for wanted in Format:  # encode in advance, so that the first stream does not stutter
            self._encode(wanted, mode)
        self._plug = Plug(self._port, mode, lambda wanted: self._encode(wanted, mode), still)

    def unplug(self) -> None:
        """Unplug the camera."""
        assert self._plug is not None, "it is not plugged in"
        self._plug.pull()
        self._plug = None

    def freeze(self, *, frozen: bool = True) -> None:
        """Stop sending frames while staying connected, or resume with `frozen=False`."""
        assert self._plug is not None, "it is not plugged in"
        self._plug.freeze(frozen=frozen)

    def _encode(self, wanted: Format, mode: Mode) -> list[bytes]:
        key = (wanted, mode)
        if key not in self._encoded:
            self._encoded[key] = [encode(image, wanted, mode) for image in self._frames]
        return self._encoded[key]


class Plug:
    """One connection of the camera to the machine, from plugging in to unplugging."""

    def __init__(
        self, port: Path, mode: Mode, frames: Callable[[Format], Sequence[bytes]], still: int
    ) -> None:
        """Connect to QEMU and start answering its packets.

        Args:
            port: Path of QEMU's socket.
            mode: Size and frame rate.
            frames: Returns the encoded frames for a format.
            still: Number of times each frame is sent before the next one.
        """
        self._mode = mode
        self._frames = frames
        self._still = still
        self._talk = Talk(mode)
        self._changed = threading.Condition()
        self._wanted: list[tuple[int, int]] = []
        self._stream = 0
        self._streaming = False
        self._frozen = False
        self._configuration = 0
        self.sent = 0
        self.log: deque[tuple[float, int]] = deque(maxlen=LOG_LENGTH)
        self._socket = socket.socket(socket.AF_UNIX)
        self._socket.connect(str(port))
        self._sending = threading.Lock()
        self._head = FIRST_HEAD
        self._send(Packet.HELLO, 0, b"pose-edge".ljust(64, b"\0") + struct.pack("<I", CAPABILITIES))
        self._reader = threading.Thread(target=self._read, name="camera", daemon=True)
        self._reader.start()

    def freeze(self, *, frozen: bool) -> None:
        """Stop sending frames, or resume."""
        with self._changed:
            self._frozen = frozen
            self._changed.notify_all()

    def pull(self) -> None:
        """Disconnect."""
        self._stop()
        self._socket.shutdown(socket.SHUT_RDWR)
        self._reader.join()
        self._socket.close()

    def _send(self, kind: Packet, number: int, body: bytes) -> None:
        with self._sending:
            self._socket.sendall(self._head.pack(kind, len(body), number) + body)

    def _read(self) -> None:
        """Handle packets until one end disconnects."""
        # QEMU may send until it disconnects: failing to answer its last packets is not an error.
        with self._socket.makefile("rb") as reader, suppress(ConnectionError):
            while len(head := reader.read(self._head.size)) == self._head.size:
                kind, length, number = self._head.unpack(head)
                self._handle(kind, number, reader.read(length))

    def _handle(self, kind: int, number: int, body: bytes) -> None:
        match kind:
            case Packet.HELLO:
                self._head = HEAD
                self._introduce()
            case Packet.CONTROL:
                self._control(number, body)
            case Packet.BULK:
                _, _, low, _, high = BULK_HEAD.unpack(body[: BULK_HEAD.size])
                with self._changed:
                    self._wanted.append((number, high << 16 | low))
                    self._changed.notify_all()
            case Packet.CANCEL:
                self._cancel(number)
            case Packet.SET_CONFIGURATION | Packet.GET_CONFIGURATION:
                if body:
                    self._configuration = body[0]
                self._send(Packet.CONFIGURATION, number, bytes((DONE, self._configuration)))
            case Packet.SET_ALTERNATIVE | Packet.GET_ALTERNATIVE:
                self._send(Packet.ALTERNATIVE, number, bytes((DONE, body[0], 0)))
            case Packet.RESET:
                self._stop()

    def _introduce(self) -> None:
        """Send the interfaces and endpoints, then connect: QEMU requires this order."""
        nothing = bytes(30)
        classes = bytes((14, 14)) + nothing + bytes((1, 2)) + nothing + bytes(32)
        self._send(Packet.INTERFACES, 0, struct.pack("<I", 2) + bytes((0, 1)) + nothing + classes)
        # 16 OUT endpoints, then 16 IN endpoints; type 255 means that the endpoint does not exist.
        kinds, owners, packets = [255] * 32, [0] * 32, [0] * 32
        for place, what, owner, packet in ((0, 0, 0, 64), (16, 0, 0, 64), (17, 2, 1, PACKET)):
            kinds[place], owners[place], packets[place] = what, owner, packet
        sizes = struct.pack("<32H", *packets)
        self._send(Packet.ENDPOINTS, 0, bytes(kinds) + bytes(32) + bytes(owners) + sizes)
        device = (HIGH_SPEED, 0xEF, 2, 1, VENDOR, PRODUCT, 0x0100)
        self._send(Packet.CONNECT, 0, struct.pack("<BBBBHHH", *device))

    def _control(self, number: int, body: bytes) -> None:
        endpoint, request, kind, _, value, index, length = struct.unpack("<BBBBHHH", body[:10])
        answer = self._talk.answer(kind, request, value, index, body[10:])
        given = (answer or b"")[:length] if kind & 0x80 else b""
        status = REFUSED if answer is None else DONE
        moved = len(given) if kind & 0x80 or answer is None else length
        head = struct.pack("<BBBBHHH", endpoint, request, kind, status, value, index, moved)
        self._send(Packet.CONTROL, number, head + given)
        if self._talk.started:
            self._start()
        elif self._talk.stopped:
            self._stop()

    def _cancel(self, number: int) -> None:
        with self._changed:
            known = [wanted for wanted in self._wanted if wanted[0] == number]
            self._wanted = [wanted for wanted in self._wanted if wanted[0] != number]
        if known:
            self._bulk(number, CANCELLED, b"")

    def _bulk(self, number: int, status: int, data: bytes) -> None:
        head = BULK_HEAD.pack(ENDPOINT, status, len(data) & 0xFFFF, 0, len(data) >> 16)
        self._send(Packet.BULK, number, head + data)

    def _start(self) -> None:
        self._stop()
        with self._changed:
            self._stream += 1
            self._streaming = True
        frames = self._frames(self._talk.format)
        threading.Thread(
            target=self._play, args=(self._stream, frames), name="camera stream", daemon=True
        ).start()

    def _stop(self) -> None:
        with self._changed:
            self._streaming = False
            self._changed.notify_all()

    def _ended(self, stream: int) -> bool:
        return not self._streaming or self._stream != stream

    def _play(self, stream: int, frames: Sequence[bytes]) -> None:
        """Send frames at the camera's rate until the stream ends.

        Frames that the guest requests too late are dropped, as a real camera does.
        """
        start, number = time.monotonic(), 0
        while True:
            with self._changed:
                wait = start + number / self._mode.rate - time.monotonic()
                if self._changed.wait_for(lambda: self._ended(stream), max(0.0, wait)):
                    return
            which = number // self._still % len(frames)
            if not self._send_frame(stream, number & 1, frames[which]):
                return
            self.sent += 1
            self.log.append((time.monotonic(), which))
            number = max(number + 1, int((time.monotonic() - start) * self._mode.rate))

    def _send_frame(self, stream: int, parity: int, frame: bytes) -> bool:
        """Send one frame, split into payloads; return False if the stream has ended."""
        place = 0
        while place < len(frame):
            with self._changed:
                self._changed.wait_for(
                    lambda: self._ended(stream) or (self._wanted and not self._frozen)
                )
                if self._ended(stream):
                    return False
                wanted, room = self._wanted.pop(0)
            part = frame[place : place + min(room, PAYLOAD) - HEADER]
            place += len(part)
            last = place >= len(frame)
            try:
                self._bulk(wanted, DONE, bytes((HEADER, 0x80 | last << 1 | parity)) + part)
            except OSError:
                return False
        return True
