"""Topics and payloads of MQTT: the state of a run, and the discovery messages.

Home Assistant learns of a device by one retained message for each of its entities ("discovery").
Since 2024.11 it also knows one message for a whole device. This module uses the older form, which
all versions know. The device block must not contain a key that old versions refuse.

https://www.home-assistant.io/integrations/mqtt/#mqtt-discovery
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Final

from pose_edge.sinks.message import Record
from pose_edge.sinks.run_state import RunState

ONLINE: Final = b"online"
OFFLINE: Final = b"offline"
ON: Final = "ON"
OFF: Final = "OFF"
REMOVED: Final = b""
"""Empty payload: as a retained message it deletes the previous one, and with it the entity."""

STATE_SCHEMA: Final = 1
"""Version of the JSON format of the state."""


@dataclass(frozen=True, slots=True)
class Topics:
    """The topics of one device.

    Attributes:
        device: Name of the device in its topics.
    """

    device: str

    @property
    def base(self) -> str:
        """Prefix of all topics."""
        return f"pose-edge/{self.device}"

    @property
    def availability(self) -> str:
        """Retained: whether the program runs; `OFFLINE` is its last will."""
        return f"{self.base}/availability"

    @property
    def picture(self) -> str:
        """Retained: whether frames arrive."""
        return f"{self.base}/picture"

    @property
    def state(self) -> str:
        """Retained: the state of the run."""
        return f"{self.base}/state"

    @property
    def poses(self) -> str:
        """The pose lines (JSON)."""
        return f"{self.base}/poses"

    @property
    def events(self) -> str:
        """Events: who has entered or left."""
        return f"{self.base}/events"

    @property
    def answer(self) -> str:
        """The results of commands."""
        return f"{self.base}/answer"

    def command(self, name: str) -> str:
        """Return the topic of a command: "edgetpu" or "model"."""
        return f"{self.base}/{name}/set"


@dataclass(frozen=True, slots=True)
class Appearance:
    """How a device appears in Home Assistant.

    Attributes:
        device: Name of the device in its topics; also its unique identifier.
        board: Kind of machine.
        version: Version of this program.
        control: Whether Home Assistant may choose the model and switch the Edge TPU.
        models: Names of the models that can be chosen.
    """

    device: str
    board: str
    version: str
    control: bool
    models: Sequence[str]


def discovery(prefix: str, appearance: Appearance) -> dict[str, bytes]:
    """Return the retained discovery messages, keyed by topic.

    Args:
        prefix: Home Assistant's discovery prefix.
        appearance: The device.

    Returns:
        A JSON object for each entity, or `REMOVED` for one that does not exist with these settings.
    """
    messages = {}
    for entity in _entities(appearance):
        topic = f"{prefix}/{entity.component}/pose_edge_{appearance.device}/{entity.key}/config"
        messages[topic] = REMOVED
        if entity.shown:
            messages[topic] = json.dumps(_message(entity, appearance)).encode()
    return messages


@dataclass(frozen=True, slots=True)
class _Entity:
    """One entity of Home Assistant: its component, key, name, and specific fields."""

    component: str
    key: str
    name: str
    fields: dict[str, Any]
    needs_picture: bool = False
    diagnostic: bool = True
    shown: bool = True


def _entities(appearance: Appearance) -> list[_Entity]:
    topics, control = Topics(appearance.device), appearance.control
    edgetpu = {"command_topic": topics.command("edgetpu"), "payload_on": ON, "payload_off": OFF}
    options = list(appearance.models)
    model = {
        "command_topic": topics.command("model"),
        "options": options,
        # A user's own file is not an option, and Home Assistant logs each value that is not one.
        "value_template": f"{{{{ value_json.model if value_json.model in {options} else None }}}}",
    }
    measured = {"state_class": "measurement"}
    milliseconds = {**measured, "unit_of_measurement": "ms", "icon": "mdi:timer-outline"}
    rate = {**measured, "unit_of_measurement": "fps", "icon": "mdi:speedometer"}
    degrees = {**measured, "unit_of_measurement": "°C", "device_class": "temperature"}
    present = {"device_class": "occupancy", "payload_on": ON, "payload_off": OFF}
    people = {**measured, "icon": "mdi:account-group"}
    return [
        _Entity("binary_sensor", "present", "Person present", present, True, diagnostic=False),
        _Entity("sensor", "people", "People", people, True, diagnostic=False),
        _Entity("sensor", "fps", "Frame rate", rate),
        _Entity("sensor", "latency_ms", "Latency", milliseconds, True),
        _Entity("sensor", "temperature", "Temperature", degrees),
        _Entity("sensor", "backend", "Backend", {"icon": "mdi:chip"}),
        _Entity("sensor", "model", "Model", {"icon": "mdi:brain"}, shown=not control),
        _Entity("switch", "edgetpu", "Edge TPU", {**edgetpu, "qos": 1}, shown=control),
        _Entity("select", "model", "Model", {**model, "qos": 1}, shown=control),
    ]


def _message(entity: _Entity, appearance: Appearance) -> Record:
    topics = Topics(appearance.device)
    identity = f"pose_edge_{appearance.device}"
    available = [topics.availability, *([topics.picture] if entity.needs_picture else [])]
    message: Record = {
        "name": entity.name,
        "unique_id": f"{identity}_{entity.key}",
        "state_topic": topics.state,
        "value_template": f"{{{{ value_json.{entity.key} }}}}",
        "availability": [{"topic": topic} for topic in available],
        "availability_mode": "all",
        **entity.fields,
        "device": {
            "identifiers": [identity],
            "name": f"pose_edge {appearance.device}",
            "manufacturer": "pose_edge",
            "model": appearance.board,
            "sw_version": appearance.version,
        },
        "origin": {"name": "pose_edge", "sw_version": appearance.version},
    }
    if entity.diagnostic:
        writable = "command_topic" in entity.fields
        message["entity_category"] = "config" if writable else "diagnostic"
    return message


@dataclass(frozen=True, slots=True)
class Sight:
    """What the newest frames show.

    Attributes:
        present: Whether a person is present, or None where that is not known yet.
        picture: Whether frames arrive, or None where that is not known yet.
        people: Number of people who have come and not left; without tracking, of those in the
            newest frame.
        latency_ms: Median time from the exposure to the poses; None while no frames arrive.
    """

    present: bool | None
    picture: bool | None
    people: int
    latency_ms: float | None


def state_message(time_s: float, sight: Sight, run: RunState) -> bytes:
    """Return the JSON payload of the state topic.

    Args:
        time_s: The current time, Unix seconds.
        sight: What the newest frames show.
        run: The state of the run.
    """
    latency, temperature, found = sight.latency_ms, run.temperature, run.provenance
    return json.dumps(
        {
            "schema": STATE_SCHEMA,
            "time": round(time_s, 3),
            "present": None if sight.present is None else ON if sight.present else OFF,
            "picture": sight.picture,
            "people": sight.people,
            "fps": round(run.poses_fps, 1),
            "camera_fps": round(run.camera_fps, 1),
            "latency_ms": None if latency is None else round(latency, 1),
            "temperature": None if temperature is None else round(temperature, 1),
            "backend": found and found.backend,
            "edgetpu": ON if found and found.backend == "edgetpu" else OFF,
            "model": found and found.model,
            "source": run.source,
            "paused": run.paused,
            "uptime_s": round(run.uptime_s),
            "faults": run.faults,
        }
    ).encode()
