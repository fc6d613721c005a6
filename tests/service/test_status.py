from __future__ import annotations

import json
from pathlib import Path

import pytest
from made_up_machine import MadeUp, answer

from pose_edge.service import as_json, as_lines, install, read_status

SHOWN = """\
LoadState=loaded
ActiveState=active
SubState=running
UnitFileState=enabled
Result=success
StatusText=30.0 fps camera, 28.4 fps poses, 41 ms; cpu; a=b
MainPID=4711
NRestarts=2
StateChangeTimestampMonotonic=100000000
"""
LOG = "2025-11-22T10:00:00 pi pose-edge[4711]: source: /dev/video0\n"


@pytest.fixture
def made_up(tmp_path: Path) -> MadeUp:
    made_up = MadeUp(tmp_path)
    install(made_up.machine(), made_up.places, made_up.options())
    made_up.answers |= {
        "systemctl show": answer(0, SHOWN),
        "journalctl": answer(0, LOG),
    }
    return made_up


def test_it_runs(made_up: MadeUp) -> None:
    status = read_status(made_up.machine(), made_up.places, now_s=100 + 3 * 3600 + 125)
    assert status.running
    assert status.seconds == 3 * 3600 + 125
    assert as_lines(status) == [
        "state        active (running) for 3 h 2 min",
        "says         30.0 fps camera, 28.4 fps poses, 41 ms; cpu; a=b",
        "restarts     2 by systemd",
        "at power-on  starts",
        f"version      0.1.0 in {made_up.places.prefix}",
        f"config       {made_up.places.config}",
        f"page token   sudo cat {made_up.places.token}",
        "",
        LOG.strip(),
    ]
    assert json.loads(json.dumps(as_json(status)))["log"] == [LOG.strip()]


def test_it_does_not(made_up: MadeUp) -> None:
    shown = SHOWN.replace("=active", "=activating").replace("=running", "=auto-restart")
    made_up.answers["systemctl show"] = answer(0, shown.replace("=success", "=watchdog"))
    made_up.answers["journalctl"] = answer(1, "", "not permitted")
    status = read_status(made_up.machine(), made_up.places, now_s=142)
    assert not status.running
    lines = as_lines(status)
    assert "state        activating (auto-restart) for 42 s" in lines
    assert "ended        watchdog" in lines
    assert lines[-1] == "no log that this user may read: sudo journalctl -u pose-edge"


def test_systemd_does_not_answer(made_up: MadeUp) -> None:
    made_up.answers["systemctl show"] = answer(127, "", "systemctl: No such file or directory")
    status = read_status(made_up.machine(), made_up.places)
    assert not status.running
    assert "systemd does not answer" in as_lines(status)[0]


def test_nothing_is_installed(tmp_path: Path) -> None:
    made_up = MadeUp(tmp_path)
    made_up.answers["systemctl show"] = answer(0, "LoadState=not-found\nActiveState=inactive\n")
    status = read_status(made_up.machine(), made_up.places)
    assert not status.installed
    assert as_lines(status) == ["not installed: sudo pose-edge service install"]
