"""The MQTT output against a real broker."""

from __future__ import annotations

import gc
import json
import shutil
import socket
import subprocess
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager, suppress
from pathlib import Path

import pytest
from helpers import GENEROUS_S, wait_until
from mosquitto import Listener, Mosquitto, broker, free_port, listening, needs_mosquitto, retained
from run_states import pose_message, run_state

from pose_edge.config.outputs import MqttSettings
from pose_edge.sinks.mqtt import MqttOpener, MqttWriter, mqtt_sink
from pose_edge.sinks.mqtt_broker import find_broker
from pose_edge.sinks.mqtt_connection import MAX_UNSENT, MqttConnection
from pose_edge.sinks.network_sink import NetworkSink
from pose_edge.supervision.supervisor import Supervisor

pytestmark = needs_mosquitto

BASE = "pose-edge/hall"


class Steered:
    """Records changes of settings; the test answers them."""

    def __init__(self) -> None:
        self.changes: list[tuple[str, object]] = []
        self.answers: list[Callable[[str], None]] = []

    def change(self, key: str, value: object, answer: Callable[[str], None]) -> None:
        self.changes.append((key, value))
        self.answers.append(answer)


class Rig:
    """An MQTT sink that is sent a message every 5 ms until `pause` or `close`."""

    def __init__(self, **settings: object) -> None:
        self.settings = MqttSettings.model_validate(
            {"device": "hall", "rate": 240.0, "present_after": 0.0, **settings}
        )
        self.steered = Steered()
        self.faults: list[str | None] = []
        self.sink: NetworkSink[MqttSettings] = mqtt_sink(
            self.settings,
            run_state,
            self.steered,
            report=self.faults.append,
            supervisor=Supervisor(),
        )
        self.sent = 0
        self._stop = threading.Event()
        self.sink.open()
        self._feeder = threading.Thread(target=self._feed, daemon=True)
        self._feeder.start()

    def _feed(self) -> None:
        while not self._stop.wait(0.005):
            self.sink.send(pose_message(self.sent))
            self.sent += 1

    def change(self, **settings: object) -> None:
        self.settings = self.settings.model_copy(update=settings)
        self.sink.change(self.settings)

    def pause(self) -> None:
        """Stop sending messages."""
        self._stop.set()
        self._feeder.join(GENEROUS_S)

    def close(self) -> None:
        self.pause()
        self.sink.close()


@pytest.fixture
def stack() -> Iterator[ExitStack]:
    with ExitStack() as made:
        yield made


@pytest.fixture
def server(tmp_path: Path, stack: ExitStack) -> Mosquitto:
    return stack.enter_context(broker(tmp_path))


def running(stack: ExitStack, server: Mosquitto, **settings: object) -> Rig:
    rig = Rig(**{"url": server.url, **settings})
    stack.callback(rig.close)
    return rig


@pytest.mark.parametrize("version", ["5", "3.1.1"])
def test_poses_and_state_arrive(stack: ExitStack, server: Mosquitto, version: str) -> None:
    listener = stack.enter_context(listening(server.port))
    running(stack, server, version=version)
    pose = json.loads(listener.wait_for(f"{BASE}/poses"))
    assert pose["schema"] == 1
    assert len(pose["poses"][0]["keypoints"]) == 17
    listener.wait_for(f"{BASE}/picture", b"online")
    wait_until(lambda: listener.last_json(f"{BASE}/state")["present"] == "ON")
    assert listener.last_json(f"{BASE}/state")["latency_ms"] == 41.0


def test_a_newcomer_learns_what_is_kept_and_no_old_poses(
    stack: ExitStack, server: Mosquitto
) -> None:
    listener = stack.enter_context(listening(server.port))
    running(stack, server)
    listener.wait_for(f"{BASE}/picture", b"online")
    kept = retained(server.port)
    assert kept[f"{BASE}/availability"] == b"online"
    assert json.loads(kept[f"{BASE}/state"])["schema"] == 1
    assert f"{BASE}/poses" not in kept
    assert "homeassistant/binary_sensor/pose_edge_hall/present/config" in kept
    assert "homeassistant/select/pose_edge_hall/model/config" not in kept


def test_poses_come_no_faster_than_wanted(stack: ExitStack, server: Mosquitto) -> None:
    listener = stack.enter_context(listening(server.port))
    rig = running(stack, server, rate=5.0)
    begin = time.monotonic()
    wait_until(lambda: len(listener.messages[f"{BASE}/poses"]) >= 5)
    rig.pause()
    elapsed = time.monotonic() - begin
    assert len(listener.messages[f"{BASE}/poses"]) <= 5 * elapsed + 2
    assert rig.sink.dropped == 0


def test_with_a_rate_of_0_there_are_events_and_state_alone(
    stack: ExitStack, server: Mosquitto
) -> None:
    listener = stack.enter_context(listening(server.port))
    rig = running(stack, server, rate=0.0)
    listener.wait_for(f"{BASE}/picture", b"online")
    event = {"event": "person_entered", "id": 3}
    rig.sink.send(pose_message(events=(event,), people=1))
    assert json.loads(listener.wait_for(f"{BASE}/events")) == event
    assert not listener.messages[f"{BASE}/poses"]


def test_without_frames_there_is_no_picture(
    stack: ExitStack, server: Mosquitto, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("pose_edge.sinks.occupancy.NO_PICTURE_S", 0.5)
    listener = stack.enter_context(listening(server.port))
    rig = running(stack, server, absent_after=0.0)
    listener.wait_for(f"{BASE}/picture", b"online")
    rig.pause()
    listener.wait_for(f"{BASE}/picture", b"offline")
    wait_until(lambda: listener.last_json(f"{BASE}/state")["picture"] is False)
    state = listener.last_json(f"{BASE}/state")
    assert (state["present"], state["people"], state["latency_ms"]) == ("OFF", 0, None)


def test_it_says_goodbye(stack: ExitStack, server: Mosquitto) -> None:
    listener = stack.enter_context(listening(server.port))
    rig = running(stack, server)
    listener.wait_for(f"{BASE}/availability", b"online")
    rig.close()
    assert listener.wait_for(f"{BASE}/availability", b"offline") == b"offline"
    assert rig.sink.failures() == []


def test_a_late_will_of_an_earlier_connection_is_corrected(
    stack: ExitStack, server: Mosquitto
) -> None:
    listener = stack.enter_context(listening(server.port))
    running(stack, server)
    topic = f"{BASE}/availability"
    listener.wait_for(topic, b"online")
    listener.client.publish(topic, b"offline", 1, retain=True)
    wait_until(lambda: listener.messages[topic][-2:] == [b"offline", b"online"])


class TestBrokerAway:
    def test_at_the_start(self, stack: ExitStack, tmp_path: Path) -> None:
        rig = Rig(url=f"mqtt://127.0.0.1:{(port := free_port())}")
        stack.callback(rig.close)
        wait_until(lambda: bool(rig.sink.failed), "a complaint")
        assert rig.sink.failed == f"broker 127.0.0.1:{port}: Connection refused"
        server = stack.enter_context(broker(tmp_path))
        rig.change(url=server.url)
        wait_until(lambda: rig.sink.failed is None and rig.sink.written > 0)

    def test_in_between(self, stack: ExitStack, server: Mosquitto) -> None:
        rig = running(stack, server)
        wait_until(lambda: rig.sink.written > 0)
        server.stop()
        wait_until(lambda: bool(rig.sink.failed), "a complaint")
        written = rig.sink.written
        server.start()
        listener = stack.enter_context(listening(server.port))
        listener.wait_for(f"{BASE}/availability", b"online")
        listener.wait_for("homeassistant/sensor/pose_edge_hall/fps/config")
        wait_until(lambda: rig.sink.written > written)
        assert rig.sink.failed is None
        assert rig.faults[-1] is None

    def test_presence_does_not_flicker_for_that(self, stack: ExitStack, server: Mosquitto) -> None:
        first = stack.enter_context(listening(server.port))
        rig = running(stack, server, present_after=0.2)
        wait_until(
            lambda: (
                bool(first.messages[f"{BASE}/state"])
                and first.last_json(f"{BASE}/state")["present"] == "ON"
            )
        )
        server.stop()
        wait_until(lambda: bool(rig.sink.failed), "a complaint")
        server.start()
        second = stack.enter_context(listening(server.port))
        second.wait_for(f"{BASE}/picture", b"online")
        said = [json.loads(text)["present"] for text in second.messages[f"{BASE}/state"]]
        assert set(said) == {"ON"}

    def test_frozen_it_holds_nobody_up_and_fills_no_memory(
        self, stack: ExitStack, server: Mosquitto, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr("pose_edge.sinks.mqtt_connection.KEEPALIVE_S", 1)
        rig = running(stack, server)
        wait_until(lambda: rig.sink.written > 0)
        server.freeze()
        stack.callback(server.thaw)
        wait_until(lambda: bool(rig.sink.failed), "that its silence is noticed")
        sent = rig.sent
        wait_until(lambda: rig.sent > sent + 100)
        server.thaw()
        written = rig.sink.written
        wait_until(lambda: rig.sink.written > written)

    def test_frozen_it_does_not_hold_up_the_end(self, stack: ExitStack, server: Mosquitto) -> None:
        rig = running(stack, server)
        wait_until(lambda: rig.sink.written > 0)
        server.freeze()
        stack.callback(server.thaw)
        rig.close()
        assert rig.sink.failures() == []


def test_no_more_than_a_few_messages_wait_for_a_network_that_stands_still() -> None:
    settings = MqttSettings.model_validate({"url": f"mqtt://127.0.0.1:{free_port()}"})
    connection = MqttConnection(find_broker(settings, {}), "test")
    try:
        assert not connection.send("a", b"b")
        connection._connected = True  # although nothing is ever sent
        connection._client._sock = connection._client._sockpairW  # as paho has one when connected
        taken = [connection.send("a", b"b") for _ in range(2 * MAX_UNSENT)]
    finally:
        connection._client._sock = None
        connection.close()
    assert taken.count(True) <= MAX_UNSENT


@contextmanager
def answering(answer: bytes) -> Iterator[int]:
    """Run a broker that gives everybody one answer; yield its port."""
    with socket.create_server(("127.0.0.1", 0)) as listener:

        def serve() -> None:
            with ExitStack() as opened, suppress(OSError):
                while True:
                    client, _ = listener.accept()
                    opened.enter_context(client)
                    client.recv(2000)
                    client.sendall(answer)

        thread = threading.Thread(target=serve)
        thread.start()
        yield int(listener.getsockname()[1])
        listener.shutdown(socket.SHUT_RDWR)
        thread.join(GENEROUS_S)


CONNACK = bytes([0x20, 3, 0, 0, 0])


class TestMalformedAnswers:
    def test_a_topic_that_is_not_text_is_ignored(self) -> None:
        bad = bytes([0x30, 5, 0, 2, 0xFF, 0xFE, 0])
        good = bytes([0x30, 5, 0, 1, ord("a"), 0, ord("x")])
        with answering(CONNACK + bad + good) as port:
            settings = MqttSettings.model_validate({"url": f"mqtt://127.0.0.1:{port}"})
            connection = MqttConnection(find_broker(settings, {}), "test", subscribe=["a"])
            received: list[tuple[str, bytes, bool]] = []

            def arrived() -> bool:
                connection.check()
                received.extend(connection.receive())
                return bool(received)

            wait_until(arrived)
            assert received == [("a", b"x", False)]
            connection.close()

    def test_a_dead_network_thread_is_replaced(
        self, stack: ExitStack, server: Mosquitto, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        deaths: list[object] = []
        monkeypatch.setattr(threading, "excepthook", deaths.append)
        supervisor = Supervisor()
        settings = MqttSettings.model_validate({"url": server.url, "device": "hall"})
        faults: list[str | None] = []
        sink = mqtt_sink(
            settings, run_state, Steered(), report=faults.append, supervisor=supervisor
        )
        note = MqttConnection._note_connection

        def die(*_arguments: object) -> None:
            raise ValueError("a broken answer")

        monkeypatch.setattr(MqttConnection, "_note_connection", die)
        sink.open()
        stack.callback(sink.close)
        wait_until(lambda: bool(faults))
        assert len(deaths) == 1
        assert f"{server.port}: its answer cannot be read" in str(faults[0])
        monkeypatch.setattr(MqttConnection, "_note_connection", note)

        def back() -> bool:
            supervisor.look()
            sink.send(pose_message(1))
            return sink.failed is None and sink.written > 0

        wait_until(back)


class TestLogin:
    @pytest.fixture
    def guarded(self, tmp_path: Path, stack: ExitStack) -> Mosquitto:
        if (tool := shutil.which("mosquitto_passwd")) is None:
            pytest.skip("mosquitto_passwd is not installed")
        file = tmp_path / "users"
        subprocess.run([tool, "-c", "-b", file, "pi", "s3cret/@"], check=True)
        lines = ["allow_anonymous false", f"password_file {file}"]
        return stack.enter_context(broker(tmp_path, *lines))

    def test_a_password_in_a_file(
        self, stack: ExitStack, guarded: Mosquitto, tmp_path: Path
    ) -> None:
        file = tmp_path / "password"
        file.write_text("s3cret/@\n")
        url = f"mqtt://pi@127.0.0.1:{guarded.port}"
        rig = running(stack, guarded, url=url, password_file=str(file))
        wait_until(lambda: rig.sink.written > 0)

    def test_a_password_in_the_environment(
        self, stack: ExitStack, guarded: Mosquitto, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setenv("POSE_EDGE_MQTT_PASSWORD", "s3cret/@")
        rig = running(stack, guarded, url=f"mqtt://pi@127.0.0.1:{guarded.port}")
        wait_until(lambda: rig.sink.written > 0)

    def test_a_password_in_the_address(self, stack: ExitStack, guarded: Mosquitto) -> None:
        rig = running(stack, guarded, url=f"mqtt://pi:s3cret%2F%40@127.0.0.1:{guarded.port}")
        wait_until(lambda: rig.sink.written > 0)

    def test_a_wrong_one_is_said_clearly_until_it_is_right(
        self,
        stack: ExitStack,
        guarded: Mosquitto,
        tmp_path: Path,
        monkeypatch: pytest.MonkeyPatch,
    ) -> None:
        monkeypatch.setattr("pose_edge.sinks.mqtt_connection.REFUSED_S", 1)
        file = tmp_path / "password"
        file.write_text("guess")
        url = f"mqtt://pi@127.0.0.1:{guarded.port}"
        rig = running(stack, guarded, url=url, password_file=str(file))
        wait_until(lambda: bool(rig.sink.failed), "a complaint")
        assert rig.sink.failed is not None
        assert "refuses the login" in rig.sink.failed
        assert "mqtt.password_file" in rig.sink.failed
        assert "guess" not in rig.sink.failed
        file.write_text("s3cret/@")
        wait_until(lambda: rig.sink.written > 0)
        assert rig.sink.failed is None


class TestTls:
    @pytest.fixture
    def keys(self, tmp_path: Path) -> Path:
        if shutil.which("openssl") is None:
            pytest.skip("openssl is not installed")
        first = (
            "openssl req -x509 -newkey rsa:2048 -nodes -days 2 -subj /CN=made-up -keyout ca.key "
            "-out ca.pem -addext basicConstraints=critical,CA:TRUE"
        )
        last = "openssl x509 -req -in csr.pem -CA ca.pem -CAkey ca.key -CAcreateserial -days 2"
        make = (
            f"{first} -addext keyUsage=critical,keyCertSign,cRLSign",
            "openssl req -newkey rsa:2048 -nodes -subj /CN=localhost -keyout key.pem -out csr.pem",
            f"{last} -extfile names -out cert.pem",
        )
        (tmp_path / "names").write_text("subjectAltName=DNS:localhost\n")
        for command in make:
            subprocess.run(command.split(), cwd=tmp_path, check=True, capture_output=True)
        return tmp_path

    @pytest.fixture
    def secured(self, keys: Path, stack: ExitStack) -> Mosquitto:
        lines = ["allow_anonymous true", f"cafile {keys / 'ca.pem'}"]
        lines += [f"certfile {keys / 'cert.pem'}", f"keyfile {keys / 'key.pem'}"]
        return stack.enter_context(broker(keys, *lines))

    def test_a_made_up_authority(self, stack: ExitStack, secured: Mosquitto, keys: Path) -> None:
        url, file = f"mqtts://localhost:{secured.port}", str(keys / "ca.pem")
        rig = running(stack, secured, url=url, ca_file=file)
        wait_until(lambda: rig.sink.written > 0)

    # After a failed handshake paho leaves it to the garbage collector to close the socket.
    @pytest.mark.filterwarnings("ignore::pytest.PytestUnraisableExceptionWarning")
    @pytest.mark.parametrize(
        ("host", "reason"),
        [
            ("127.0.0.1", "IP address mismatch"),
            ("localhost", "self-signed certificate in certificate chain"),
        ],
    )
    def test_a_certificate_that_is_not_the_brokers(
        self, secured: Mosquitto, keys: Path, host: str, reason: str
    ) -> None:
        url, file = f"mqtts://{host}:{secured.port}", str(keys / "ca.pem")
        rig = Rig(url=url, ca_file=file if host == "127.0.0.1" else None)
        wait_until(lambda: bool(rig.sink.failed), "a complaint")
        rig.close()
        gc.collect()
        assert rig.sink.failed is not None
        assert reason in rig.sink.failed
        assert rig.sink.written == 0


class TestControl:
    def send(self, listener: Listener, name: str, text: str, *, retain: bool = False) -> None:
        listener.client.publish(f"{BASE}/{name}/set", text, 1, retain)

    def test_model_and_edgetpu_can_be_chosen(self, stack: ExitStack, server: Mosquitto) -> None:
        listener = stack.enter_context(listening(server.port))
        rig = running(stack, server, control=True)
        listener.wait_for(f"{BASE}/availability", b"online")
        listener.wait_for("homeassistant/select/pose_edge_hall/model/config")
        self.send(listener, "edgetpu", "OFF")
        wait_until(lambda: len(rig.steered.changes) == 1)
        self.send(listener, "edgetpu", "ON")
        listener.wait_for(f"{BASE}/answer", b"not changed: busy with the command before (ON)")
        rig.steered.answers[0]("edgetpu.mode: off")
        listener.wait_for(f"{BASE}/answer", b"edgetpu.mode: off")
        self.send(listener, "model", "movenet-thunder-int8")
        wait_until(lambda: len(rig.steered.changes) == 2)
        assert rig.steered.changes == [
            ("edgetpu.mode", "off"),
            ("model.name", "movenet-thunder-int8"),
        ]

    @pytest.mark.parametrize(
        ("name", "text"), [("edgetpu", "maybe"), ("model", "/etc/passwd"), ("model", "\x1b[2J")]
    )
    def test_nothing_else_can(
        self, stack: ExitStack, server: Mosquitto, name: str, text: str
    ) -> None:
        listener = stack.enter_context(listening(server.port))
        rig = running(stack, server, control=True)
        listener.wait_for(f"{BASE}/availability", b"online")
        self.send(listener, name, text)
        assert listener.wait_for(f"{BASE}/answer").startswith(b"not changed: no such choice")
        assert not rig.steered.changes

    def test_an_old_command_is_none(self, stack: ExitStack, server: Mosquitto) -> None:
        listener = stack.enter_context(listening(server.port))
        self.send(listener, "edgetpu", "OFF", retain=True)
        listener.wait_for(f"{BASE}/edgetpu/set")
        rig = running(stack, server, control=True)
        assert b"retained" in listener.wait_for(f"{BASE}/answer")
        assert not rig.steered.changes

    def test_without_control_nobody_is_asked(self, stack: ExitStack, server: Mosquitto) -> None:
        listener = stack.enter_context(listening(server.port))
        rig = running(stack, server)
        listener.wait_for(f"{BASE}/availability", b"online")
        self.send(listener, "edgetpu", "OFF")
        listener.wait_for(f"{BASE}/edgetpu/set")
        listener.client.publish(f"{BASE}/availability", b"offline", 1)  # handled after the OFF
        wait_until(lambda: listener.messages[f"{BASE}/availability"][-1] == b"online")
        assert not rig.steered.changes


class TestReload:
    def test_entities_go_with_the_control(self, stack: ExitStack, server: Mosquitto) -> None:
        listener = stack.enter_context(listening(server.port))
        rig = running(stack, server, control=True)
        switch = "homeassistant/switch/pose_edge_hall/edgetpu/config"
        assert listener.wait_for(switch)
        rig.change(control=False)
        listener.wait_for(switch, b"")
        wait_until(lambda: listener.messages[f"{BASE}/availability"][-1] == b"online")
        assert switch not in retained(server.port)

    def test_entities_follow_the_prefix_and_the_device(
        self, stack: ExitStack, server: Mosquitto
    ) -> None:
        listener = stack.enter_context(listening(server.port))
        rig = running(stack, server)
        listener.wait_for("homeassistant/sensor/pose_edge_hall/fps/config")
        rig.change(discovery_prefix="ha", device="door")
        listener.wait_for("ha/sensor/pose_edge_door/fps/config")
        listener.wait_for("homeassistant/sensor/pose_edge_hall/fps/config", b"")
        listener.wait_for("pose-edge/hall/availability", b"offline")
        kept = retained(server.port, "homeassistant/#")
        assert kept == {}

    def test_entities_go_even_after_a_writer_that_was_never_connected(self) -> None:
        def open_writer(device: str) -> MqttWriter:
            url = f"mqtt://127.0.0.1:{free_port()}"
            make = opener.choose(MqttSettings.model_validate({"url": url, "device": device}))
            assert make is not None
            return make()

        opener = MqttOpener(run_state, Steered(), {})
        first = open_writer("a")
        first._arrived = True
        first.close()
        for device in ("b", "c"):
            writer = open_writer(device)
            writer.close()
        topic = "homeassistant/sensor/pose_edge_a/fps/config"
        assert writer._discovery[topic] == b""
        writer._arrived = True
        assert topic not in writer.leftovers, "removed for good"

    def test_entities_go_without_discovery(self, stack: ExitStack, server: Mosquitto) -> None:
        listener = stack.enter_context(listening(server.port))
        rig = running(stack, server)
        listener.wait_for("homeassistant/sensor/pose_edge_hall/fps/config")
        rig.change(discovery=False)
        listener.wait_for("homeassistant/sensor/pose_edge_hall/fps/config", b"")

    def test_no_broker_any_more(self, stack: ExitStack, server: Mosquitto) -> None:
        listener = stack.enter_context(listening(server.port))
        rig = running(stack, server)
        listener.wait_for(f"{BASE}/availability", b"online")
        rig.change(url=None)
        listener.wait_for(f"{BASE}/availability", b"offline")
        assert not rig.sink.active


def test_twenty_devices_share_a_broker(stack: ExitStack, server: Mosquitto) -> None:
    listener = stack.enter_context(listening(server.port))
    rigs = [running(stack, server, device=f"pi{number}", rate=5.0) for number in range(20)]
    for number in range(20):
        listener.wait_for(f"pose-edge/pi{number}/poses")
        listener.wait_for(f"homeassistant/sensor/pose_edge_pi{number}/fps/config")
    assert all(rig.sink.failed is None for rig in rigs)


@pytest.mark.parametrize("version", ["5", "3.1.1"])
def test_a_second_client_of_the_same_name_is_said_clearly(
    stack: ExitStack, server: Mosquitto, version: str
) -> None:
    rigs = [running(stack, server, version=version) for _ in range(2)]
    wait_until(lambda: any("set mqtt.device" in str(rig.sink.failed) for rig in rigs))
