"""A connection to an MQTT broker that comes back by itself, and never holds anybody up."""

from __future__ import annotations

import sys
import threading
import time
from collections import deque
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from pose_edge.errors import PoseEdgeError
from pose_edge.sinks.mqtt_broker import PASSWORD_VARIABLE, Broker
from pose_edge.util.text import one_line

if TYPE_CHECKING:
    from paho.mqtt.client import Client, ConnectFlags, DisconnectFlags, MQTTMessage, MQTTMessageInfo
    from paho.mqtt.properties import Properties
    from paho.mqtt.reasoncodes import ReasonCode

KEEPALIVE_S: Final = 5
"""A broker that says nothing for twice as long is gone, and so are we for it after 1.5 times."""
CONNECT_S: Final = 5.0
RECONNECT_S: Final = (1, 4)
"""Shortest and longest wait between two attempts to connect."""
REFUSED_S: Final = 30
"""The wait after a refused login: brokers lock out those who try too often."""
SHORT_S: Final = 5.0
MANY_SHORT: Final = 3
"""So many connections in a row that were lost within so many seconds, and two clients probably
push each other out."""

MAX_UNSENT: Final = 32
"""Messages without acknowledgement that wait for a slow network; then they are left out."""
MAX_UNACKNOWLEDGED: Final = 200
"""Messages that the broker has not acknowledged; then they are left out."""
MAX_COMMANDS: Final = 16
"""Messages from the broker that wait to be read; then the oldest goes."""
MAX_COMMAND_BYTES: Final = 256
FAREWELL_S: Final = 1.0
"""How long the last message may take, and the end of the connection after it."""

LOGIN_REFUSED: Final = {"Bad user name or password", "Not authorized", "Banned"}
TAKEN_OVER: Final = "Session taken over"
"""Reasons of MQTT 5, as paho calls them for both versions of the protocol."""


@dataclass(frozen=True, slots=True)
class Will:
    """What the broker says, retained, once this connection is lost.

    Attributes:
        topic: Where.
        payload: What.
    """

    topic: str
    payload: bytes


class MqttConnection:
    """A connection that a thread of paho makes, keeps, and makes anew.

    One other thread may use it; none of its calls waits for the broker, but `close`.

    Attributes:
        trouble: Why there is no connection, or None: it stands, or the first attempt lasts.
    """

    def __init__(
        self,
        broker: Broker,
        client_id: str,
        *,
        will: Will | None = None,
        subscribe: Sequence[str] = (),
    ) -> None:
        """Begin to connect; return at once.

        Args:
            broker: Where to.
            client_id: Name of the client; the broker ends an older connection of the same name.
            will: What the broker says for a client that has vanished.
            subscribe: Topics of which messages are read.
        """
        from paho.mqtt.client import Client
        from paho.mqtt.enums import CallbackAPIVersion, MQTTProtocolVersion

        self.trouble: str | None = None
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

    @property
    def connected(self) -> bool:
        """Whether the broker has accepted the connection."""
        return self._connected

    def is_new(self) -> bool:
        """Return whether this is the first call since the present connection was made."""
        connections = self._connections
        new = self._connected and connections != self._greeted
        self._greeted = connections
        return new

    def receive(self) -> list[tuple[str, bytes, bool]]:
        """Return topic, payload, and whether it was retained, of messages since the last call."""
        messages = []
        while self._received:
            messages.append(self._received.popleft())
        return messages

    def send(self, topic: str, payload: bytes) -> bool:
        """Send a message that may be lost (QoS 0); return False where it was left out."""
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
        """Send a message that the broker keeps, of which there are few; False: it is left out.

        It is sent once (QoS 0): after a new connection, everything that is kept is said anew, and
        what was repeated by then would be out of date.
        """
        return self._connected and not self._client.publish(topic, payload, retain=True).rc

    def deliver(self, topic: str, payload: bytes) -> bool:
        """Send a message until the broker has it (QoS 1); return False where it was left out."""
        return self._connected and not self._client.publish(topic, payload, 1).rc

    def close(self, farewell: Will | None = None) -> None:
        """End the connection, within a second or two.

        Args:
            farewell: What is said, retained, before that.
        """
        if farewell is not None and self._connected:
            info = self._client.publish(farewell.topic, farewell.payload, 1, retain=True)
            try:
                info.wait_for_publish(FAREWELL_S)
            except (RuntimeError, ValueError):  # the connection was lost, or stands still
                self._connected = False
        self._client.disconnect()
        # paho waits for its thread, which may look up a name or shake hands.
        end = threading.Thread(target=self._client.loop_stop, name="mqtt end", daemon=True)
        end.start()
        end.join(FAREWELL_S)

    # --- in the thread of paho -------------------------------------------------------------------

    def _log_in(self, _client: Client, _data: object) -> None:
        try:
            self._client.username_pw_set(*self._broker.login())
        except PoseEdgeError as error:  # tried with the password of before, which may still do
            self.trouble = one_line(error.message)

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
        self.trouble = None
        self._since_s = time.monotonic()
        self._connections += 1
        self._connected = True

    def _note_failure(self, _client: Client, _data: object) -> None:
        self._connected = False
        error = sys.exc_info()[1]  # paho hands on everything but why
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
        refused = self.trouble is not None and not self._connected
        self._connected = False
        if refused:  # why was said already
            return
        name = reason.getName()
        self._short = self._short + 1 if time.monotonic() - self._since_s < SHORT_S else 0
        # Brokers of MQTT 3.1.1 do not tell why, and what one of MQTT 5 tells may be lost.
        if name == TAKEN_OVER or self._short >= MANY_SHORT:
            self._client.reconnect_delay_set(REFUSED_S, REFUSED_S)
            name = "another client seems to have the same name: set mqtt.device on each machine"
        elif not flags.is_disconnect_packet_from_server:
            name = "the connection was lost" if name != "Keep alive timeout" else "it is silent"
        self._complain(name)

    def _note_message(self, _client: Client, _data: object, message: MQTTMessage) -> None:
        if len(message.payload) <= MAX_COMMAND_BYTES:
            self._received.append((message.topic, bytes(message.payload), bool(message.retain)))

    def _complain(self, what: str) -> None:
        self.trouble = f"broker {self._broker.address}: {what}"


def _is_through(info: MQTTMessageInfo) -> bool:
    """Return whether a message has been sent, or was lost with its connection."""
    try:
        return bool(info.is_published())
    except (RuntimeError, ValueError):
        return True
