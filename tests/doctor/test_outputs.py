from __future__ import annotations

import importlib.util
import socket
import threading
from dataclasses import replace
from typing import Any

import pytest
from doctor_contexts import MadeUp, Sections, by_subject
from helpers import GENEROUS_S

from pose_edge.doctor import outputs
from pose_edge.doctor.outputs import examine
from pose_edge.doctor.report import Finding


def findings(made_up: MadeUp, settings: Sections) -> list[Finding]:
    return list(examine(made_up.context(settings=settings)))


def test_without_outputs(made_up: MadeUp) -> None:
    (found,) = findings(made_up, {"csv": {"path": "p.csv"}})
    assert (found.verdict, found.text) == ("ok", "no output goes into the network")


def test_targets_that_can_be_reached(made_up: MadeUp) -> None:
    found = findings(
        made_up,
        {"udp": {"target": "127.0.0.1:9001"}, "osc": {"targets": "localhost:9000,[::1]:9000"}},
    )
    assert [(one.subject, one.verdict) for one in found[:2]] == [("udp", "ok"), ("osc", "ok")]
    assert found[0].text == "127.0.0.1:9001"
    assert found[1].text.startswith("localhost:9000 is ")
    assert len(found) == 3


def test_a_host_that_nobody_knows(made_up: MadeUp, monkeypatch: pytest.MonkeyPatch) -> None:
    def unknown(*_arguments: Any, **_options: Any) -> Any:  # noqa: ANN401
        raise socket.gaierror(socket.EAI_NONAME, "Name or service not known")

    monkeypatch.setattr(socket, "getaddrinfo", unknown)
    (found,) = findings(made_up, {"mqtt": {"url": "mqtt://me@broker.example"}})
    assert found.verdict == "fault"
    assert found.text == "broker.example:1883 is not known: Name or service not known"


def test_a_resolver_that_hangs(made_up: MadeUp, monkeypatch: pytest.MonkeyPatch) -> None:
    gate = threading.Event()

    def hang(*_arguments: Any, **_options: Any) -> Any:  # noqa: ANN401
        gate.wait(GENEROUS_S)
        return []

    monkeypatch.setattr(socket, "getaddrinfo", hang)
    monkeypatch.setattr(outputs, "LOOKUP_S", 0.01)
    found = findings(made_up, {"osc": {"targets": "one:1,two:2"}})
    gate.set()
    assert [one.verdict for one in found] == ["warning", "warning"]


@pytest.mark.parametrize(
    ("settings", "extra"),
    [
        ({"osc": {"targets": "127.0.0.1:9000"}}, "osc"),
        ({"mqtt": {"url": "mqtt://127.0.0.1"}}, "mqtt"),
        ({"websocket": {"listen": "0"}}, "web"),
        ({"metrics": {"listen": "0"}}, "metrics"),
    ],
)
def test_a_library_that_is_missing(
    made_up: MadeUp, monkeypatch: pytest.MonkeyPatch, settings: Sections, extra: str
) -> None:
    monkeypatch.setattr(importlib.util, "find_spec", lambda _name: None)
    found = findings(made_up, settings)
    assert found[0].verdict == "fault"
    assert found[0].remedy == f"`pip install 'pose-edge[{extra}]'`"
    assert len(found) == 2


def test_a_port_that_is_taken(made_up: MadeUp) -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port = taken.getsockname()[1]
        found = by_subject(findings(made_up, {"metrics": {"listen": str(port)}}))["metrics"]
    assert found.verdict == "warning"
    assert "taken" in found.text


def test_servers(made_up: MadeUp) -> None:
    found = by_subject(
        findings(
            made_up,
            {
                "web": {"enabled": True, "listen": "0.0.0.0:0"},
                "metrics": {"listen": "0"},
                "websocket": {"listen": "192.0.2.7:8000"},
            },
        )
    )
    assert found["web"].text == "0.0.0.0:0, other machines can reach it"
    assert found["metrics"].text == "127.0.0.1:0, of this machine"
    assert found["websocket"].verdict == "fault"
    assert "Cannot assign requested address" in found["websocket"].text


@pytest.mark.parametrize("url", ["mqtt://[::1", "mqtt://::1]:1883", "mqtt://me@"])
def test_an_address_that_none_can_be(made_up: MadeUp, url: str) -> None:
    """The doctor does not rely on the check of the configuration, which may let others through."""
    context = made_up.context()
    mqtt = context.settings.mqtt.model_copy(update={"url": url})
    settings = context.settings.model_copy(update={"mqtt": mqtt})
    (found,) = examine(replace(context, settings=settings))
    assert found.verdict == "fault"
    assert found.text == "mqtt.url is not the address of a broker"


@pytest.mark.parametrize("url", ["mqtt://127.0.0.1:99999", "mqtts://127.0.0.1:0x1"])
def test_a_port_that_none_can_be(made_up: MadeUp, url: str) -> None:
    (found,) = findings(made_up, {"mqtt": {"url": url}})
    assert found.verdict == "fault"
    assert "there is no such port" in found.text
