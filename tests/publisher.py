"""A fake server of the fetchable models at their real URLs, reached through a local proxy.

A program's `https_proxy` points to this proxy. It answers TLS requests to any host by itself, with
a certificate that the program trusts because of `SSL_CERT_FILE`.
"""

from __future__ import annotations

import os
import shutil
import socket
import ssl
import subprocess
import threading
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest

HOST = "raw.githubusercontent.com"


@dataclass(frozen=True)
class Offer:
    """The answer for one file.

    Attributes:
        body: The content.
        status: HTTP status.
        declared: Content-Length, if it differs from the length of `body`.
        cut_after: Number of bytes after which the first, second, ... answer ends.
        silent: Whether the connection ends without an answer.
        garbled: Whether a cut answer ends with bytes that are not TLS.
        hold: Whether the connection of a cut answer stays open without sending the rest.
    """

    body: bytes = b""
    status: int = 200
    declared: int | None = None
    cut_after: tuple[int, ...] = ()
    silent: bool = False
    garbled: bool = False
    hold: bool = False


@dataclass
class Publisher:
    """A running server.

    Attributes:
        environment: Environment variables that make a program use this server.
        offers: Offers by the path of the URL.
        tunnels: Host and port of each tunnel that was requested from the proxy.
        asked: Path of each request.
        proxy_status: HTTP status with which the proxy answers.
        sent: Set once the first part of a held answer is sent.
        released: Set it to end the held connections.
    """

    environment: Mapping[str, str]
    offers: dict[str, Offer] = field(default_factory=dict)
    tunnels: list[str] = field(default_factory=list)
    asked: list[str] = field(default_factory=list)
    proxy_status: int = 200
    sent: threading.Event = field(default_factory=threading.Event)
    released: threading.Event = field(default_factory=threading.Event)


def make_certificate(folder: Path) -> Path:
    """Make a certificate for the publisher's host; skip the test if there is no openssl.

    Returns:
        The certificate's file; the key is beside it, with the suffix .key.
    """
    if shutil.which("openssl") is None:
        pytest.skip("no openssl is installed to make a certificate for the test")
    file = folder / "certificate.pem"
    subprocess.run(
        [
            *("openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256"),
            *("-nodes", "-days", "2", "-subj", f"/CN={HOST}"),
            *("-addext", f"subjectAltName=DNS:{HOST}", "-addext", "keyUsage=digitalSignature"),
            *("-keyout", str(file.with_suffix(".key")), "-out", str(file)),
        ],
        check=True,
        capture_output=True,
    )
    return file


@contextmanager
def publishing(certificate: Path) -> Iterator[Publisher]:
    """Serve until the block ends.

    Args:
        certificate: The file from `make_certificate`.
    """
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(certificate, certificate.with_suffix(".key"))

    class Tunnel(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            number = publisher.asked.count(self.path)
            publisher.asked.append(self.path)
            offer = publisher.offers.get(self.path, Offer(status=404))
            if offer.silent:
                return
            body = offer.body
            self.send_response(offer.status)
            length = len(body) if offer.declared is None else offer.declared
            self.send_header("Content-Length", str(length))
            self.end_headers()
            if number >= len(offer.cut_after):
                self.wfile.write(body)
                return
            self.wfile.write(body[: offer.cut_after[number]])
            if offer.garbled:
                os.write(self.connection.fileno(), bytes(100))
            if offer.hold:
                publisher.sent.set()
                publisher.released.wait(60)

        def log_message(self, format: str, *arguments: object) -> None:  # noqa: A002
            """Log nothing."""

    class Proxy(Tunnel):
        def do_CONNECT(self) -> None:
            publisher.tunnels.append(self.path)
            self.send_response(publisher.proxy_status)
            self.end_headers()
            if publisher.proxy_status == 200:
                with (
                    suppress(OSError),  # the program has closed the connection
                    context.wrap_socket(self.connection, server_side=True) as inner,
                ):
                    Tunnel(inner, self.client_address, self.server)

    with ThreadingHTTPServer(("127.0.0.1", 0), Proxy) as http:
        address = f"http://127.0.0.1:{http.server_address[1]}"
        publisher = Publisher(
            {"https_proxy": address, "no_proxy": "", "SSL_CERT_FILE": str(certificate)}
        )
        thread = threading.Thread(target=http.serve_forever, args=(0.02,))
        thread.start()
        try:
            yield publisher
        finally:
            publisher.released.set()
            http.shutdown()
            thread.join()


def free_port() -> int:
    """Return a free port."""
    with socket.create_server(("127.0.0.1", 0)) as server:
        port: int = server.getsockname()[1]
        return port
