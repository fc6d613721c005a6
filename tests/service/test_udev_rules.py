from __future__ import annotations

import re
import shutil
import subprocess
from configparser import ConfigParser
from pathlib import Path

import pytest

from pose_edge.runtimes.edgetpu.detection import NEW_USB_ID, STARTED_USB_ID
from pose_edge.util import resources

ROOT = Path(__file__).resolve().parents[2]
RULES = ROOT / "systemd" / "60-pose-edge-coral.rules"
TERM = re.compile(r'([A-Z]+(?:\{\w+\})?)(==|!=|\+=|=)"([^"]*)"')
VERIFY_SINCE = 254


def device_rules() -> list[dict[str, str]]:
    """Return the terms of each rule that matches a subsystem, e.g. {"MODE=": "0660"}."""
    lines = [line for line in RULES.read_text().splitlines() if line.startswith("SUBSYSTEM")]
    return [{key + sign: value for key, sign, value in TERM.findall(line)} for line in lines]


def test_the_ids_are_those_that_are_looked_for() -> None:
    usb = [rule for rule in device_rules() if rule["SUBSYSTEM=="] == "usb"]
    ids = [(rule["ATTR{idVendor}=="], rule["ATTR{idProduct}=="]) for rule in usb]
    assert sorted(ids) == sorted((NEW_USB_ID, STARTED_USB_ID))
    assert all(rule["ENV{DEVTYPE}=="] == "usb_device" for rule in usb)


def test_pcie_is_there_too() -> None:
    (rule,) = [rule for rule in device_rules() if rule["SUBSYSTEM=="] == "apex"]
    assert rule["KERNEL=="] == "apex_[0-9]*"


def test_every_rule_lets_group_and_seat_in() -> None:
    rules = device_rules()
    assert len(rules) == 3
    for rule in rules:
        assert rule["GROUP="] == "plugdev"
        assert int(rule["MODE="], 8) & 0o060 == 0o060
        assert int(rule["MODE="], 8) & 0o002 == 0
        assert rule["TAG+="] == "uaccess"


def test_every_rule_is_one_line_that_udev_can_read() -> None:
    for line in RULES.read_text().splitlines():
        if line and not line.startswith("#"):
            assert TERM.sub("", line).replace(",", "").strip() == ""


def test_its_place_among_other_peoples_rules() -> None:
    others = ["50-udev-default.rules", "60-gasket-dkms.rules", "60-libedgetpu1-std.rules"]
    later = ["65-apex.rules", "73-seat-late.rules"]
    assert sorted([*later, RULES.name, *others]) == [*others, RULES.name, *later]


def test_the_package_carries_it() -> None:
    assert resources.udev_rules().read_text() == RULES.read_text()
    setup = ConfigParser()
    setup.read(ROOT / "setup.cfg")
    listed = setup["options.package_data"]["pose_edge"].split()
    assert f"data/{RULES.name}" in listed


def test_udev_finds_no_fault() -> None:
    command = shutil.which("udevadm", path="/usr/bin:/bin")
    if command is None:
        pytest.skip("no udevadm on this machine")
    version = subprocess.run([command, "--version"], capture_output=True, text=True, check=True)
    if int(version.stdout.split()[0]) < VERIFY_SINCE:
        pytest.skip(f"udevadm verify exists since version {VERIFY_SINCE}")
    done = subprocess.run(
        [command, "verify", str(RULES)], capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stdout + done.stderr
