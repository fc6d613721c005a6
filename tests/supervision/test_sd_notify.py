from __future__ import annotations

import logging
import os
import socket
import time
from collections.abc import Iterator
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pose_edge.supervision.sd_notify import STATUS_LENGTH, SystemdNotifier, watchdog_interval

RECEIVE_S = 30.0


class Listener:
    """systemd's end of the notify socket."""

    def __init__(self, address: str) -> None:
        self.address = address
        self._socket = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
        self._socket.settimeout(RECEIVE_S)
        self._socket.bind("\0" + address[1:] if address.startswith("@") else address)

    def lines(self) -> list[str]:
        return self._socket.recv(1 << 16).decode().split("\n")

    def close(self) -> None:
        self._socket.close()


@pytest.fixture(params=["path", "abstract"])
def listener(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Listener]:
    name = f"pose-edge-test-{os.getpid()}-{time.monotonic_ns()}"
    listener = Listener(str(tmp_path / "notify") if request.param == "path" else f"@{name}")
    yield listener
    listener.close()


@pytest.fixture
def notifier(listener: Listener) -> Iterator[SystemdNotifier]:
    notifier = SystemdNotifier.from_environment({"NOTIFY_SOCKET": listener.address})
    assert notifier.enabled
    yield notifier
    notifier.close()


def test_what_is_said_arrives(listener: Listener, notifier: SystemdNotifier) -> None:
    notifier.ready("30 fps")
    assert listener.lines() == ["READY=1", "STATUS=30 fps"]
    notifier.ready()
    assert listener.lines() == ["READY=1"]
    notifier.status("no camera: waiting")
    assert listener.lines() == ["STATUS=no camera: waiting"]
    notifier.watchdog()
    assert listener.lines() == ["WATCHDOG=1"]
    notifier.stopping()
    assert listener.lines() == ["STOPPING=1"]


def test_a_reload_carries_the_time(listener: Listener, notifier: SystemdNotifier) -> None:
    before = time.clock_gettime_ns(time.CLOCK_MONOTONIC) // 1000
    notifier.reloading()
    after = time.clock_gettime_ns(time.CLOCK_MONOTONIC) // 1000
    first, second = listener.lines()
    assert first == "RELOADING=1"
    key, _, value = second.partition("=")
    assert key == "MONOTONIC_USEC"
    assert before <= int(value) <= after


def test_nobody_to_tell() -> None:
    notifier = SystemdNotifier.from_environment({})
    assert not notifier.enabled
    notifier.ready("all is well")
    notifier.watchdog()
    notifier.close()


@pytest.mark.parametrize("address", ["", "notify", "vsock:2:1234"])
def test_addresses_of_other_kinds_are_told_nothing(
    address: str, caplog: pytest.LogCaptureFixture
) -> None:
    notifier = SystemdNotifier(address)
    assert not notifier.enabled
    notifier.ready()
    assert len(caplog.records) == (1 if address else 0)


def test_a_socket_that_vanishes_is_logged_once_until_it_is_back(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    path = tmp_path / "notify"
    listener = Listener(str(path))
    notifier = SystemdNotifier(str(path))
    notifier.watchdog()
    assert listener.lines() == ["WATCHDOG=1"]
    for _ in range(2):
        listener.close()
        path.unlink()
        caplog.clear()
        with caplog.at_level(logging.WARNING):
            for _ in range(3):
                notifier.watchdog()
        assert [record.levelname for record in caplog.records] == ["WARNING"]
        assert "WATCHDOG=1" in caplog.text
        listener = Listener(str(path))  # as after a restart of systemd
        notifier.watchdog()
        assert listener.lines() == ["WATCHDOG=1"]
    listener.close()
    notifier.close()


@given(st.text(st.characters(exclude_categories=[]), max_size=3 * STATUS_LENGTH))
def test_a_status_is_one_short_line(text: str) -> None:
    name = f"@pose-edge-test-{os.getpid()}-{time.monotonic_ns()}"
    listener = Listener(name)
    notifier = SystemdNotifier(name)
    try:
        notifier.status(text)
        (line,) = listener.lines()
        assert line.startswith("STATUS=")
        assert len(line.encode()) <= 4096
        assert line.isprintable()
    finally:
        notifier.close()
        listener.close()


def test_control_characters_and_lines_become_spaces() -> None:
    name = f"@pose-edge-test-{os.getpid()}"
    listener = Listener(name)
    notifier = SystemdNotifier(name)
    notifier.status("camera\nREADY=1\x1b[31m  lost\t\u2028now ")
    assert listener.lines() == ["STATUS=camera READY=1 [31m lost now"]
    notifier.close()
    listener.close()


@pytest.mark.parametrize(
    ("environment", "seconds"),
    [
        ({}, None),
        ({"WATCHDOG_USEC": "10000000"}, 5.0),
        ({"WATCHDOG_USEC": "10000000", "WATCHDOG_PID": "42"}, 5.0),
        ({"WATCHDOG_USEC": "10000000", "WATCHDOG_PID": "43"}, None),
        ({"WATCHDOG_USEC": "10000000", "WATCHDOG_PID": ""}, None),
        ({"WATCHDOG_USEC": "0"}, None),
        ({"WATCHDOG_USEC": "-1"}, None),
        ({"WATCHDOG_USEC": "soon"}, None),
        ({"WATCHDOG_USEC": "\u0661"}, None),
    ],
)
def test_how_often_the_watchdog_is_fed(environment: dict[str, str], seconds: float | None) -> None:
    assert watchdog_interval(environment, pid=42) == seconds


def test_the_watchdog_of_this_process() -> None:
    environment = {"WATCHDOG_USEC": "3000000", "WATCHDOG_PID": str(os.getpid())}
    assert watchdog_interval(environment) == 1.5
