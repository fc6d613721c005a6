"""The service's commands, as dry runs or refused: they must not change the machine."""

from __future__ import annotations

import json
import os
from pathlib import Path

import pytest
from command import Command

PREFIX = "/opt/pose-edge-of-a-test"
INSTALLED = Path("/etc/pose-edge/install.json").exists()

pytestmark = pytest.mark.skipif(INSTALLED, reason="the service is installed on this machine")


def test_a_dry_install_says_what_it_would_do(pose_edge: Command) -> None:
    done = pose_edge("service", "install", "--dry-run", "--prefix", PREFIX)
    assert done.status == 0, done.stderr
    assert f"would link {PREFIX}/current to versions/" in done.stdout
    assert "would run: systemctl enable --quiet pose-edge.service" in done.stdout
    assert not Path(PREFIX).exists()
    assert not Path("/etc/pose-edge/install.json").exists()


@pytest.mark.skipif(os.geteuid() == 0, reason="for people without root's rights")
def test_without_root_it_says_how(pose_edge: Command) -> None:
    done = pose_edge("service", "install", "--prefix", PREFIX)
    assert done.status == 1
    assert f"would link {PREFIX}/current to versions/" in done.stdout
    (line,) = done.complaint()
    assert "nothing was changed" in line
    assert line.endswith(f"service install --prefix {PREFIX}")
    assert "sudo " in line


def test_faults_of_the_settings_come_first(pose_edge: Command) -> None:
    done = pose_edge("service", "install", "--dry-run", "--set", "camera.fps=many")
    assert done.status == 2
    assert "camera.fps" in done.stderr
    assert done.stdout == ""


@pytest.mark.parametrize(
    ("option", "value"), [("--prefix", "/home/pi/x"), ("--wheel", "missing.whl")]
)
def test_wrong_usage(pose_edge: Command, option: str, value: str) -> None:
    done = pose_edge("service", "install", "--dry-run", option, value)
    assert done.status == 2
    assert f"{option} {value}" in done.stderr


def test_nothing_to_take_away(pose_edge: Command) -> None:
    done = pose_edge("service", "uninstall", "--dry-run")
    assert (done.status, done.stdout) == (0, "the service is not installed\n")


def test_status_of_nothing(pose_edge: Command) -> None:
    done = pose_edge("service", "status")
    assert (done.status, done.stdout) == (1, "not installed: sudo pose-edge service install\n")
    done = pose_edge("service", "status", "--json")
    assert done.status == 1
    assert json.loads(done.stdout)["installed"] is False
