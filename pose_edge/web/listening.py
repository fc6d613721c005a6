"""What is served where, by the settings."""

from __future__ import annotations

from enum import Enum, auto
from ipaddress import ip_address
from typing import Final, NamedTuple

from pose_edge.config.outputs import WebSettings
from pose_edge.config.schema import Settings
from pose_edge.errors import UsageError

THIS_MACHINE: Final = "127.0.0.1"
"""Where a server listens that is given a port only."""
HIGHEST_PORT: Final = 65_535


class Service(Enum):
    """What a server offers."""

    PAGE = auto()
    """The page, with everything that it needs: picture, poses, steering, files."""
    POSES = auto()
    """Pose lines by WebSocket."""
    METRICS = auto()
    """Figures for Prometheus."""


class Place(NamedTuple):
    """Where a server listens.

    Attributes:
        host: Address or name; without the brackets of an IPv6 address.
        port: TCP port; 0 for any that is free.
    """

    host: str
    port: int

    @property
    def local(self) -> bool:
        """Whether only programs of this machine can reach it."""
        return is_local(self.host)

    def __str__(self) -> str:
        """Return HOST:PORT."""
        return f"[{self.host}]:{self.port}" if ":" in self.host else f"{self.host}:{self.port}"


def parse_place(text: str) -> Place:
    """Return the place of a setting ``[HOST:]PORT``.

    Raises:
        UsageError: There is no such port.
    """
    host, _, port = text.rpartition(":")
    if int(port) > HIGHEST_PORT:
        raise UsageError(f"{text}: the highest port is {HIGHEST_PORT}")
    return Place(host.removeprefix("[").removesuffix("]") or THIS_MACHINE, int(port))


def is_local(host: str) -> bool:
    """Return whether an address is one of the loopback interface."""
    try:
        return ip_address(host.partition("%")[0]).is_loopback
    except ValueError:
        return host == "localhost"


def serves_page(settings: Settings) -> bool:
    """Return whether there is a page."""
    return settings.web.enabled or settings.display.kind == "web"


def find_services(settings: Settings) -> dict[Place, frozenset[Service]]:
    """Return what is to be served, by place; services of the same place share a server.

    Raises:
        UsageError: A place cannot be one.
    """
    wanted = {
        Service.PAGE: settings.web.listen if serves_page(settings) else None,
        Service.POSES: settings.websocket.listen,
        Service.METRICS: settings.metrics.listen,
    }
    found: dict[Place, frozenset[Service]] = {}
    for service, text in wanted.items():
        if text is not None:
            place = parse_place(text)
            found[place] = found.get(place, frozenset()) | {service}
    return found


def names(setting: str) -> frozenset[str]:
    """Return the names of a setting with commas between them, in lower case."""
    return frozenset(name.strip().lower() for name in setting.split(",") if name.strip())


def needs_token(place: Place, settings: WebSettings) -> bool:
    """Return whether people log in to the page at a place: from elsewhere, or where it is set."""
    return not place.local or settings.token_file is not None
