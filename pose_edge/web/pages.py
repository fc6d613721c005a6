"""Routes of the page's static files, login and logout, health, and metrics for Prometheus."""

from __future__ import annotations

import html
from functools import cache, partial
from pathlib import Path
from typing import Final

from aiohttp import hdrs, web

from pose_edge.web.guard import HEALTH, WRONG_TOKEN, Rules, cookie_name, try_token
from pose_edge.web.login import SESSION_S
from pose_edge.web.server_parts import ServerContext

STATIC: Final = Path(__file__).parent / "static"
MESSAGE: Final = "<!--message-->"
"""Placeholder in login.html for the reason why a login failed."""
FORM: Final = "application/x-www-form-urlencoded"
FILES: Final = {
    "/": ("index.html", "text/html"),
    "/page.css": ("page.css", "text/css"),
    "/page.js": ("page.js", "text/javascript"),
    "/icon.svg": ("icon.svg", "image/svg+xml"),
}
"""URL paths of the page's files, with their file names and media types."""


def page_routes(rules: Rules) -> list[web.RouteDef]:
    """Return the routes of the page's static files, login and logout."""
    files = [
        web.get(path, partial(_send_file, name=name, kind=kind))
        for path, (name, kind) in FILES.items()
    ]
    return [
        *files,
        web.get("/login", partial(_show_login, rules=rules)),
        web.post("/login", partial(_log_in, rules=rules)),
        web.post("/logout", partial(_log_out, rules=rules)),
    ]


def health_route(parts: ServerContext) -> web.RouteDef:
    """Return the route of the health check, see `History.is_healthy`."""

    async def health(_request: web.Request) -> web.Response:
        good = parts.history.is_healthy(parts.state())
        return web.Response(text="ok\n" if good else "no frames\n", status=200 if good else 503)

    return web.get(HEALTH, health)


def metrics_route(parts: ServerContext) -> web.RouteDef:
    """Return the route of the metrics for Prometheus."""

    async def metrics(_request: web.Request) -> web.Response:
        from pose_edge.sinks.prometheus import metrics_text

        kind = {hdrs.CONTENT_TYPE: "text/plain; version=0.0.4; charset=utf-8"}
        return web.Response(body=metrics_text(parts.state()), headers=kind)

    return web.get("/metrics", metrics)


@cache
def static_text(name: str) -> str:
    """Return the text of one of the page's files."""
    return (STATIC / name).read_text(encoding="utf-8")


async def _send_file(_request: web.Request, *, name: str, kind: str) -> web.Response:
    text = static_text(name)
    return web.Response(text=text, content_type=kind, headers={"Cache-Control": "no-cache"})


async def _show_login(_request: web.Request, *, rules: Rules) -> web.Response:
    if rules.token_file is None:
        return _to_page()
    return _login_page("")


async def _log_in(request: web.Request, *, rules: Rules) -> web.Response:
    if request.content_type != FORM:
        return _login_page("send the form", status=415)
    try:
        token, malformed = str((await request.post()).get("token", "")), False
    except (ValueError, LookupError):  # LookupError: an unknown charset
        token, malformed = "", True
    wrong = try_token(request, rules, token)
    if malformed and wrong == WRONG_TOKEN:
        return _login_page("this form cannot be read", status=400)
    if wrong is not None:
        return _login_page(wrong[1], status=wrong[0])
    response = _to_page()
    response.set_cookie(
        cookie_name(request),
        rules.sessions.begin(),
        max_age=round(SESSION_S),
        path="",  # browsers then use the login page's folder: a proxy may add a prefix
        httponly=True,
        secure=request.headers.get(hdrs.ORIGIN, "").startswith("https:"),
        samesite="Strict",
    )
    return response


async def _log_out(request: web.Request, *, rules: Rules) -> web.Response:
    name = cookie_name(request)
    rules.sessions.end(request.cookies.get(name, ""))
    response = web.Response(status=303, headers={"Location": "login"})
    response.set_cookie(name, "", max_age=0, path="", httponly=True, samesite="Strict")
    return response


def _login_page(message: str, *, status: int = 200) -> web.Response:
    text = static_text("login.html").replace(MESSAGE, html.escape(message))
    return web.Response(text=text, status=status, content_type="text/html")


def _to_page() -> web.Response:
    return web.Response(status=303, headers={"Location": "./"})
