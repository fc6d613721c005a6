"""A simulated network camera, MJPEG over HTTP (multipart/x-mixed-replace), that can have faults."""

from __future__ import annotations

import contextlib
import math
import socket
import threading
import time
from collections.abc import Sequence
from typing import Self

import cv2
from helpers import coded_picture

from pose_edge.frames import Image

BOUNDARY = "frame"


class MjpegServer:
    """Sends the current picture of a fixed sequence to each client, like a live camera.

    The port stays the same across `stop` and `start`. The clock determines the current picture, so
    a client that reads slowly misses pictures and never receives old ones.
    """

    def __init__(
        self,
        pictures: Sequence[Image] | None = None,
        *,
        fps: float = 30.0,
        credentials: str = "",
    ) -> None:
        """Create the server and encode the pictures; `start` listens.

        Args:
            pictures: uint8 (height, width, 3) BGR; by default 256 pictures coded with their number.
            fps: Pictures per second.
            credentials: "user:password" for the URL; not checked by the server.
        """
        self.show(pictures or [coded_picture(number, 320, 240) for number in range(256)])
        self.fps = fps
        self._credentials = credentials + "@" if credentials else ""
        self._port = 0
        self._listener: socket.socket | None = None
        self._clients: list[socket.socket] = []
        self._threads: list[threading.Thread] = []
        self._lock = threading.Lock()
        self._running = threading.Event()
        self._running.set()
        self._started = time.monotonic()
        self.connections = 0

    @property
    def url(self) -> str:
        """The URL of the stream."""
        return f"http://{self._credentials}127.0.0.1:{self._port}/stream.mjpg"

    def show(self, pictures: Sequence[Image]) -> None:
        """Send other pictures from now on; their size may differ, as after a change of camera."""
        self._damaged: float = 0
        self._jpegs = [cv2.imencode(".jpg", picture)[1].tobytes() for picture in pictures]

    def damage(self, count: int | None) -> None:
        """Send damaged pictures from now on.

        Args:
            count: Number of damaged pictures; None for all until `show` is called.
        """
        self._damaged = math.inf if count is None else count

    def start(self) -> None:
        """Listen, on the same port as before."""
        listener = socket.socket()
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        listener.bind(("127.0.0.1", self._port))
        listener.listen()
        self._port = listener.getsockname()[1]
        self._listener = listener
        self._running.set()
        self._spawn(self._accept, listener)

    def stop(self) -> None:
        """Close the listener and all connections, as when the camera loses power."""
        with self._lock:
            listener, self._listener = self._listener, None
            clients, self._clients = self._clients, []
        self._running.set()
        for open_socket in [*clients, *([listener] if listener else [])]:
            with contextlib.suppress(OSError):
                open_socket.shutdown(socket.SHUT_RDWR)
            open_socket.close()
        for thread in self._threads:
            thread.join(10)
        self._threads.clear()

    def stall(self) -> None:
        """Stop sending but keep the connections, as when a camera hangs."""
        self._running.clear()

    def resume(self) -> None:
        """Continue after `stall`."""
        self._running.set()

    def __enter__(self) -> Self:
        """Start."""
        self.start()
        return self

    def __exit__(self, *exception: object) -> None:
        """Stop."""
        self.stop()

    def _spawn(self, target: object, argument: socket.socket) -> None:
        thread = threading.Thread(target=target, args=(argument,), daemon=True)  # type: ignore[arg-type]
        self._threads.append(thread)
        thread.start()

    def _accept(self, listener: socket.socket) -> None:
        while True:
            try:
                client, _address = listener.accept()
            except OSError:
                return
            with self._lock:
                if self._listener is not listener:
                    client.close()
                    return
                self._clients.append(client)
                self.connections += 1
            self._spawn(self._serve, client)

    def _serve(self, client: socket.socket) -> None:
        try:
            client.settimeout(10)
            while b"\r\n\r\n" not in client.recv(65536):
                pass
            client.sendall(
                b"HTTP/1.0 200 OK\r\nCache-Control: no-cache\r\nConnection: close\r\n"
                b"Content-Type: multipart/x-mixed-replace; boundary="
                + BOUNDARY.encode()
                + b"\r\n\r\n"
            )
            sent = -1
            while self._listener is not None:
                number = int((time.monotonic() - self._started) * self.fps)
                if number == sent or not self._running.wait(0.1):
                    time.sleep(0.2 / self.fps)
                    continue
                sent = number
                jpeg = self._jpegs[number % len(self._jpegs)]
                if self._damaged > 0:
                    self._damaged -= 1
                    jpeg = jpeg[:2] + b"no picture" * 50
                client.sendall(
                    f"--{BOUNDARY}\r\nContent-Type: image/jpeg\r\n"
                    f"Content-Length: {len(jpeg)}\r\n\r\n".encode()
                    + jpeg
                    + b"\r\n"
                )
        except OSError:
            pass
        finally:
            client.close()
