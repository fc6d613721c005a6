"""The address at which people find the page."""

from __future__ import annotations

import socket
from ipaddress import ip_address
from typing import Final

from pose_edge.web.listening import Place

ELSEWHERE: Final = (
    (socket.AF_INET, "192.0.2.1"),
    (socket.AF_INET6, "2001:db8::1"),
)
"""Addresses reserved for documentation, each with its family. Connecting a UDP socket to one sends
nothing, but selects the address by which other machines know this one."""


def page_address(place: Place) -> str:
    """Return the URL of a page, e.g. "http://192.168.1.7:8080".

    For a server that listens on all addresses, this is the address of the default route. It is
    numeric, because not every phone resolves `.local` names.
    """
    host = place.host
    if _is_any(host):
        host = own_address() or socket.gethostname()
    return f"http://{Place(host, place.port)}"


def own_address() -> str | None:
    """Return this machine's address in its network, or None; nothing is sent."""
    for family, elsewhere in ELSEWHERE:
        try:
            with socket.socket(family, socket.SOCK_DGRAM) as probe:
                probe.connect((elsewhere, 9))
                return str(probe.getsockname()[0])
        except OSError:  # no route
            continue
    return None


def _is_any(host: str) -> bool:
    try:
        return ip_address(host).is_unspecified
    except ValueError:
        return False
