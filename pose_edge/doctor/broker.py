"""Check whether the MQTT broker can be reached and accepts the login."""

from __future__ import annotations

import time
import uuid
from collections.abc import Iterator
from typing import Final

from pose_edge.doctor.context import DoctorContext
from pose_edge.doctor.report import Finding, explain
from pose_edge.errors import PoseEdgeError
from pose_edge.sinks.mqtt_broker import find_broker
from pose_edge.sinks.mqtt_connection import CONNECT_S, MqttConnection

CHECK_INTERVAL_S: Final = 0.05
"""Interval at which the state of the connection is polled, seconds."""
SUBJECT: Final = "mqtt"


def examine(context: DoctorContext) -> Iterator[Finding]:
    """Log in to the configured broker, if there is one; nothing is published."""
    settings = context.settings.mqtt
    if settings.url is None:
        return
    try:
        broker = find_broker(settings, context.environment)
    except PoseEdgeError as error:
        yield Finding(SUBJECT, "fault", *explain(error, "see docs/mqtt.md"))
        return
    # With the client id of a running pose-edge, the broker would end that program's connection.
    connection = MqttConnection(broker, f"pose-edge-doctor-{uuid.uuid4().hex[:8]}")
    try:
        fault = _wait(connection)
    finally:
        connection.close()
    where = f"broker {broker.address}"
    if fault is not None:
        remedy = "see that it runs, and that address, port and firewall are right (docs/mqtt.md)"
        yield Finding(SUBJECT, "fault", fault, remedy)
        return
    user, password = broker.login()
    safe = "encrypted" if broker.tls else "not encrypted"
    yield Finding(
        SUBJECT,
        "ok",
        f"{where} answers: MQTT {broker.version}, {safe}, {f'user {user}' if user else 'no user'}",
    )
    if password is not None and broker.tls is None and not _is_here(broker.host):
        remedy = "use mqtts:// and mqtt.ca_file where the network is not yours alone"
        yield Finding(SUBJECT, "warning", f"{where}: the password is sent readable", remedy)


def _wait(connection: MqttConnection) -> str | None:
    """Wait until the connection stands and return None, or return why it failed."""
    deadline = time.monotonic() + CONNECT_S
    while not connection.connected:
        if connection.fault is not None:
            return connection.fault
        if time.monotonic() > deadline:
            return "the broker does not answer"
        time.sleep(CHECK_INTERVAL_S)
    return None


def _is_here(host: str) -> bool:
    return host in ("localhost", "::1") or host.startswith("127.")
