"""Tests of the systemd unit: its required settings, and systemd's own verification."""

from __future__ import annotations

import re
import shutil
import subprocess
from collections import defaultdict
from configparser import ConfigParser
from pathlib import Path

import pytest

from pose_edge.service.installing import GROUPS
from pose_edge.service.places import PREFIX, USER, Places
from pose_edge.util import resources

ROOT = Path(__file__).resolve().parents[2]
UNIT = ROOT / "systemd" / "pose-edge.service"
SYSUSERS = ROOT / "systemd" / "pose-edge.sysusers.conf"
MOST_EXPOSED = 3.0
OFFLINE_SINCE = 250


def unit() -> dict[str, dict[str, list[str]]]:
    """Return the unit's sections: for each key, the list of its values in order."""
    sections: dict[str, dict[str, list[str]]] = {}
    for line in UNIT.read_text().splitlines():
        if re.fullmatch(r"\[\w+\]", line):
            section = sections[line.strip("[]")] = defaultdict(list)
        elif line and not line.startswith("#"):
            key, equals, value = line.partition("=")
            assert equals, f"{line}: neither a comment nor a key"
            section[key].append(value)
    return sections


SERVICE = unit()["Service"]


def seconds(key: str) -> float:
    (value,) = SERVICE[key]
    return float(value)


def test_it_is_watched() -> None:
    assert SERVICE["Type"] == ["notify"]
    assert SERVICE["NotifyAccess"] == ["main"]
    assert SERVICE["ExecReload"] == ["/bin/kill -HUP $MAINPID"]
    assert seconds("WatchdogSec") >= 5, "a busy Pi is no deadlock"


def test_nothing_needs_a_hand() -> None:
    assert SERVICE["Restart"] == ["always"]
    assert unit()["Unit"]["StartLimitIntervalSec"] == ["0"]
    assert not any(key.startswith("RestartPrevent") for key in SERVICE)
    recovered = seconds("WatchdogSec") + seconds("TimeoutAbortSec") + seconds("RestartSec")
    assert recovered <= 20, "leaves 10 of the 30 s for the start"


def test_it_has_the_console_to_itself() -> None:
    assert SERVICE["TTYPath"] == ["/dev/tty1"]
    assert SERVICE["StandardInput"] == ["tty-force"]
    assert unit()["Unit"]["Conflicts"] == ["getty@tty1.service"]
    assert "getty@tty1.service" in " ".join(unit()["Unit"]["After"]), "or they start together"
    assert SERVICE["StandardOutput"] == SERVICE["StandardError"] == ["journal"]


def test_every_device_is_allowed() -> None:
    assert SERVICE["DevicePolicy"] == ["closed"]
    assert "PrivateDevices" not in SERVICE
    allowed = {value.removesuffix(" rw") for value in SERVICE["DeviceAllow"]}
    numbers = {"drm": 226, "video4linux": 81, "usb_device": 189, "input": 13}
    assert {f"char-{number}" for number in numbers.values()} <= allowed
    assert {"char-media", "char-dma_heap", "char-apex", "/dev/tty0", "/dev/tty1"} <= allowed
    characters = Path("/proc/devices").read_text().split("\n\n")[0].splitlines()[1:]
    registered = {name: number for number, name in (line.split() for line in characters)}
    for name, number in numbers.items():
        assert registered.get(name, str(number)) == str(number)


def test_names_of_devices_that_may_come_later_are_known_by_then() -> None:
    loaded = " ".join(unit()["Unit"]["Wants"])
    for module in ("mc", "apex"):
        assert f"modprobe@{module}.service" in loaded
        assert f"modprobe@{module}.service" in " ".join(unit()["Unit"]["After"])


def test_own_user_and_groups() -> None:
    assert SERVICE["User"] == SERVICE["Group"] == [USER]
    assert tuple(SERVICE["SupplementaryGroups"][0].split()) == GROUPS
    lines = [line.split() for line in SYSUSERS.read_text().splitlines() if line[:1] in ("u", "m")]
    assert lines[0][:2] == ["u", USER]
    assert lines[0][-1] == str(Places().state)
    assert [line[1:] for line in lines[1:]] == [[USER, group] for group in GROUPS]


def test_it_starts_what_is_installed() -> None:
    program, *arguments = SERVICE["ExecStart"][0].split()
    assert Path(program) == Places().current / "bin" / "pose-edge"
    assert arguments == ["run", "--config", str(Places().config)]
    assert UNIT.read_text().count(str(PREFIX)) == 2, "the head of the file and ExecStart"
    (state,) = SERVICE["StateDirectory"]
    assert Places().state == Path("/var/lib") / state
    assert SERVICE["WorkingDirectory"] == [f"%S/{state}"]
    assert unit()["Install"]["WantedBy"] == ["multi-user.target"]


def test_python_sees_what_was_installed_and_says_where_it_hangs() -> None:
    environment = SERVICE["Environment"][0].split()
    assert "PYTHONNOUSERSITE=1" in environment
    assert "PYTHONFAULTHANDLER=1" in environment


def test_the_package_carries_it() -> None:
    assert resources.service_unit().read_text() == UNIT.read_text()
    assert resources.service_user().read_text() == SYSUSERS.read_text()
    setup = ConfigParser()
    setup.read(ROOT / "setup.cfg")
    listed = setup["options.package_data"]["pose_edge"].split()
    assert f"data/{UNIT.name}" in listed
    assert f"data/{SYSUSERS.name}" in listed


@pytest.fixture
def analyze() -> str:
    command = shutil.which("systemd-analyze")
    if command is None:
        pytest.skip("no systemd-analyze on this machine")
    version = subprocess.run([command, "--version"], capture_output=True, text=True, check=True)
    if int(version.stdout.split()[1]) < OFFLINE_SINCE:
        pytest.skip(f"systemd-analyze works offline since version {OFFLINE_SINCE}")
    return command


def test_systemd_finds_it_secure(analyze: str) -> None:
    done = subprocess.run(
        [analyze, "security", "--offline=true", "--no-pager", str(UNIT)],
        capture_output=True,
        text=True,
        check=False,
    )
    exposure = re.search(r"Overall exposure level for \S+: ([\d.]+)", done.stdout)
    assert exposure is not None, done.stdout + done.stderr
    assert float(exposure[1]) <= MOST_EXPOSED


def test_systemd_finds_no_fault(analyze: str, tmp_path: Path) -> None:
    # `verify` requires the started programs to exist, so substitute one that does.
    text = UNIT.read_text().replace(str(Places().current / "bin" / "pose-edge"), "/bin/true")
    if not Path("/bin/kill").exists():
        text = text.replace("/bin/kill", "/bin/true")
    (tmp_path / UNIT.name).write_text(text)
    done = subprocess.run(
        [analyze, "verify", "--man=no", str(tmp_path / UNIT.name)],
        capture_output=True,
        text=True,
        check=False,
    )
    # Other units of this machine are loaded too, and may have errors of their own.
    said = [line for line in (done.stdout + done.stderr).splitlines() if "pose-edge" in line]
    assert said == []
