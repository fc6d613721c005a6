"""The discovery messages, field by field as documented by Home Assistant.

https://www.home-assistant.io/integrations/mqtt/, and the pages of each kind of entity.
"""

from __future__ import annotations

import json
import re
from typing import Any

import pytest
from run_states import run_state

from pose_edge.poses import Provenance
from pose_edge.sinks.mqtt_documents import (
    REMOVED,
    Appearance,
    Sight,
    Topics,
    discovery,
    state_message,
)

COMMON = {"name", "unique_id", "state_topic", "value_template", "availability", "device", "origin"}
COMMON |= {"availability_mode"}
OPTIONAL = {"icon", "entity_category", "qos", "device_class"}
KEYS = {
    "binary_sensor": {"payload_on", "payload_off"},
    "sensor": {"state_class", "unit_of_measurement"},
    "switch": {"command_topic", "payload_on", "payload_off"},
    "select": {"command_topic", "options"},
}
"""Keys that each kind of entity supports; Home Assistant warns of other keys or rejects them."""

DEVICE_KEYS = {"identifiers", "name", "manufacturer", "model", "sw_version"}
"""Keys that all versions support: old versions reject a whole message for one unknown key."""

MODELS = ("auto", "movenet-lightning-int8", "movenet-thunder-int8")


def messages(*, control: bool = False, prefix: str = "homeassistant") -> dict[str, bytes]:
    appearance = Appearance("hall-12ab34cd", "Raspberry Pi 5 Model B", "1.2.3", control, MODELS)
    return discovery(prefix, appearance)


def shown(*, control: bool = False) -> dict[str, dict[str, Any]]:
    found = {}
    for topic, text in messages(control=control).items():
        _prefix, component, node, key, config = topic.split("/")
        assert (node, config) == ("pose_edge_hall-12ab34cd", "config")
        if text:
            found[f"{component}.{key}"] = json.loads(text)
    return found


READ_ONLY = [
    "binary_sensor.present",
    "sensor.people",
    "sensor.fps",
    "sensor.latency_ms",
    "sensor.temperature",
    "sensor.backend",
]


def test_without_control_everything_is_read_only() -> None:
    assert list(shown()) == [*READ_ONLY, "sensor.model"]


def test_with_control_there_are_a_switch_and_a_select() -> None:
    assert list(shown(control=True)) == [*READ_ONLY, "switch.edgetpu", "select.model"]


def test_what_is_not_there_is_removed() -> None:
    removed = [topic for topic, text in messages().items() if text == REMOVED]
    assert removed == [
        "homeassistant/switch/pose_edge_hall-12ab34cd/edgetpu/config",
        "homeassistant/select/pose_edge_hall-12ab34cd/model/config",
    ]
    removed = [topic for topic, text in messages(control=True).items() if text == REMOVED]
    assert removed == ["homeassistant/sensor/pose_edge_hall-12ab34cd/model/config"]


def test_topics_follow_the_prefix() -> None:
    assert all(topic.startswith("home/ha/") for topic in messages(prefix="home/ha"))


@pytest.mark.parametrize("control", [False, True])
def test_topics_have_the_form_that_is_documented(control: bool) -> None:
    form = re.compile(r"homeassistant/[a-z_]+/[a-zA-Z0-9_-]+/[a-zA-Z0-9_-]+/config")
    assert all(form.fullmatch(topic) for topic in messages(control=control))


@pytest.mark.parametrize("control", [False, True])
def test_entities_have_the_fields_they_need_and_no_other(control: bool) -> None:
    for name, fields in shown(control=control).items():
        component = name.partition(".")[0]
        assert set(fields) >= COMMON
        assert set(fields) <= COMMON | OPTIONAL | KEYS[component], name


@pytest.mark.parametrize("control", [False, True])
def test_ids_are_unique_and_the_device_is_one(control: bool) -> None:
    entities = shown(control=control).values()
    assert len({fields["unique_id"] for fields in entities}) == len(entities)
    devices = [fields["device"] for fields in entities]
    assert all(device == devices[0] for device in devices)
    assert set(devices[0]) == DEVICE_KEYS
    assert devices[0] == {
        "identifiers": ["pose_edge_hall-12ab34cd"],
        "name": "pose_edge hall-12ab34cd",
        "manufacturer": "pose_edge",
        "model": "Raspberry Pi 5 Model B",
        "sw_version": "1.2.3",
    }
    assert all(
        fields["origin"] == {"name": "pose_edge", "sw_version": "1.2.3"} for fields in entities
    )


def test_presence_is_a_binary_sensor_that_needs_a_picture() -> None:
    fields = shown()["binary_sensor.present"]
    assert fields["device_class"] == "occupancy"
    assert (fields["payload_on"], fields["payload_off"]) == ("ON", "OFF")
    assert fields["state_topic"] == "pose-edge/hall-12ab34cd/state"
    assert fields["value_template"] == "{{ value_json.present }}"
    assert fields["availability"] == [
        {"topic": "pose-edge/hall-12ab34cd/availability"},
        {"topic": "pose-edge/hall-12ab34cd/picture"},
    ]
    assert fields["availability_mode"] == "all"
    assert "entity_category" not in fields


@pytest.mark.parametrize(
    ("key", "unit", "device_class", "needs_picture"),
    [
        ("people", None, None, True),
        ("fps", "fps", None, False),
        ("latency_ms", "ms", None, True),
        ("temperature", "°C", "temperature", False),
    ],
)
def test_figures_are_sensors_with_units(
    key: str, unit: str | None, device_class: str | None, needs_picture: bool
) -> None:
    fields = shown()[f"sensor.{key}"]
    assert fields["state_class"] == "measurement"
    assert fields.get("unit_of_measurement") == unit
    assert fields.get("device_class") == device_class
    assert fields["value_template"] == f"{{{{ value_json.{key} }}}}"
    assert len(fields["availability"]) == 1 + needs_picture


@pytest.mark.parametrize("key", ["backend", "model"])
def test_words_are_sensors_without_a_class(key: str) -> None:
    fields = shown()[f"sensor.{key}"]
    assert {"state_class", "unit_of_measurement", "device_class"}.isdisjoint(fields)
    assert fields["entity_category"] == "diagnostic"


def test_the_switch_has_its_own_topic_for_commands() -> None:
    fields = shown(control=True)["switch.edgetpu"]
    assert fields["command_topic"] == "pose-edge/hall-12ab34cd/edgetpu/set"
    assert (fields["payload_on"], fields["payload_off"]) == ("ON", "OFF")
    assert fields["value_template"] == "{{ value_json.edgetpu }}"
    assert (fields["qos"], fields["entity_category"]) == (1, "config")


def test_the_select_offers_the_models() -> None:
    fields = shown(control=True)["select.model"]
    assert fields["command_topic"] == "pose-edge/hall-12ab34cd/model/set"
    assert fields["options"] == list(MODELS)
    assert (fields["qos"], fields["entity_category"]) == (1, "config")
    assert fields["value_template"] == (
        f"{{{{ value_json.model if value_json.model in {list(MODELS)} else None }}}}"
    )


def test_every_value_is_in_the_state() -> None:
    sight = Sight(present=True, picture=True, people=2, latency_ms=41.26)
    state = json.loads(state_message(1763800000.1234, sight, run_state()))
    for control in (False, True):
        for fields in shown(control=control).values():
            key = re.search(r"value_json\.(\w+)", fields["value_template"])
            assert key is not None
            assert key[1] in state


def test_the_state_says_what_is_seen_and_what_runs() -> None:
    sight = Sight(present=True, picture=True, people=2, latency_ms=41.26)
    run = run_state(provenance=Provenance("movenet-lightning-edgetpu", "edgetpu"))
    assert json.loads(state_message(1763800000.1234, sight, run)) == {
        "schema": 1,
        "time": 1763800000.123,
        "present": "ON",
        "picture": True,
        "people": 2,
        "fps": 28.4,
        "camera_fps": 30.0,
        "latency_ms": 41.3,
        "temperature": 55.1,
        "backend": "edgetpu",
        "edgetpu": "ON",
        "model": "movenet-lightning-edgetpu",
        "source": "/dev/video0",
        "paused": False,
        "uptime_s": 60,
        "faults": {"source": "/dev/video0 is not there"},
    }


def test_what_is_not_known_is_null() -> None:
    sight = Sight(present=None, picture=None, people=0, latency_ms=None)
    state = json.loads(state_message(0.0, sight, run_state(provenance=None, temperature=None)))
    for key in ("present", "picture", "latency_ms", "temperature", "backend", "model"):
        assert state[key] is None
    assert state["edgetpu"] == "OFF"


def test_topics_of_two_devices_share_nothing() -> None:
    one, other = Topics("a"), Topics("b")
    assert one.poses == "pose-edge/a/poses"
    assert other.poses == "pose-edge/b/poses"
