"""An HTTP server for tests that script its answers byte by byte."""

from __future__ import annotations

import contextlib
import socket
import threading
from collections.abc import Callable, Iterable
from typing import Self

from helpers import GENEROUS_S

Script = Callable[[str], Iterable[bytes]]
"""Takes the header of a request and yields the bytes to send; then the connection is closed."""


class ScriptedHttpServer:
    """Answers each connection by a script, in a separate thread.

    Attributes:
        requests: The headers of all requests so far.
        over: Set at the end of the test; a script that simulates a hang waits for it.
    """

    def __init__(self, script: Script) -> None:
        """Listen on a free port."""
        self._script = script
        self._listener = socket.create_server(("127.0.0.1", 0))
        self._threads: list[threading.Thread] = []
        self.requests: list[str] = []
        self.over = threading.Event()
        self.port: int = self._listener.getsockname()[1]

    def url(self, path: str, credentials: str = "") -> str:
        """Return the address of a path."""
        return f"http://{credentials}{'@' if credentials else ''}127.0.0.1:{self.port}{path}"

    def __enter__(self) -> Self:
        """Start."""
        self._spawn(self._accept)
        return self

    def __exit__(self, *exception: object) -> None:
        """Stop."""
        self.over.set()
        with contextlib.suppress(OSError):
            self._listener.shutdown(socket.SHUT_RDWR)
        self._listener.close()
        for thread in self._threads:
            thread.join(GENEROUS_S)

    def _spawn(self, target: Callable[[], None]) -> None:
        thread = threading.Thread(target=target, daemon=True)
        self._threads.append(thread)
        thread.start()

    def _accept(self) -> None:
        with contextlib.suppress(OSError):
            while True:
                client, _address = self._listener.accept()
                self._spawn(lambda client=client: self._serve(client))  # type: ignore[misc]

    def _serve(self, client: socket.socket) -> None:
        with client, contextlib.suppress(OSError):
            client.settimeout(GENEROUS_S)
            request = b""
            while b"\r\n\r\n" not in request:
                data = client.recv(65536)
                if not data:
                    return
                request += data
            self.requests.append(request.decode("latin-1"))
            for data in self._script(self.requests[-1]):
                client.sendall(data)


def head(status: str = "200 OK", **fields: str) -> bytes:
    """Return the header of an answer; the keyword `content_type` gives Content-Type, and so on."""
    lines = [f"HTTP/1.1 {status}", "Connection: close"]
    lines += [f"{name.replace('_', '-').title()}: {value}" for name, value in fields.items()]
    return "\r\n".join([*lines, "", ""]).encode("latin-1")
