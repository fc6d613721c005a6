"""A connection to an MQTT broker that reconnects by itself and never blocks its caller."""

from __future__ import annotations

import logging
import sys
import threading
import time
from collections import deque
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from pose_edge.config.outputs import PASSWORD_VARIABLE
from pose_edge.errors import PoseEdgeError
from pose_edge.sinks.mqtt_broker import Broker
from pose_edge.util.text import one_line

if TYPE_CHECKING:
    from paho.mqtt.client import Client, ConnectFlags, DisconnectFlags, MQTTMessage, MQTTMessageInfo
    from paho.mqtt.properties import Properties
    from paho.mqtt.reasoncodes import ReasonCode

log = logging.getLogger(__name__)

KEEPALIVE_S: Final = 5
"""MQTT keepalive interval, seconds. A broker that is silent for twice this time counts as lost; the
broker drops a client after 1.5 times this time."""
CONNECT_S: Final = 5.0
"""Timeout of an attempt to connect, seconds."""
RECONNECT_S: Final = (1, 4)
"""Shortest and longest wait between two attempts to connect, seconds."""
REFUSED_S: Final = 30
"""Wait after a refused login, seconds, because brokers lock out clients that try too often; also
after another client has taken over the session."""
SHORT_S: Final = 5.0
"""Duration below which a connection counts as short, seconds."""
MANY_SHORT: Final = 3
"""Number of short connections in a row that suggests that two clients with the same name keep
disconnecting each other."""

MAX_UNSENT: Final = 32
"""Most messages of QoS 0 that may wait for a slow network; further ones are dropped."""
MAX_UNACKNOWLEDGED: Final = 200
"""Most messages of QoS 1 that the broker has yet to acknowledge; further ones are dropped."""
MAX_COMMANDS: Final = 16
"""Most received messages that wait to be read; a new one then replaces the oldest."""
MAX_COMMAND_BYTES: Final = 256
"""Largest payload of a received message; larger ones are ignored."""
FAREWELL_S: Final = 1.0
"""Timeout of the last message, and again of closing the connection after it, seconds."""

LOGIN_REFUSED: Final = {"Bad user name or password", "Not authorized", "Banned"}
"""Names of MQTT 5 reason codes; paho uses them for both versions of the protocol."""
TAKEN_OVER: Final = "Session taken over"
"""Reason code for a client that was replaced by another one of the same name."""


@dataclass(frozen=True, slots=True)
class Will:
    """A retained message that the broker publishes once the connection is lost.

    Attributes:
        topic: Its topic.
        payload: Its payload.
    """

    topic: str
    payload: bytes


class MqttConnection:
    """A connection that paho's network thread opens, keeps alive and reopens.

    It may be used by one other thread. No call but `close` waits for the broker.

    Attributes:
        fault: Why there is no connection; None while connected and during the first attempt.
    """

    def __init__(
        self,
        broker: Broker,
        client_id: str,
        *,
        will: Will | None = None,
        subscribe: Sequence[str] = (),
    ) -> None:
        """Start to connect; return at once.

        Args:
            broker: The broker.
            client_id: Name of the client; the broker ends an older connection of the same name.
            will: The last will: published by the broker when this client vanishes.
            subscribe: Topics to receive messages of.
        """
        from paho.mqtt.client import Client
        from paho.mqtt.enums import CallbackAPIVersion, MQTTProtocolVersion

        self.fault: str | None = None
        self._broker = broker
        self._subscribe = list(subscribe)
        self._connections = 0
        self._greeted = 0
        self._connected = False
        self._since_s = 0.0
        self._short = 0
        self._received: deque[tuple[str, bytes, bool]] = deque(maxlen=MAX_COMMANDS)
        self._unsent: deque[MQTTMessageInfo] = deque()
        new = broker.version == "5"
        client = self._client = Client(
            CallbackAPIVersion.VERSION2,
            client_id,
            protocol=MQTTProtocolVersion.MQTTv5 if new else MQTTProtocolVersion.MQTTv311,
        )
        client.connect_timeout = CONNECT_S
        client.max_queued_messages_set(MAX_UNACKNOWLEDGED)
        client.reconnect_delay_set(*RECONNECT_S)
        if broker.tls is not None:
            client.tls_set_context(broker.tls)
        if will is not None:
            client.will_set(will.topic, will.payload, qos=1, retain=True)
        client.on_pre_connect = self._log_in
        client.on_connect = self._note_connection
        client.on_connect_fail = self._note_failure
        client.on_disconnect = self._note_end
        client.on_message = self._note_message
        client.connect_async(broker.host, broker.port, KEEPALIVE_S)
        client.loop_start()
        self._thread = client._thread  # paho does not tell when it has ended

    @property
    def connected(self) -> bool:
        """Whether the broker has accepted the connection."""
        return self._connected

    def check(self) -> None:
        """Check that paho's thread runs: an answer that paho cannot read would end it for good.

        Raises:
            OSError: It has ended, and only a new connection helps.
        """
        if self._thread is None or not self._thread.is_alive():
            self._connected = False
            raise OSError(f"broker {self._broker.address}: its answer cannot be read")

    def take_new_connection(self) -> bool:
        """Return whether this is the first call since the current connection was made."""
        connections = self._connections
        new = self._connected and connections != self._greeted
        self._greeted = connections
        return new

    def receive(self) -> list[tuple[str, bytes, bool]]:
        """Return the messages since the last call, as (topic, payload, whether retained)."""
        messages = []
        while self._received:
            messages.append(self._received.popleft())
        return messages

    def send(self, topic: str, payload: bytes) -> bool:
        """Publish a message that may be lost (QoS 0); return whether it was queued."""
        while self._unsent and _is_through(self._unsent[0]):
            self._unsent.popleft()
        if not self._connected or len(self._unsent) >= MAX_UNSENT:
            return False
        info = self._client.publish(topic, payload)
        if info.rc:
            return False
        self._unsent.append(info)
        return True

    def keep(self, topic: str, payload: bytes) -> bool:
        """Publish a retained message (QoS 0); return whether it was queued.

        QoS 0 suffices: the caller publishes all retained messages anew after each reconnect, and a
        redelivered one would be out of date by then. They are few, so `MAX_UNSENT` does not apply.
        """
        return self._connected and not self._client.publish(topic, payload, retain=True).rc

    def deliver(self, topic: str, payload: bytes) -> bool:
        """Publish a message until the broker has it (QoS 1); return whether it was queued."""
        return self._connected and not self._client.publish(topic, payload, 1).rc

    def close(self, farewell: Will | None = None) -> None:
        """Close the connection, within a second or two.

        Args:
            farewell: A retained message to publish first.
        """
        if farewell is not None and self._connected:
            info = self._client.publish(farewell.topic, farewell.payload, 1, retain=True)
            try:
                info.wait_for_publish(FAREWELL_S)
            except (RuntimeError, ValueError):  # the connection was lost, or hangs
                self._connected = False
        self._client.disconnect()
        # `loop_stop` joins paho's thread, which may be in a DNS lookup or a TLS handshake.
        end = threading.Thread(target=self._client.loop_stop, name="mqtt end", daemon=True)
        end.start()
        end.join(FAREWELL_S)

    # --- in paho's network thread ----------------------------------------------------------------

    def _log_in(self, _client: Client, _data: object) -> None:
        try:
            self._client.username_pw_set(*self._broker.login())
        except PoseEdgeError as error:  # try the previous login, which may still be valid
            self.fault = one_line(error.message)

    def _note_connection(
        self,
        _client: Client,
        _data: object,
        _flags: ConnectFlags,
        reason: ReasonCode,
        _properties: Properties | None,
    ) -> None:
        if reason.is_failure:
            name = reason.getName()
            if name in LOGIN_REFUSED:
                self._client.reconnect_delay_set(REFUSED_S, REFUSED_S)
                self._complain(
                    f"it refuses the login ({name}): check the user in mqtt.url, and "
                    f"mqtt.password_file or {PASSWORD_VARIABLE}"
                )
            else:
                self._complain(f"it refuses the connection: {name}")
            return
        self._client.reconnect_delay_set(*RECONNECT_S)
        for topic in self._subscribe:
            self._client.subscribe(topic, 1)
        self.fault = None
        self._since_s = time.monotonic()
        self._connections += 1
        self._connected = True

    def _note_failure(self, _client: Client, _data: object) -> None:
        self._connected = False
        error = sys.exc_info()[1]  # paho does not pass on the error
        reason = getattr(error, "verify_message", None) or getattr(error, "strerror", None)
        self._complain(one_line(reason or error or "no connection"))

    def _note_end(
        self,
        _client: Client,
        _data: object,
        flags: DisconnectFlags,
        reason: ReasonCode,
        _properties: Properties | None,
    ) -> None:
        refused = self.fault is not None and not self._connected
        self._connected = False
        if refused:  # the reason was reported already
            return
        name = reason.getName()
        self._short = self._short + 1 if time.monotonic() - self._since_s < SHORT_S else 0
        # An MQTT 3.1.1 broker gives no reason, and that of an MQTT 5 broker may get lost.
        if name == TAKEN_OVER or self._short >= MANY_SHORT:
            self._client.reconnect_delay_set(REFUSED_S, REFUSED_S)
            name = "another client seems to have the same name: set mqtt.device on each machine"
        elif not flags.is_disconnect_packet_from_server:
            name = "the connection was lost" if name != "Keep alive timeout" else "it is silent"
        self._complain(name)

    def _note_message(self, _client: Client, _data: object, message: MQTTMessage) -> None:
        try:
            topic = message.topic
        except UnicodeDecodeError:  # not allowed in MQTT; an exception here would end the thread
            log.debug("a message on a topic that is not UTF-8 is ignored")
            return
        if len(message.payload) <= MAX_COMMAND_BYTES:
            self._received.append((topic, bytes(message.payload), bool(message.retain)))

    def _complain(self, what: str) -> None:
        self.fault = f"broker {self._broker.address}: {what}"


def _is_through(info: MQTTMessageInfo) -> bool:
    """Return whether a message was sent, or was lost with its connection."""
    try:
        return bool(info.is_published())
    except (RuntimeError, ValueError):
        return True
