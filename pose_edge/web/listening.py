"""Which services the settings ask for, and at which addresses."""

from __future__ import annotations

from enum import Enum, auto
from ipaddress import ip_address
from typing import Final, NamedTuple

from pose_edge.config.outputs import WebSettings
from pose_edge.config.schema import Settings
from pose_edge.errors import UsageError

THIS_MACHINE: Final = "127.0.0.1"
"""Host of a server whose setting has only a port: other machines cannot reach it."""
HIGHEST_PORT: Final = 65_535


class Service(Enum):
    """A service that a server offers."""

    PAGE = auto()
    """The page and everything it needs: picture, poses, changes of settings, files."""
    POSES = auto()
    """Pose lines over WebSocket."""
    METRICS = auto()
    """Metrics for Prometheus."""


class Place(NamedTuple):
    """The host and port at which a server listens.

    Attributes:
        host: IP address or name; an IPv6 address has no brackets.
        port: TCP port; 0 for any free port.
    """

    host: str
    port: int

    @property
    def local(self) -> bool:
        """Whether only programs on this machine can reach it."""
        return is_local(self.host)

    def __str__(self) -> str:
        """Return HOST:PORT."""
        return f"[{self.host}]:{self.port}" if ":" in self.host else f"{self.host}:{self.port}"


def parse_place(text: str) -> Place:
    """Parse a setting ``[HOST:]PORT``.

    Raises:
        UsageError: The port is higher than `HIGHEST_PORT`.
    """
    host, _, port = text.rpartition(":")
    if int(port) > HIGHEST_PORT:
        raise UsageError(f"{text}: the highest port is {HIGHEST_PORT}")
    return Place(host.removeprefix("[").removesuffix("]") or THIS_MACHINE, int(port))


def is_local(host: str) -> bool:
    """Return whether a host is a loopback address or "localhost"."""
    try:
        return ip_address(host.partition("%")[0]).is_loopback
    except ValueError:
        return host == "localhost"


def serves_page(settings: Settings) -> bool:
    """Return whether the settings ask for the page."""
    return settings.web.enabled or settings.display.kind == "web"


def find_services(settings: Settings) -> dict[Place, frozenset[Service]]:
    """Return the services to offer at each place; services at the same place share a server.

    Raises:
        UsageError: A port is higher than `HIGHEST_PORT`.
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
    """Return the names in a comma-separated setting, in lower case."""
    return frozenset(name.strip().lower() for name in setting.split(",") if name.strip())


def needs_token(place: Place, settings: WebSettings) -> bool:
    """Return whether the page needs a login: other machines can reach it, or a token is set."""
    return not place.local or settings.token_file is not None
