"""Check the network outputs: their libraries, targets and listening ports."""

from __future__ import annotations

import errno
import importlib.util
import itertools
import os
import socket
import time
from collections.abc import Iterator
from typing import Any, Final
from urllib.parse import urlsplit

from pose_edge.config.schema import Settings
from pose_edge.doctor import broker
from pose_edge.doctor.context import DoctorContext
from pose_edge.doctor.report import Finding
from pose_edge.sinks.datagram_peer import AddressLookup, split_address
from pose_edge.sinks.mqtt_broker import WRONG_URL, WRONG_URL_REMEDY
from pose_edge.util.extras import extra_command
from pose_edge.web.listening import HIGHEST_PORT, serves_page

LIBRARIES: Final = {
    "osc": ("pythonosc", "osc"),
    "mqtt": ("paho.mqtt", "mqtt"),
    "websocket": ("aiohttp", "web"),
    "metrics": ("prometheus_client", "metrics"),
    "web": ("aiohttp", "web"),
}
"""For each output, the module that it needs and the extra of this package that installs it."""
MQTT_PORTS: Final = {"mqtt": 1883, "mqtts": 8883}
LOOKUP_S: Final = 3.0
"""Time limit for all name look-ups together, seconds."""
ANYWHERE: Final = ("0.0.0.0", "::")  # noqa: S104 - what users write to be reached by others
LOOPBACK: Final = "127.0.0.1"


def examine(context: DoctorContext) -> Iterator[Finding]:
    """Examine the enabled outputs; nothing is sent except a login to the broker."""
    settings = context.settings
    targets, servers = targets_of(settings), servers_of(settings)
    if not targets and not servers:
        yield Finding("network", "ok", "no output goes into the network")
        return
    lookups = [(name, host, port, AddressLookup(host, port)) for name, host, port in targets]
    names = list(dict.fromkeys([name for name, *_ in (*targets, *servers)]))
    missing = {name: list(_library(name)) for name in names}
    yield from itertools.chain.from_iterable(missing.values())
    deadline_s = time.monotonic() + LOOKUP_S
    for name, host, port, lookup in lookups:
        finding = _target(name, host, port, lookup, max(0.0, deadline_s - time.monotonic()))
        yield finding
        if name == "mqtt" and finding.verdict == "ok" and not missing[name]:
            yield from broker.examine(context)
    for name, host, port in servers:
        yield _server(name, host, port)


def targets_of(settings: Settings) -> list[tuple[str, str, int]]:
    """Return name, host and port of each output that sends; "" or 0 for an invalid one."""
    found = []
    if settings.udp.target is not None:
        found.append(("udp", *split_address(settings.udp.target)))
    if settings.osc.targets is not None:
        found += [("osc", *split_address(one)) for one in settings.osc.targets.split(",")]
    if settings.mqtt.url is not None:
        found.append(("mqtt", *_broker_address(settings.mqtt.url)))
    return found


def _broker_address(address: str) -> tuple[str, int]:
    """Return host and port of a broker; "" for a host, or 0 for a port, that is invalid."""
    host = ""
    try:
        url = urlsplit(address)
        host = url.hostname or ""
        return host, url.port or MQTT_PORTS[url.scheme]
    except ValueError:  # no IPv6 address in the brackets, or the port is out of range
        return host, 0


def servers_of(settings: Settings) -> list[tuple[str, str, int]]:
    """Return name, host and port of each output that listens."""
    listening = {
        "websocket": settings.websocket.listen,
        "metrics": settings.metrics.listen,
        "web": settings.web.listen if serves_page(settings) else None,
    }
    found = []
    for name, listen in listening.items():
        if listen is not None:
            host, port = split_address(listen if ":" in listen else f"{LOOPBACK}:{listen}")
            found.append((name, host, port))
    return found


def _library(name: str) -> Iterator[Finding]:
    """Yield a fault if the library of an output is missing."""
    if name not in LIBRARIES:
        return
    module, extra = LIBRARIES[name]
    try:
        present = importlib.util.find_spec(module) is not None
    except ModuleNotFoundError:  # the parent package is missing
        present = False
    if not present:
        text = f"{name} needs a package that is not installed"
        yield Finding(name, "fault", text, extra_command(extra))


def _target(name: str, host: str, port: int, lookup: AddressLookup, timeout: float) -> Finding:
    if not host:  # only the address of a broker is not checked with the configuration
        return Finding(name, "fault", WRONG_URL, WRONG_URL_REMEDY)
    place = f"{host}:{port}"
    if not 1 <= port <= HIGHEST_PORT:
        remedy = f"choose 1 to {HIGHEST_PORT}"
        return Finding(name, "fault", f"{place}: there is no such port", remedy)
    try:
        found = lookup.result(timeout)
    except OSError as error:
        remedy = "check the name, or give the address in numbers"
        return Finding(name, "fault", f"{place} is not known: {error.strerror or error}", remedy)
    if found is None:
        text = f"{place}: nobody has said yet what address that is"
        return Finding(name, "warning", text, "check the network, or give the address in numbers")
    if (reason := _no_route_reason(found)) is not None:
        return Finding(name, "fault", f"{place} cannot be reached: {reason}", "check the network")
    numbers = found[0][4][0]
    return Finding(name, "ok", place if numbers == host else f"{place} is {numbers}")


def _no_route_reason(found: list[Any]) -> str | None:
    """Return why no address can be reached, or None; connecting a UDP socket sends nothing."""
    reason = "it has no address"
    for family, kind, protocol, _canonical, address in found:
        try:
            with socket.socket(family, kind, protocol) as probe:
                probe.setsockopt(socket.SOL_SOCKET, socket.SO_BROADCAST, 1)
                probe.connect(address)
        except OSError as error:
            reason = error.strerror or str(error)
        else:
            return None
    return reason


def _server(name: str, host: str, port: int) -> Finding:
    place = f"{host}:{port}"
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    try:
        with socket.socket(family, socket.SOCK_STREAM) as probe:
            probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            probe.bind((host, port))
    except (OSError, OverflowError) as error:
        number = getattr(error, "errno", None)
        if number == errno.EADDRINUSE:
            text = f"{place} is taken, perhaps by the running service"
            return Finding(name, "warning", text, "else choose another port")
        reason = os.strerror(number) if number else str(error)
        remedy = "choose a port from 1024 to 65535, and an address of this machine"
        return Finding(name, "fault", f"{place} cannot be listened at: {reason}", remedy)
    reach = "other machines can reach it" if host in ANYWHERE else "of this machine"
    return Finding(name, "ok", f"{place}, {reach}")
