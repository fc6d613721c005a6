"""HTTP requests to a network camera, with authentication, redirects and clear errors."""

from __future__ import annotations

import http.client
import ssl
import string
import time
from dataclasses import dataclass
from typing import Final
from urllib.parse import quote, unquote, urljoin, urlsplit

from pose_edge.errors import SourceError
from pose_edge.sources.http_auth import authorization
from pose_edge.sources.http_connection import PORTS, HttpResponse, request
from pose_edge.sources.network_errors import NETWORK, explain_os_error, explain_status
from pose_edge.util.text import one_line
from pose_edge.util.urls import redact

MAX_REDIRECTIONS: Final = 5
REDIRECTIONS: Final = frozenset((301, 302, 303, 307, 308))
HEADERS: Final = {"User-Agent": "pose-edge", "Accept": "*/*"}


@dataclass(frozen=True, slots=True)
class HttpAddress:
    """A parsed HTTP address.

    Attributes:
        scheme: "http" or "https".
        host: Name or IP address.
        port: Port number.
        path: Path and query.
        user: User name; "" if there is none.
        password: Password; "" if there is none.
    """

    scheme: str
    host: str
    port: int
    path: str
    user: str = ""
    password: str = ""


def parse_address(url: str) -> HttpAddress:
    """Parse an http:// or https:// address.

    Raises:
        SourceError: The address is not valid.
    """
    try:
        parts = urlsplit(url)
        port = parts.port or PORTS[parts.scheme]
        host = (parts.hostname or "").encode("idna").decode("ascii")
    except (ValueError, KeyError):
        host = ""
    if not host or any(character < " " for character in url):
        raise SourceError(f"stream {redact(url)}: the address is not valid")
    path = quote(
        (parts.path or "/") + ("?" + parts.query if parts.query else ""), string.punctuation
    )
    user, password = unquote(parts.username or ""), unquote(parts.password or "")
    return HttpAddress(parts.scheme, host, port, path, user, password)


def get(url: str, limit_s: float) -> HttpResponse:
    """Request an address and return the successful response.

    Redirects are followed, but never from https to http. User and password are sent only to the
    scheme, host and port of `url` itself.

    Args:
        url: http://... or https://..., with user and password where the camera needs them.
        limit_s: Longest time until the response, and for each read of it later, seconds.

    Raises:
        SourceError: There is no response, or it has an error status; the message says why.
    """
    deadline = time.monotonic() + limit_s
    first = address = parse_address(url)
    for _ in range(MAX_REDIRECTIONS):
        try:
            answer = _ask(address, first, deadline, limit_s)
        except (OSError, http.client.HTTPException) as error:
            raise _fault(url, address, error, limit_s) from None
        if answer.status not in REDIRECTIONS:
            break
        address = _redirected(url, address, answer)
    else:
        raise SourceError(f"stream {redact(url)}: redirected more than {MAX_REDIRECTIONS} times")
    if not 200 <= answer.status < 300:
        answer.close()
        path = address.path.partition("?")[0]
        reason, remedy = explain_status(answer.status, path, answer.reason)
        raise SourceError(f"stream {redact(url)}: {reason}", remedy=remedy)
    return answer


def _ask(address: HttpAddress, first: HttpAddress, deadline: float, limit_s: float) -> HttpResponse:
    """Send a request; if the server asks for a login, repeat it with user and password."""
    parts = (address.scheme, address.host, address.port, address.path)
    answer = request(parts, HEADERS, deadline, limit_s)
    own = (address.scheme, address.host, address.port) == (first.scheme, first.host, first.port)
    if answer.status != http.HTTPStatus.UNAUTHORIZED or not (first.user and own):
        return answer
    challenges = answer.headers("WWW-Authenticate")
    login = authorization(challenges, first.user, first.password, address.path)
    if login is None:
        return answer
    answer.close()
    return request(parts, HEADERS | {"Authorization": login}, deadline, limit_s)


def _redirected(url: str, address: HttpAddress, answer: HttpResponse) -> HttpAddress:
    """Return the address that a response redirects to, or raise SourceError if not allowed."""
    answer.close()
    target = (answer.headers("Location") or [""])[0]
    shown = one_line(redact(target) if "://" in target else target.partition("?")[0])
    try:
        new = parse_address(urljoin(answer.url, target))
    except (SourceError, ValueError):
        new = None
    if not target or new is None:
        raise SourceError(f"stream {redact(url)}: redirected to {shown or 'nowhere'}")
    if address.scheme == "https" and new.scheme == "http":
        why = f"redirected from https to http ({shown}), where others could read it"
        raise SourceError(f"stream {redact(url)}: {why}")
    return new


def _fault(url: str, address: HttpAddress, error: Exception, limit_s: float) -> SourceError:
    """Return the error for a request that got no response."""
    remedy: str | None
    if isinstance(error, ssl.SSLError) and not isinstance(error, TimeoutError):
        reason = f"no encrypted connection ({one_line(error.reason or str(error))})"
        remedy = "does the camera speak https:// at all?"
    elif isinstance(error, http.client.RemoteDisconnected):
        reason, remedy = "the connection was closed", NETWORK
    elif isinstance(error, OSError):
        reason, remedy = explain_os_error(error, address.host, address.port, limit_s)
    else:
        reason = f"the server does not speak HTTP ({type(error).__name__})"
        remedy = "is the port right?"
    return SourceError(f"stream {redact(url)}: {reason}", remedy=remedy)
