from __future__ import annotations

import socket
from collections.abc import Iterator
from pathlib import Path

import pytest
from helpers import wait_until

from pose_edge.supervision.sd_notify import SystemdNotifier
from pose_edge.supervision.supervisor import Supervisor
from pose_edge.supervision.watchdog import Watchdog


class Systemd:
    """systemd's end of the notify socket."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self.socket = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
        self.socket.bind(str(path))
        self.socket.setblocking(False)
        self.lines: list[str] = []

    def heard(self) -> list[str]:
        while True:
            try:
                self.lines += self.socket.recv(4096).decode().splitlines()
            except BlockingIOError:
                return self.lines


@pytest.fixture
def systemd(tmp_path: Path) -> Iterator[Systemd]:
    made = Systemd(tmp_path / "notify")
    yield made
    made.socket.close()


def test_it_is_ready_fed_and_told_how_it_goes(systemd: Systemd) -> None:
    supervisor = Supervisor()
    supervisor.add("source").running(within=1000)
    notifier = SystemdNotifier(str(systemd.path))
    watch = Watchdog(supervisor, notifier, lambda: "all is well", interval=0.01)
    watch.start()
    wait_until(lambda: systemd.heard().count("WATCHDOG=1") >= 3)
    watch.close()
    watch.close()
    assert systemd.heard()[:2] == ["READY=1", "STATUS=all is well"]
    assert "STOPPING=1" in systemd.lines
    notifier.close()


def test_an_internal_error_does_not_end_supervision(
    systemd: Systemd, caplog: pytest.LogCaptureFixture
) -> None:
    supervisor = Supervisor()
    calls: list[str] = []

    def status() -> str:
        calls.append("status")
        if len(calls) == 2:
            raise ZeroDivisionError("a bug in the status line")
        return "all is well"

    supervisor.add("source").running(within=1000)
    notifier = SystemdNotifier(str(systemd.path))
    watch = Watchdog(supervisor, notifier, status, interval=0.01)
    watch.start()
    wait_until(lambda: systemd.heard().count("WATCHDOG=1") >= 5)
    assert "a bug in the status line" in caplog.text
    watch.close()
    notifier.close()


def test_a_stalled_part_that_nobody_can_replace_starves_the_watchdog(
    systemd: Systemd, caplog: pytest.LogCaptureFixture
) -> None:
    supervisor = Supervisor()
    part = supervisor.add("source")
    part.running(within=0.05)
    notifier = SystemdNotifier(str(systemd.path))
    watch = Watchdog(supervisor, notifier, lambda: "stalled", interval=0.01)
    watch.start()
    wait_until(lambda: "WATCHDOG=trigger" in systemd.heard())
    fed = systemd.heard().count("WATCHDOG=1")
    told = systemd.lines.count("STATUS=stalled")
    wait_until(lambda: systemd.heard().count("STATUS=stalled") > told + 3)
    assert systemd.lines.count("WATCHDOG=1") == fed
    assert "WATCHDOG=trigger" in systemd.lines
    assert (
        caplog.messages.count("only a restart of the program helps now: asking systemd for it") == 1
    )
    part.running(within=1000)
    wait_until(lambda: systemd.heard().count("WATCHDOG=1") > fed)
    watch.close()
    notifier.close()
