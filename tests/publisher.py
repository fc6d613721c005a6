"""A fake publisher of the models to fetch: at their real addresses, through a local proxy.

`https_proxy` of a program points here. Whatever server the program then asks for over TLS, this one
answers, with a certificate that `SSL_CERT_FILE` makes it trust.
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
        status: Of the answer.
        declared: Content-Length, where it is not that of what is sent.
        cut_after: Bytes after which the first, second, ... answer ends.
        silent: The connection ends without an answer.
        garbled: A cut answer ends with bytes that are not TLS.
        hold: A cut answer stays open: the rest is never sent.
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
        environment: Variables that make a program use this server.
        offers: By the path of the address.
        tunnels: Hosts and ports that were asked for.
        asked: Path of each request.
        proxy_status: What the proxy answers.
        sent: Set when an offer that is held has sent its part.
        released: Set it to end the connections that are held.
    """

    environment: Mapping[str, str]
    offers: dict[str, Offer] = field(default_factory=dict)
    tunnels: list[str] = field(default_factory=list)
    asked: list[str] = field(default_factory=list)
    proxy_status: int = 200
    sent: threading.Event = field(default_factory=threading.Event)
    released: threading.Event = field(default_factory=threading.Event)


def make_certificate(folder: Path) -> Path:
    """Make a certificate for the publisher's host, with its key in one file.

    Returns:
        The file; skips the test where there is no openssl.
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
        certificate: As `make_certificate` returned it.
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
                    suppress(OSError),  # the program went away
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
    """Return a port without a listener."""
    with socket.create_server(("127.0.0.1", 0)) as server:
        port: int = server.getsockname()[1]
        return port
