"""The aiohttp application of one place: its services and its access rules."""

from __future__ import annotations

from collections.abc import Iterable

from aiohttp import web

from pose_edge.web.api import api_routes
from pose_edge.web.file_routes import file_routes
from pose_edge.web.guard import Rules, add_headers, make_guard
from pose_edge.web.listening import Place, Service, names, needs_token
from pose_edge.web.origin import machine_names
from pose_edge.web.pages import health_route, metrics_route, page_routes
from pose_edge.web.server_parts import ServerContext
from pose_edge.web.streams import poses_route, stream_route

BODY_BYTES = 65_536
"""Maximum size of the body of a request, bytes."""
MOST_PROGRAMS = 64
"""Maximum number of clients of the pose lines where there is no page."""


def make_site(parts: ServerContext, place: Place, services: Iterable[Service]) -> web.Application:
    """Return the application that offers services at a place."""
    services = frozenset(services)
    settings = parts.settings
    paged = Service.PAGE in services
    proxies = names(settings.web.hosts)
    rules = Rules(
        hosts=machine_names() | proxies | {place.host.lower()},
        proxies=proxies,
        origins=names(settings.websocket.origins),
        token_file=settings.web.token_file if paged and needs_token(place, settings.web) else None,
        sessions=parts.sessions,
        attempts=parts.attempts,
    )
    site = web.Application(middlewares=[make_guard(rules)], client_max_size=BODY_BYTES)
    site.on_response_prepare.append(add_headers)

    def most() -> int:
        return parts.settings.web.clients if paged else MOST_PROGRAMS

    site.add_routes([health_route(parts)])
    if paged:
        site.add_routes(page_routes(rules))
        site.add_routes(api_routes(parts, most))
        site.add_routes(file_routes(parts))
        site.add_routes([stream_route(parts, most)])
    if paged or Service.POSES in services:
        site.add_routes([poses_route(parts, most)])
    if Service.METRICS in services:
        site.add_routes([metrics_route(parts)])
    return site
