"""Publish poses, events and state over MQTT, and execute commands from there."""

from __future__ import annotations

import json
import os
import statistics
import threading
import time
from collections import deque
from collections.abc import Callable, Mapping
from functools import partial
from typing import Final

import pose_edge
from pose_edge.config.outputs import MqttSettings
from pose_edge.poses import Provenance
from pose_edge.sinks.device_name import device_name
from pose_edge.sinks.message import PoseMessage
from pose_edge.sinks.mqtt_broker import Broker, find_broker
from pose_edge.sinks.mqtt_connection import MqttConnection, Will
from pose_edge.sinks.mqtt_documents import (
    OFF,
    OFFLINE,
    ON,
    ONLINE,
    REMOVED,
    Appearance,
    Sight,
    Topics,
    discovery,
    state_message,
)
from pose_edge.sinks.network_sink import NetworkSink
from pose_edge.sinks.occupancy import Occupancy
from pose_edge.sinks.run_state import RunState
from pose_edge.sinks.steering import Steering
from pose_edge.supervision.supervisor import Supervisor
from pose_edge.util.processor import processor_name
from pose_edge.util.text import one_line
from pose_edge.zoo.registry import AUTO, Zoo

STATE_S: Final = 10.0
"""Seconds between two state messages while nothing changes."""
SOON_S: Final = 1.0
"""Shortest time between two state messages, seconds; a change of presence or picture is published
at once."""
LATENCIES: Final = 128
"""Number of newest latencies whose median is published."""
HANDOVER_S: Final = 3.0
"""Longest wait of a new connection for the end of the previous one, which has the same client
name, seconds."""

ReadState = Callable[[], RunState]


def mqtt_sink(
    settings: MqttSettings,
    state: ReadState,
    steering: Steering,
    *,
    report: Callable[[str | None], None],
    supervisor: Supervisor | None = None,
) -> NetworkSink[MqttSettings]:
    """Return a sink that publishes over MQTT, or to nobody if the settings name no broker.

    Args:
        settings: The section mqtt.
        state: Returns the state of the run; called in the sink's thread.
        steering: Takes the changes that clients of the broker request.
        report: See `RestartingSink`.
        supervisor: See `RestartingSink`.

    Raises:
        PoseEdgeError: The settings cannot be used; see `find_broker`.
    """
    opener = MqttOpener(state, steering)
    return NetworkSink("mqtt", opener.choose, settings, report=report, supervisor=supervisor)


class MqttOpener:
    """Opens one writer after the other; each removes the obsolete entities of the previous one."""

    def __init__(
        self, state: ReadState, steering: Steering, environment: Mapping[str, str] = os.environ
    ) -> None:
        """Initialise the opener; see `mqtt_sink`. `environment` may contain the password."""
        self._state = state
        self._steering = steering
        self._environment = environment
        self._before: MqttWriter | None = None

    def choose(self, settings: MqttSettings) -> Callable[[], MqttWriter] | None:
        """Return a function that opens a writer, or None if the settings name no broker."""
        if settings.url is None:
            return None
        return partial(self._open, settings, find_broker(settings, self._environment))

    def _open(self, settings: MqttSettings, broker: Broker) -> MqttWriter:
        before = self._before
        if before is not None:
            before.ended.wait(HANDOVER_S)
        self._before = MqttWriter(
            settings,
            broker,
            self._state,
            self._steering,
            obsolete=frozenset() if before is None else before.leftovers,
        )
        return self._before


class MqttWriter:
    """Publishes over one connection. A `Writer`.

    Attributes:
        ended: Set once the writer is closed.
        partial_fault: None; see `Writer`.
    """

    partial_fault: str | None = None

    def __init__(
        self,
        settings: MqttSettings,
        broker: Broker,
        state: ReadState,
        steering: Steering,
        *,
        obsolete: frozenset[str] = frozenset(),
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        """Start to connect; return at once.

        Args:
            settings: The section mqtt.
            broker: The broker.
            state: Returns the state of the run.
            steering: Takes changes of the run's settings.
            obsolete: Discovery topics of entities to remove, unless they are announced again.
            clock: Returns the time of a monotonic clock, seconds.
        """
        self.ended = threading.Event()
        self._settings = settings
        self._state = state
        self._steering = steering
        self._clock = clock
        self._topics = Topics(settings.device or device_name())
        self._models = choosable_models() if settings.control else ()
        self._discovery = self._announcement(obsolete)
        self._target = f"{broker.address}, topics {self._topics.base}"
        self._arrived = False
        self._presence = Occupancy(clock(), settings.present_after, settings.absent_after)
        self._people = 0
        self._provenance: Provenance | None = None
        self._latencies_ms: deque[float] = deque(maxlen=LATENCIES)
        self._pose_due_s = self._told_s = -1e9
        self._told: tuple[bool | None, bool | None] | None = None
        self._told_soon: tuple[int, Provenance | None] | None = None
        self._busy = False
        self._answers: deque[str] = deque()
        commands = [self._topics.command(name) for name in ("edgetpu", "model")]
        self._connection = MqttConnection(
            broker,
            f"pose-edge-{self._topics.device}",
            will=Will(self._topics.availability, OFFLINE),
            subscribe=[self._topics.availability, *(commands if settings.control else [])],
        )

    def _announcement(self, obsolete: frozenset[str]) -> dict[str, bytes]:
        settings = self._settings
        appearance = Appearance(
            self._topics.device,
            one_line(processor_name()),
            pose_edge.__version__,
            settings.control,
            self._models,
        )
        messages = discovery(settings.discovery_prefix, appearance)
        if not settings.discovery:
            messages = dict.fromkeys(messages, REMOVED)
        return dict.fromkeys(obsolete, REMOVED) | messages

    @property
    def leftovers(self) -> frozenset[str]:
        """Discovery topics that the next writer has to remove, or to announce again.

        A writer that was never connected could not remove those of the one before.
        """
        return frozenset(
            topic for topic, text in self._discovery.items() if text or not self._arrived
        )

    @property
    def target(self) -> str | None:
        """The broker and the topics, once there was a connection."""
        return self._target if self._arrived else None

    @property
    def waiting(self) -> str | None:
        """Why there is no connection, or None."""
        return None if self._connection.connected else self._connection.fault

    def write(self, item: PoseMessage) -> bool:
        """Publish the events of a message, and its poses at the rate in the settings."""
        if not self._connection.connected:
            return False
        now = self._clock()
        self._presence.see(now, bool(item.poses))
        self._people = len(item.poses) if item.people is None else item.people
        self._provenance = item.provenance
        if (latency := item.stages_ms.get("total")) is not None:
            self._latencies_ms.append(latency)
        taken = True
        for event in item.events:
            taken &= self._connection.deliver(self._topics.events, json.dumps(event).encode())
        rate = self._settings.rate
        if rate and now >= self._pose_due_s:
            # Counted from the previous due time, not from now, so that the mean rate is exact.
            self._pose_due_s = max(self._pose_due_s, now - 1 / rate) + 1 / rate
            taken &= self._connection.send(self._topics.poses, item.line.rstrip(b"\n"))
        return taken

    def tick(self) -> None:
        """Execute received commands, and publish what has changed; see `Writer.tick`."""
        self._connection.check()
        now = self._clock()
        if self._connection.take_new_connection():
            self._publish_all(now)
        if not self._connection.connected:
            return
        for topic, payload, retained in self._connection.receive():
            self._take(topic, payload, retained)
        while self._answers:
            self._busy = False
            self._answer(self._answers.popleft())
        self._presence.advance(now)
        self._tell_if_due(now)

    def close(self) -> None:
        """Publish that this device is offline, and close the connection."""
        try:
            self._connection.close(Will(self._topics.availability, OFFLINE))
        finally:
            self.ended.set()

    def _publish_all(self, now: float) -> None:
        """Publish all retained messages anew, after a new connection."""
        self._arrived = True
        self._presence.forget(now)  # no frame was evaluated while there was no connection
        for topic, text in self._discovery.items():
            self._connection.keep(topic, text)
        self._connection.keep(self._topics.availability, ONLINE)
        self._told = None

    def _tell_if_due(self, now: float) -> None:
        sight = (self._presence.present, self._presence.picture)
        soon, elapsed = (self._people, self._provenance), now - self._told_s
        late = elapsed >= STATE_S or (elapsed >= SOON_S and soon != self._told_soon)
        if sight == self._told and not late:
            return
        present, picture = sight
        if picture is False:
            self._latencies_ms.clear()
            self._people = 0
        if picture is not None:
            self._connection.keep(self._topics.picture, ONLINE if picture else OFFLINE)
        latency = statistics.median(self._latencies_ms) if self._latencies_ms else None
        text = state_message(
            time.time(), Sight(present, picture, self._people, latency), self._state()
        )
        if self._connection.keep(self._topics.state, text):
            self._told, self._told_soon, self._told_s = sight, soon, now

    def _take(self, topic: str, payload: bytes, retained: bool) -> None:
        """Handle a message from the broker."""
        if topic == self._topics.availability:
            # The last will of an earlier connection may arrive late.
            if payload == OFFLINE:
                self._connection.keep(topic, ONLINE)
            return
        text = one_line(payload.decode(errors="replace"), 80)
        if retained:
            self._answer(f"not changed: a retained message is no command ({text})")
        elif self._busy:
            self._answer(f"not changed: busy with the command before ({text})")
        elif topic == self._topics.command("edgetpu") and text in (ON, OFF):
            self._change("edgetpu.mode", text.lower())
        elif topic == self._topics.command("model") and text in self._models:
            self._change("model.name", text)
        else:
            self._answer(f"not changed: no such choice ({text})")

    def _change(self, key: str, value: str) -> None:
        self._busy = True
        self._steering.change(key, value, self._answers.append)

    def _answer(self, text: str) -> None:
        self._connection.deliver(self._topics.answer, text.encode())


def choosable_models() -> tuple[str, ...]:
    """Return the names of the models that MQTT clients can choose; paths of files are excluded."""
    zoo = Zoo()
    return (AUTO, *zoo.entries, *zoo.twins)
