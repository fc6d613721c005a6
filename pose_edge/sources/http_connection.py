"""An HTTP request whose response may be endless.

`http.client` parses the header and the chunks. This module adds two things: a wait for data that
can time out and be resumed, and a limit on the total time for the header, however slowly its bytes
arrive.
"""

from __future__ import annotations

import http.client
import io
import select
import socket
import ssl
import time
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from _typeshed import WriteableBuffer

CHUNK: Final = 64 * 1024
PORTS: Final = {"http": 80, "https": 443}


class WaitingReader(io.RawIOBase):
    """A raw reader of a socket, with a deadline that can be changed between reads.

    Unlike the result of `socket.makefile`, it can be read again after a timeout.

    Attributes:
        deadline: Time at which a read raises TimeoutError, on the monotonic clock, seconds.
        arrived_ns: Time at which the newest bytes were read, on the monotonic clock, nanoseconds.
    """

    def __init__(self, connection: socket.socket, deadline: float) -> None:
        """Create the reader; closing it closes the connection."""
        self._socket = connection
        self.deadline = deadline
        self.arrived_ns = time.monotonic_ns()

    def readable(self) -> bool:
        """Return True."""
        return True

    def readinto(self, buffer: WriteableBuffer) -> int:
        """Wait for bytes and read them; raise TimeoutError if none arrive by the deadline."""
        if not self._ready():
            raise TimeoutError
        count = self._socket.recv_into(buffer)
        self.arrived_ns = time.monotonic_ns()
        return count

    def close(self) -> None:
        """Close the connection."""
        self._socket.close()
        super().close()

    def _ready(self) -> bool:
        if isinstance(self._socket, ssl.SSLSocket) and self._socket.pending():
            return True
        poll = select.poll()
        poll.register(self._socket, select.POLLIN)
        return bool(poll.poll(max(0.0, self.deadline - time.monotonic()) * 1000))


class HttpResponse:
    """A server's response: its header, and its content as it arrives.

    Attributes:
        status: HTTP status code, e.g. 200.
        reason: Reason phrase of the status.
        url: The requested URL.
    """

    def __init__(
        self, response: http.client.HTTPResponse, reader: WaitingReader, url: str, limit_s: float
    ) -> None:
        """Create the answer from a response whose header was read.

        Args:
            response: The response.
            reader: The reader below `response.fp`.
            url: The requested URL.
            limit_s: Longest time that one read may take, seconds.
        """
        self._response = response
        self._reader = reader
        self._limit_s = limit_s
        self._unread = b""
        self._timed_out = False
        self.status = response.status
        self.reason = response.reason
        self.url = url

    @property
    def content_type(self) -> str:
        """The media type in lower case, e.g. "image/jpeg"; "" where undeclared."""
        declared = self._response.headers.get("Content-Type")
        return str(declared).partition(";")[0].strip().lower() if declared else ""

    @property
    def boundary(self) -> str:
        """The declared separator of a multipart content's parts; "" where undeclared."""
        found = self._response.headers.get_param("boundary")
        return found if isinstance(found, str) else ""

    @property
    def length(self) -> int | None:
        """Number of bytes of the content still to come; None where undeclared."""
        return None if self._response.chunked else self._response.length

    @property
    def arrived_ns(self) -> int:
        """Time at which the newest bytes arrived, on the monotonic clock, nanoseconds."""
        return self._reader.arrived_ns

    def headers(self, name: str) -> list[str]:
        """Return all values of a header; [] if it is missing."""
        return [str(value) for value in self._response.headers.get_all(name, [])]

    def receive(self, wait_s: float) -> bytes | None:
        """Return the next bytes as soon as some have arrived.

        Args:
            wait_s: Longest wait for the first byte, seconds.

        Returns:
            The bytes; b"" at the end of the content; None if none arrive within `wait_s`.

        Raises:
            OSError, http.client.HTTPException: The connection or the server fails.
        """
        if self._unread:
            data, self._unread = self._unread, b""
            return data
        if self._response.fp is None or self.length == 0:
            return b""
        self._reader.deadline = time.monotonic() + wait_s
        try:
            if not self._response.fp.peek(1):
                return b""
        except TimeoutError:
            return None
        # The bytes may begin a chunk's header, and reading that cannot be resumed: allow more time.
        self._reader.deadline = time.monotonic() + self._limit_s
        return self._response.read1(CHUNK)

    def put_back(self, data: bytes) -> None:
        """Make the next `receive` or `read` return these bytes first."""
        self._unread = data + self._unread

    def read(self, size: int) -> bytes:
        """Return 1 to `size` bytes, or b"" at the end; raise TimeoutError after the time limit.

        After the time limit the content counts as ended: FFmpeg reads on after an error, and PyAV
        prints a traceback for each further one.
        """
        if self._timed_out:
            return b""
        data = self.receive(self._limit_s)
        if data is None:
            self._timed_out = True
            raise TimeoutError
        self.put_back(data[size:])
        return data[:size]

    def close(self) -> None:
        """Close the connection."""
        self._response.close()


def request(
    url_parts: tuple[str, str, int, str], headers: dict[str, str], deadline: float, limit_s: float
) -> HttpResponse:
    """Send a GET request and return the response once its header has arrived.

    Args:
        url_parts: Scheme ("http" or "https"), host, port, path with query.
        headers: Additional request headers.
        deadline: Time by which the header must have arrived, on the monotonic clock, seconds.
        limit_s: Longest time that a later read may take, seconds.

    Raises:
        OSError, http.client.HTTPException: The connection or the server fails.
    """
    scheme, host, port, path = url_parts
    connection = _connect(host, port, deadline)
    try:
        if scheme == "https":
            connection = _encrypt(connection, host, deadline)
        connection.settimeout(_left(deadline))
        client = http.client.HTTPConnection(host, port)
        client.sock = connection
        shown = f"[{host}]" if ":" in host else host
        named = shown if port == PORTS[scheme] else f"{shown}:{port}"
        client.request("GET", path, headers={"Host": named, "Connection": "close"} | headers)
        response = http.client.HTTPResponse(connection, method="GET")
        response.fp.close()
        reader = WaitingReader(connection, deadline)
        response.fp = io.BufferedReader(reader, CHUNK)
        response.begin()
        connection.settimeout(limit_s)
    except BaseException:
        connection.close()
        raise
    return HttpResponse(response, reader, f"{scheme}://{named}{path}", limit_s)


def _connect(host: str, port: int, deadline: float) -> socket.socket:
    """Connect to the first of a host's addresses that accepts, with one deadline for all."""
    fault: OSError = OSError(f"{host} has no address")
    for family, kind, protocol, _name, address in socket.getaddrinfo(
        host, port, type=socket.SOCK_STREAM
    ):
        connection = socket.socket(family, kind, protocol)
        try:
            connection.settimeout(_left(deadline))
            connection.connect(address)
        except OSError as error:
            connection.close()
            fault = error
        else:
            return connection
    raise fault


def _encrypt(connection: socket.socket, host: str, deadline: float) -> ssl.SSLSocket:
    """Start TLS on a connection; close the connection if that fails.

    Certificates are not verified, as cameras sign their own (FFmpeg does not verify them either).
    """
    context = ssl.create_default_context()
    context.check_hostname = False
    context.verify_mode = ssl.CERT_NONE
    try:
        connection.settimeout(_left(deadline))
        return context.wrap_socket(connection, server_hostname=host)
    except BaseException:
        connection.close()
        raise


def _left(deadline: float) -> float:
    """Return the seconds until a deadline, at least 0.01: a socket's timeout must be positive."""
    return max(0.01, deadline - time.monotonic())
