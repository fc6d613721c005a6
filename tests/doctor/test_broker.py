from __future__ import annotations

import shutil
import subprocess
from pathlib import Path

import pytest
from mosquitto import broker, free_port, needs_mosquitto

from pose_edge.config.schema import Settings
from pose_edge.doctor.broker import examine
from pose_edge.doctor.context import DoctorContext
from pose_edge.doctor.report import Finding


def findings(environment: dict[str, str] | None = None, **mqtt: object) -> list[Finding]:
    settings = Settings.model_validate({"mqtt": mqtt})
    context = DoctorContext(settings, Path("config.yaml"), environment=environment or {})
    return list(examine(context))


def test_without_a_broker_there_is_nothing_to_examine() -> None:
    assert findings() == []


def test_an_address_that_is_none() -> None:
    (one,) = findings(url="mqtt://hall:0x50")
    assert one.verdict == "fault"
    assert "mqtt.url" in one.text


def test_nobody_listens() -> None:
    port = free_port()
    (one,) = findings(url=f"mqtt://127.0.0.1:{port}")
    assert (one.verdict, one.text) == ("fault", f"broker 127.0.0.1:{port}: Connection refused")
    assert one.remedy


@needs_mosquitto
def test_a_broker_that_answers(tmp_path: Path) -> None:
    with broker(tmp_path) as server:
        (one,) = findings(url=server.url)
    assert one.verdict == "ok"
    assert "answers: MQTT 5, not encrypted" in one.text


@needs_mosquitto
def test_a_wrong_password(tmp_path: Path) -> None:
    if (tool := shutil.which("mosquitto_passwd")) is None:
        pytest.skip("mosquitto_passwd is not installed")
    users = tmp_path / "users"
    subprocess.run([tool, "-c", "-b", users, "pi", "right"], check=True)
    with broker(tmp_path, "allow_anonymous false", f"password_file {users}") as server:
        url = server.url.replace("mqtt://", "mqtt://pi@")
        variable = "POSE_EDGE_MQTT_PASSWORD"
        (wrong,) = findings({variable: "secret-guess"}, url=url)
        (right,) = findings({variable: "right"}, url=url)
    assert wrong.verdict == "fault"
    assert "refuses the login" in wrong.text
    assert "secret-guess" not in f"{wrong.text}{wrong.remedy}"
    assert right.verdict == "ok"
