from __future__ import annotations

import sys
from pathlib import Path

import pytest

from pose_edge.config.outputs import MqttSettings
from pose_edge.errors import PoseEdgeError, UnavailableError, UsageError
from pose_edge.sinks.mqtt_broker import Broker, find_broker


def found(url: str, environment: dict[str, str] | None = None, **settings: object) -> Broker:
    return find_broker(MqttSettings.model_validate({"url": url, **settings}), environment or {})


@pytest.mark.parametrize(
    ("url", "address"),
    [
        ("mqtt://hall", "hall:1883"),
        ("mqtts://hall", "hall:8883"),
        ("mqtt://hall:1884/", "hall:1884"),
        ("mqtt://pi@[::1]", "[::1]:1883"),
        ("mqtt://pi:secret@10.0.0.1", "10.0.0.1:1883"),
    ],
)
def test_the_address_shows_no_login(url: str, address: str) -> None:
    assert found(url).address == address


def test_only_mqtts_is_encrypted() -> None:
    assert found("mqtt://hall").tls is None
    assert found("mqtts://hall").tls is not None


@pytest.mark.parametrize(
    "url",
    [
        "mqtt://:1883",
        "mqtt://hall:99999",
        "mqtt://hall:port",
        "mqtt://hall/topic",
        "mqtt://hall?x=1",
        "mqtt://pi:hidden#1@hall",
        "mqtt://pi:hidden/1@hall",
        f"mqtt://{'x' * 70}.example.org",
    ],
)
def test_what_is_no_address_is_refused_without_showing_it(url: str) -> None:
    with pytest.raises(UsageError) as caught:
        found(url)
    assert "hidden" not in str(caught.value)
    assert "mqtt.url" in str(caught.value)


def test_the_login_of_an_address_is_decoded() -> None:
    assert found("mqtt://p%40i:a%2Fb@hall").login() == ("p@i", "a/b")
    assert found("mqtt://hall").login() == (None, None)


def test_a_file_goes_before_the_address_and_the_environment(tmp_path: Path) -> None:
    file = tmp_path / "password"
    file.write_text("of the file\n")
    variable = {"POSE_EDGE_MQTT_PASSWORD": "of the environment"}
    broker = found("mqtt://pi:mine@hall", variable, password_file=str(file))
    assert broker.login() == ("pi", "of the file")
    assert found("mqtt://pi:mine@hall", variable).login() == ("pi", "of the environment")


def test_a_changed_file_counts(tmp_path: Path) -> None:
    file = tmp_path / "password"
    file.write_text("before")
    broker = found("mqtt://pi@hall", password_file=str(file))
    file.write_text("after")
    assert broker.login() == ("pi", "after")


@pytest.mark.parametrize("content", [None, b"\xff\xfe"])
def test_a_password_file_that_cannot_be_read(tmp_path: Path, content: bytes | None) -> None:
    file = tmp_path / "password"
    if content is not None:
        file.write_bytes(content)
    with pytest.raises(UnavailableError, match=r"mqtt\.password_file: .*password: "):
        found("mqtt://pi@hall", password_file=str(file))


def test_a_password_needs_a_user() -> None:
    with pytest.raises(UsageError, match="no user name"):
        found("mqtt://hall", {"POSE_EDGE_MQTT_PASSWORD": "secret"})


@pytest.mark.parametrize("content", [None, "no certificate"])
def test_an_authority_that_cannot_be_read(tmp_path: Path, content: str | None) -> None:
    file = tmp_path / "ca.pem"
    if content is not None:
        file.write_text(content)
    with pytest.raises(UnavailableError, match=r"mqtt\.ca_file: .*ca\.pem: "):
        found("mqtts://hall", ca_file=str(file))


def test_without_paho_the_extra_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "paho", None)
    monkeypatch.setitem(sys.modules, "paho.mqtt.client", None)
    with pytest.raises(PoseEdgeError, match=r"pose-edge\[mqtt\]") as caught:
        found("mqtt://hall")
    assert caught.value.exit_status == 3
