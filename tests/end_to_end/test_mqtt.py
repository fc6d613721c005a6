"""`pose-edge run` with a broker: poses, commands and reloads, and no password in the output."""

from __future__ import annotations

import json
import os
import signal
from pathlib import Path

import pytest
import yaml
from command import Command, Log
from helpers import wait_until
from mosquitto import broker, free_port, listening, needs_mosquitto

BASE = "pose-edge/hall"
RUN = ("run", "--source", "demo", "--display", "none", "--set", "source.loop=true")


def configure(folder: Path, **mqtt: object) -> tuple[str, ...]:
    values = {"device": "hall", **mqtt}
    (folder / "config.yaml").write_text(yaml.safe_dump({"mqtt": values}))
    return (*RUN, "--config", "config.yaml")


@needs_mosquitto
def test_the_broker_chooses_the_model_and_a_reload_ends_that(pose_edge: Command) -> None:
    with broker(pose_edge.folder) as server, listening(server.port) as listener:
        url = server.url
        process = pose_edge.start(*configure(pose_edge.folder, url=url, control=True))
        log = Log(process)
        listener.wait_for(f"{BASE}/poses")
        listener.wait_for(f"{BASE}/state")
        wait_until(lambda: listener.last_json(f"{BASE}/state")["present"] == "ON")
        assert listener.last_json(f"{BASE}/state")["source"] == "demo.mp4"
        listener.client.publish(f"{BASE}/model/set", "movenet-thunder-int8", 1)
        listener.wait_for(f"{BASE}/answer", b"model.name: movenet-thunder-int8")
        wait_until(lambda: b"movenet-thunder-int8" in listener.messages[f"{BASE}/poses"][-1])
        wait_until(lambda: listener.last_json(f"{BASE}/state")["model"] == "movenet-thunder-int8")
        log.wait_for("changed by an output: model.name")
        configure(pose_edge.folder, url=url, control=False)
        process.send_signal(signal.SIGHUP)
        listener.wait_for("homeassistant/select/pose_edge_hall/model/config", b"")
        wait_until(lambda: listener.messages[f"{BASE}/availability"][-1] == b"online")
        assert log.end() == 0
        listener.wait_for(f"{BASE}/availability", b"offline")
        assert listener.messages[f"{BASE}/availability"][-1] == b"offline"


@needs_mosquitto
def test_a_broker_that_comes_late_is_found(pose_edge: Command) -> None:
    with broker(pose_edge.folder) as server:
        server.stop()
        process = pose_edge.start(*configure(pose_edge.folder, url=server.url))
        log = Log(process)
        log.wait_for(f"mqtt: broker 127.0.0.1:{server.port}: Connection refused")
        server.start()
        with listening(server.port) as listener:
            assert json.loads(listener.wait_for(f"{BASE}/poses"))["schema"] == 1
        assert log.end() == 0


def test_passwords_are_shown_nowhere(pose_edge: Command) -> None:
    port = free_port()
    options = configure(pose_edge.folder, url=f"mqtt://pi:hunter2@127.0.0.1:{port}")
    process = pose_edge.start(*options, "--log-level", "debug", POSE_EDGE_MQTT_PASSWORD="Tr0ub4dor")
    log = Log(process)
    log.wait_for(f"mqtt: broker 127.0.0.1:{port}: Connection refused")
    log.end()
    shown = pose_edge("config", "show", "--config", "config.yaml")
    assert "mqtt" in shown.stdout
    examined = pose_edge("config", "check", "--config", "config.yaml")
    everything = f"{log.text}{shown.stdout}{shown.stderr}{examined.stdout}{examined.stderr}"
    assert "hunter2" not in everything
    assert "Tr0ub4dor" not in everything


@pytest.mark.parametrize(
    ("settings", "complaint", "status"),
    [
        ({"url": "mqtt://hall/topic"}, "mqtt.url is not the address of a broker", 2),
        ({"url": "mqtt://pi@hall", "password_file": "none"}, "mqtt.password_file: none: ", 3),
        ({"url": "mqtts://hall", "ca_file": "none.pem"}, "mqtt.ca_file: none.pem: ", 3),
    ],
)
def test_settings_that_can_never_work_are_refused(
    pose_edge: Command, settings: dict[str, str], complaint: str, status: int
) -> None:
    done = pose_edge(*configure(pose_edge.folder, **settings))
    assert done.status == status
    (line,) = done.complaint()
    assert complaint in line


@pytest.mark.slow
@needs_mosquitto
def test_a_minute_without_the_broker_costs_no_memory(pose_edge: Command) -> None:
    """The broker hangs: its connection stays open, but it reads nothing."""
    with broker(pose_edge.folder) as server, listening(server.port) as listener:
        process = pose_edge.start(*configure(pose_edge.folder, url=server.url, rate=30))
        log = Log(process)
        wait_until(lambda: len(listener.messages[f"{BASE}/poses"]) > 100)
        server.freeze()
        log.wait_for("it is silent")
        before = resident_bytes(process.pid)
        log.wait_for("skipped", 6)  # logged every ten seconds
        grown = resident_bytes(process.pid) - before
        seen = len(listener.messages[f"{BASE}/poses"])
        server.thaw()
        wait_until(lambda: len(listener.messages[f"{BASE}/poses"]) > seen)
        assert log.end() == 0
    assert grown < 5_000_000


def resident_bytes(pid: int) -> int:
    pages = int(Path(f"/proc/{pid}/statm").read_text().split()[1])
    return pages * os.sysconf("SC_PAGE_SIZE")
