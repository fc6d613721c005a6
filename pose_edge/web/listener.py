"""A server at one address and port, with limits on the resources that clients can use."""

from __future__ import annotations

import asyncio
import errno
import socket
from collections.abc import Iterable
from contextlib import ExitStack
from typing import Any, Final

from aiohttp import web

from pose_edge.errors import OutputError
from pose_edge.web.guard import HEADERS
from pose_edge.web.listening import Place, Service, needs_token
from pose_edge.web.login import read_token
from pose_edge.web.server_parts import ServerContext
from pose_edge.web.site import make_site
from pose_edge.web.streams import STUCK_S

CONNECTIONS: Final = 96
"""Maximum number of open connections; a browser opens up to six."""
IDLE_S: Final = 10.0
"""Timeout for a complete request, seconds, from the start of the connection or from the previous
request."""
LINGER_S: Final = 1.0
"""How long the unread rest of a request is read and discarded, seconds, so that the client gets the
response."""
LINE_BYTES: Final = 8190
MOST_HEADERS: Final = 64
BACKLOG: Final = 64
NO_ADDRESS: Final = frozenset({errno.EADDRNOTAVAIL, errno.EAFNOSUPPORT})
"""Errors of an address that this machine does not have."""
CLOSE_S: Final = 0.3
"""Longest wait for requests in progress when the server closes, seconds."""
FULL: Final = (
    b"HTTP/1.1 503 Service Unavailable\r\nContent-Type: text/plain\r\nConnection: close\r\n"
    b"Retry-After: 10\r\nContent-Length: 27\r\n\r\nthere are too many clients\n"
)


class ClientConnection(web.RequestHandler):
    """A connection that answers malformed requests briefly, and does not log them.

    By default, aiohttp repeats what was sent in its response and in the log, at any length.
    """

    __slots__ = ()

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Have the kernel end the connection if the client accepts no data for `STUCK_S`.

        Otherwise, clients that request but do not read could take up all connections.
        """
        connection = transport.get_extra_info("socket")
        if connection is not None and hasattr(socket, "TCP_USER_TIMEOUT"):  # Linux
            connection.setsockopt(
                socket.IPPROTO_TCP, socket.TCP_USER_TIMEOUT, round(STUCK_S * 1000)
            )
        super().connection_made(transport)

    def handle_error(
        self,
        request: web.BaseRequest,  # noqa: ARG002 - of the base class
        status: int = 500,
        exc: BaseException | None = None,  # noqa: ARG002
        message: str | None = None,  # noqa: ARG002
    ) -> web.StreamResponse:
        """Return the response to a request that cannot be parsed."""
        response = web.Response(status=status, text="faulty request\n", headers=HEADERS)
        response.force_close()
        return response


class Refusal(asyncio.Protocol):
    """Answers a client beyond the limit with status 503, and closes the connection."""

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Answer without reading the request."""
        if isinstance(transport, asyncio.WriteTransport):
            transport.write(FULL)
        transport.close()


class Listener:
    """A server at one address and port.

    Attributes:
        place: Where it listens; once it listens, a port of 0 is replaced by the real one.
        services: The services that it offers.
        fault: Why it does not listen, or None.
        sockets: The sockets on which it listens.
    """

    def __init__(self, place: Place, services: Iterable[Service], parts: ServerContext) -> None:
        """Create the server; `open` starts it."""
        self.place = place
        self.services = frozenset(services)
        self.fault: str | None = None
        self.sockets: list[socket.socket] = []
        self._parts = parts
        self._runner: web.AppRunner | None = None
        self._servers: list[asyncio.Server] = []

    @property
    def works(self) -> bool:
        """Whether it listens."""
        return bool(self._servers)

    @property
    def page(self) -> bool:
        """Whether it serves the page."""
        return self.works and Service.PAGE in self.services

    async def open(self) -> None:
        """Try to listen; on failure, set `fault` to the reason."""
        try:
            self._check_token()
            await self._listen()
        except OutputError as error:
            self.fault = error.message
        except OSError as error:
            remedy = "; choose another port" if error.errno == errno.EADDRINUSE else ""
            self.fault = f"cannot listen at {self.place}: {error.strerror or error}{remedy}"
        else:
            self.fault = None

    async def close(self) -> None:
        """Stop listening, and close all connections."""
        for server in self._servers:
            server.close()
        if self._runner is not None and self._runner.server is not None:
            for task in [*self._parts.streams]:
                if task is not None:
                    task.cancel()
            await self._runner.server.shutdown(CLOSE_S)
            await self._runner.cleanup()
        self._servers, self.sockets, self._runner = [], [], None

    def _check_token(self) -> None:
        """Raise `OutputError` if people must log in, and the token cannot be read."""
        settings = self._parts.settings.web
        if Service.PAGE not in self.services or not needs_token(self.place, settings):
            return
        if settings.token_file is None:
            raise OutputError(
                f"not served at {self.place}: other machines need a token; set web.token_file to a "
                "file that holds one"
            )
        read_token(settings.token_file)

    async def _listen(self) -> None:
        loop = asyncio.get_running_loop()
        sockets = await self._bind(loop)
        site = make_site(self._parts, self.place, self.services)
        # A stream is cancelled when its client leaves.
        runner = web.AppRunner(site, handler_cancellation=True, shutdown_timeout=CLOSE_S)
        await runner.setup()
        server = runner.server
        assert server is not None

        def accept() -> asyncio.Protocol:
            if len(server.connections) >= CONNECTIONS:
                return Refusal()
            return ClientConnection(
                server,
                loop=loop,
                keepalive_timeout=IDLE_S,
                lingering_time=LINGER_S,
                max_line_size=LINE_BYTES,
                max_field_size=LINE_BYTES,
                max_headers=MOST_HEADERS,
                auto_decompress=False,
            )

        self.sockets, self._runner = sockets, runner
        self._servers = [
            await loop.create_server(accept, sock=one, backlog=BACKLOG) for one in sockets
        ]

    async def _bind(self, loop: asyncio.AbstractEventLoop) -> list[socket.socket]:
        """Return bound sockets, one for each address of the host that this machine has.

        E.g. "localhost" is also ::1, which a machine without IPv6 does not have.
        """
        found = await loop.getaddrinfo(
            self.place.host, self.place.port, type=socket.SOCK_STREAM, flags=socket.AI_PASSIVE
        )
        port = self.place.port
        sockets, missing = [], None
        with ExitStack() as undo:
            for family, kind, protocol, _name, address in dict.fromkeys(found):
                try:
                    one = _bound_socket(family, kind, protocol, (address[0], port, *address[2:]))
                except OSError as error:
                    if error.errno not in NO_ADDRESS:
                        raise
                    missing = error
                else:
                    sockets.append(undo.enter_context(one))
                    port = one.getsockname()[1]
            if missing is not None and not sockets:
                raise missing
            undo.pop_all()
        self.place = Place(self.place.host, port)
        return sockets


def _bound_socket(family: int, kind: int, protocol: int, address: tuple[Any, ...]) -> socket.socket:
    with ExitStack() as undo:
        one = undo.enter_context(socket.socket(family, kind, protocol))
        one.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        if family == socket.AF_INET6:
            one.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY, 1)
        one.bind(address)
        undo.pop_all()
    return one
