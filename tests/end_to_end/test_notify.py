from __future__ import annotations

import re
import signal
import socket
from collections.abc import Iterator
from pathlib import Path

import pytest
from command import Command
from helpers import GENEROUS_S, wait_until


@pytest.fixture
def systemd(tmp_path: Path) -> Iterator[socket.socket]:
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as listening:
        listening.bind(str(tmp_path / "notify"))
        listening.settimeout(GENEROUS_S)
        yield listening


def test_a_run_tells_systemd_that_it_is_ready_alive_and_how_it_goes(
    pose_edge: Command, tmp_path: Path, systemd: socket.socket
) -> None:
    service = {"NOTIFY_SOCKET": str(tmp_path / "notify"), "WATCHDOG_USEC": "2000000"}
    process = pose_edge.start("run", "--source", "demo", "--display", "none", **service)
    assert systemd.recv(4096).startswith(b"READY=1\nSTATUS=")
    heard = []

    def fed_with_poses() -> bool:
        heard.append(systemd.recv(4096).decode())
        return heard.count("WATCHDOG=1") >= 2 and heard[-1].startswith("STATUS=")

    wait_until(fed_with_poses)
    assert heard[-1].endswith("; cpu; display none")
    process.send_signal(signal.SIGTERM)
    assert pose_edge.finish(process).status == 0
    while (last := systemd.recv(4096)) != b"STOPPING=1":
        assert last == b"WATCHDOG=1" or last.startswith(b"STATUS=")


def test_a_camera_that_is_missing_is_ready_too_and_said(
    pose_edge: Command, tmp_path: Path, systemd: socket.socket
) -> None:
    process = pose_edge.start(
        *("run", "--source", "/dev/video99", "--display", "none", "--set", "camera.wait=true"),
        NOTIFY_SOCKET=str(tmp_path / "notify"),
        WATCHDOG_USEC="2000000",
    )
    assert systemd.recv(4096).startswith(b"READY=1\n")
    heard = []

    def tried_several_times() -> bool:
        # Not exactly 2: on a busy machine a status may skip a number.
        heard.append(systemd.recv(4096).decode())
        tried = re.search(r"tried (\d+) times?", heard[-1])
        return tried is not None and int(tried[1]) >= 2

    wait_until(tried_several_times)
    assert heard[-1].startswith("STATUS=no picture: camera /dev/video99 is not there")
    assert "WATCHDOG=1" in heard
    process.send_signal(signal.SIGTERM)
    assert pose_edge.finish(process).status == 0
