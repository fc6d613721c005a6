"""Middleware that refuses requests from other sites, beyond the rate limit, or without a login."""

from __future__ import annotations

import asyncio
import logging
from dataclasses import dataclass
from typing import Final

from aiohttp import hdrs, web
from aiohttp.typedefs import Handler, Middleware

from pose_edge.errors import OutputError, PoseEdgeError
from pose_edge.web.login import LoginAttempts, Sessions, is_token, read_token
from pose_edge.web.origin import is_embedded, is_known_host, is_own_origin
from pose_edge.web.throttle import Throttle

log = logging.getLogger(__name__)

HEALTH: Final = "/healthz"
OPEN: Final = frozenset({HEALTH, "/login", "/page.css", "/icon.svg"})
"""Paths that need no login."""
REQUESTS_PER_S: Final = 60.0
REQUESTS_AT_ONCE: Final = 120
"""Rate limit of a server's requests, from all clients together, and its burst size."""
BODY_S: Final = 10.0
"""Timeout for the body of a request, seconds."""
LONGEST_WAIT_S: Final = 2.0
"""Longest delay of a request beyond the rate limit, seconds; a longer one means a refusal."""

HEADERS: Final = {
    "X-Content-Type-Options": "nosniff",
    "X-Frame-Options": "DENY",
    "Referrer-Policy": "same-origin",
    "Cross-Origin-Resource-Policy": "same-origin",
    "Cross-Origin-Opener-Policy": "same-origin",
    "Server": "pose-edge",
}
"""Headers of every response. The referrer policy is not `no-referrer`, with which browsers would
hide the origin of the login form."""
CONTENT_POLICY: Final = (
    "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data: blob:; "
    "media-src 'self'; connect-src 'self'{sockets}; form-action 'self'; base-uri 'none'; "
    "frame-ancestors 'none'"
)
WRONG_TOKEN: Final = (403, "this is not the token")
"""Status and text of the refusal of a wrong token."""


@dataclass(frozen=True, slots=True)
class Rules:
    """The access rules of a server.

    Attributes:
        hosts: Names of this machine and of reverse proxies, in lower case.
        proxies: Names of reverse proxies, in lower case.
        origins: Origins of other pages that may open a WebSocket, in lower case.
        token_file: File of the token, or None where no login is needed.
        sessions: The sessions of people who have logged in.
        attempts: Failed attempts to log in.
    """

    hosts: frozenset[str]
    proxies: frozenset[str]
    origins: frozenset[str]
    token_file: str | None
    sessions: Sessions
    attempts: LoginAttempts


def refusal(status: int, text: str, headers: dict[str, str] | None = None) -> web.Response:
    """Return a response that tells the client, as JSON, why its request is refused."""
    return web.json_response({"text": text}, status=status, headers=headers)


def make_guard(rules: Rules) -> Middleware:
    """Return the middleware that enforces the rules and the rate limit."""
    throttle = Throttle(REQUESTS_PER_S, REQUESTS_AT_ONCE)

    @web.middleware
    async def guard(request: web.Request, handler: Handler) -> web.StreamResponse:
        wait_s = throttle.take(LONGEST_WAIT_S)
        if wait_s is None:
            return refusal(503, "too many requests", {"Retry-After": "5"})
        if wait_s:
            await asyncio.sleep(wait_s)
        refused = check_sender(request, rules)
        if refused is None and request.path not in OPEN:
            refused = check_login(request, rules)
        if refused is None and request.method == "POST":
            refused = await read_body(request)
        if refused is not None:
            return refused
        try:
            return await handler(request)
        except web.HTTPException:
            raise
        except PoseEdgeError as error:
            return refusal(409, str(error))
        except (ConnectionError, asyncio.CancelledError):
            raise
        except Exception:
            log.exception("web: internal error")
            return refusal(500, "internal error (see the log)")

    return guard


async def read_body(request: web.Request) -> web.Response | None:
    """Read the body of a request into its cache; return a refusal if it does not arrive in time."""
    try:
        async with asyncio.timeout(BODY_S):
            await request.read()
    except TimeoutError:
        return refusal(408, "the request has not arrived")
    return None


def check_sender(request: web.Request, rules: Rules) -> web.Response | None:
    """Return a refusal if another site's page may have sent a request, else None."""
    headers, host = request.headers, request.headers.get(hdrs.HOST, "")
    site, mode = headers.get("Sec-Fetch-Site"), headers.get("Sec-Fetch-Mode")
    if request.path == HEALTH:
        return None
    if not is_known_host(host, rules.hosts):
        return refusal(421, "this machine has another name; the setting web.hosts adds names")
    upgrade = headers.get(hdrs.UPGRADE, "").lower() == "websocket"
    if request.method in ("GET", "HEAD") and not upgrade:
        return refusal(403, "not for other pages") if is_embedded(site, mode) else None
    origin = headers.get(hdrs.ORIGIN)
    if upgrade and origin is not None and origin.lower() in rules.origins:
        return None
    if not is_own_origin(origin, site, host, rules.proxies):
        return refusal(403, "not for other pages")
    return None


def check_login(request: web.Request, rules: Rules) -> web.Response | None:
    """Return a refusal, or a redirect to the login, if a request needs a login first, else None."""
    if rules.token_file is None:
        return None
    name = request.cookies.get(cookie_name(request))
    if name is not None and rules.sessions.knows(name):
        return None
    scheme, _, token = request.headers.get(hdrs.AUTHORIZATION, "").partition(" ")
    if scheme.lower() == "bearer":
        wrong = try_token(request, rules, token.strip())
        return None if wrong is None else refusal(*wrong)
    if request.path == "/":
        return web.Response(status=303, headers={"Location": "login"})
    return refusal(401, "log in first", {"WWW-Authenticate": "Bearer"})


def try_token(request: web.Request, rules: Rules, token: str) -> tuple[int, str] | None:
    """Check a token; return None if it is right, else the status and text of the refusal."""
    address = request.remote or ""
    if (wait_s := rules.attempts.wait_s(address)) > 0:
        return 429, f"too many wrong tokens: try again in {wait_s:.0f} s"
    try:
        right = rules.token_file is None or is_token(token, read_token(rules.token_file))
    except OutputError as error:
        log.error("%s", error.message)
        return 503, "the token cannot be read here (see the log)"
    if right:
        rules.attempts.succeeded(address)
        return None
    rules.attempts.failed(address)
    log.warning("web: a wrong token from %s", address)
    return WRONG_TOKEN


def cookie_name(request: web.Request) -> str:
    """Return the name of the session cookie; the port in it separates servers of one host."""
    address = request.get_extra_info("sockname")
    return f"pose-edge-{address[1] if address else 0}"


async def add_headers(request: web.Request, response: web.StreamResponse) -> None:
    """Add the common headers to a response; a signal handler of aiohttp."""
    headers = response.headers
    for name, value in HEADERS.items():
        headers[name] = value
    headers.setdefault("Cache-Control", "no-store")
    host = request.headers.get(hdrs.HOST, "")
    plain = host.replace(".", "").replace("-", "").replace(":", "").strip("[]").isalnum()
    # In older versions of Safari, 'self' does not include WebSockets of the page's own host.
    sockets = f" ws://{host} wss://{host}" if plain and host.isascii() else ""
    headers["Content-Security-Policy"] = CONTENT_POLICY.format(sockets=sockets)
