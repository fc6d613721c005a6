from __future__ import annotations

from pathlib import Path

import pytest
from doctor_contexts import MadeUp, by_subject, sound

from pose_edge.doctor.report import Finding
from pose_edge.doctor.service import examine

RUNNING = {
    "LoadState": "loaded",
    "ActiveState": "active",
    "SubState": "running",
    "UnitFileState": "enabled",
    "Result": "success",
    "StatusText": "30.0 fps camera, 28.4 fps poses, 41 ms; edgetpu",
    "MainPID": "812",
    "NRestarts": "0",
    "User": "pose-edge",
    "NeedDaemonReload": "no",
}


def look(made_up: MadeUp, **properties: str) -> dict[str, Finding]:
    shown = made_up.put("shown", "".join(f"{k}={v}\n" for k, v in (RUNNING | properties).items()))
    made_up.command("systemctl", f"cat {shown}")
    made_up.put("run/systemd/system/-.slice")
    return by_subject(sound(examine(made_up.context(), made_up.root)))


def test_one_that_runs(made_up: MadeUp) -> None:
    found = look(made_up)
    assert {one.verdict for one in found.values()} == {"ok"}
    assert found["state"].text == (
        "active (running), process 812: 30.0 fps camera, 28.4 fps poses, 41 ms; edgetpu"
    )
    assert found["unit"].text == "starts at power-on, as user pose-edge"


@pytest.mark.parametrize(
    ("properties", "subject", "verdict", "remedy"),
    [
        ({"LoadState": "not-found"}, "unit", "skipped", ""),
        ({"LoadState": "bad-setting"}, "unit", "fault", "service install"),
        ({"UnitFileState": "disabled"}, "unit", "warning", "systemctl enable"),
        ({"NeedDaemonReload": "yes"}, "unit", "warning", "daemon-reload"),
        ({"ActiveState": "failed", "Result": "watchdog"}, "state", "fault", "journalctl"),
        ({"ActiveState": "inactive"}, "state", "warning", "systemctl start"),
        (
            {"ActiveState": "activating", "SubState": "auto-restart"},
            "state",
            "fault",
            "journalctl",
        ),
        ({"NRestarts": "3"}, "restarts", "warning", "journalctl"),
    ],
)
def test_others(
    made_up: MadeUp, properties: dict[str, str], subject: str, verdict: str, remedy: str
) -> None:
    found = look(made_up, **properties)[subject]
    assert found.verdict == verdict
    assert remedy in found.remedy


def test_without_systemd(made_up: MadeUp, tmp_path: Path) -> None:
    (found,) = sound(examine(made_up.context(), tmp_path / "none"))
    assert found.verdict == "skipped"


def test_a_systemd_that_does_not_answer(made_up: MadeUp) -> None:
    made_up.command("systemctl", "exit 1")
    made_up.put("run/systemd/system/-.slice")
    (found,) = sound(examine(made_up.context(), made_up.root))
    assert found.verdict == "warning"
