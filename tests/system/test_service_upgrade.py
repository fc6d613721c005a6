"""Upgrades, power cuts during them, and uninstalling: the user's files are kept."""

from __future__ import annotations

import shlex
import time
from pathlib import Path

from system.agent import Agent
from system.image import VENV
from system.installed import BEFORE, INSTALL_S, install_command, snapshot
from system.screen import wait_for
from system.service import CONFIG, STATE
from system.service_rig import RATE, ServiceRig

LOG = "/root/upgrade.log"
PREFIX = "/opt/pose-edge"


def command(wheel: Path) -> str:
    """Return the command that upgrades the service."""
    return install_command(f"/root/{wheel.name}")


def left(agent: Agent) -> list[str]:
    """Return what was removed (-) and added (+) since the snapshot before the installation."""
    before = agent(f"cat {BEFORE}").splitlines()
    now = snapshot(agent)
    return sorted(
        [f"- {name}" for name in set(before) - set(now)]
        + [f"+ {name}" for name in set(now) - set(before)]
    )


def test_power_cuts_in_the_middle_of_an_upgrade(service_rig: ServiceRig, wheel: Path) -> None:
    rig = service_rig
    rig.restore({"overlay": {"crop": True}})
    rig.run("sync")
    edited = rig.machine.agent.pull(CONFIG)
    for moment in ("program:", "switch to the new program"):
        rig.run(
            "systemd-run --quiet --collect --unit=upgrade sh -c "
            + shlex.quote(f"exec stdbuf -oL {command(wheel)} >{LOG} 2>&1")
        )
        rig.run(f"until grep -q {shlex.quote(moment)} {LOG}; do sleep 0.2; done", timeout=INSTALL_S)
        if moment == "program:":
            time.sleep(40)  # this step takes minutes
        rig.machine.cut_power()
        rig.camera.unplug()
        rig.chapter.measure(f"boot after a cut at {moment!r}", rig.machine.boot())
        rig.plug_camera(rate=RATE)
        rig.wait_until_healthy()
        assert rig.machine.agent.pull(CONFIG) == edited
    rig.chapter.text("versions", rig.run(f"ls -l {PREFIX} {PREFIX}/versions"))


def test_an_upgrade_keeps_the_edited_configuration(service_rig: ServiceRig, wheel: Path) -> None:
    rig = service_rig
    rig.restore({"overlay": {"crop": True}})
    edited = rig.machine.agent.pull(CONFIG)
    before = rig.run(f"readlink {PREFIX}/current")
    began = time.monotonic()
    said = rig.run(command(wheel), timeout=INSTALL_S)
    rig.chapter.measure("upgrade", time.monotonic() - began)
    rig.chapter.text("said", said)
    assert rig.machine.agent.pull(CONFIG) == edited
    assert rig.run(f"readlink {PREFIX}/current") != before
    assert rig.run(f"ls {PREFIX}/versions | wc -l") == "1", "an old one takes room"
    assert "camera:" in rig.run(f"cat {CONFIG}.default")
    rig.wait_until_healthy()
    assert rig.service.condition().restarts == 0


def test_uninstall_leaves_nothing(service_rig: ServiceRig) -> None:
    rig = service_rig
    rig.restore()
    rig.chapter.text("uninstall", rig.run("pose-edge service uninstall", timeout=180))
    # The user's files and what a later `--purge` needs stay.
    remains = left(rig.machine.agent)
    rig.chapter.text("stays without --purge", "\n".join(remains))
    # Existing groups have the service's user as a member: one line is added and one removed.
    people = [name for name in remains if ":x:" in name]
    files = [name for name in remains if name not in people]
    assert all(name.startswith((f"+ {STATE}", "+ /etc/pose-edge")) for name in files), files
    assert all("pose-edge" in name for name in people if name.startswith("+")), people
    assert rig.machine.agent.run(f"test -f {CONFIG}").status == 0
    rig.run("! systemctl cat pose-edge.service")
    wait_for(lambda: rig.screen.similarity() < 0.3, "the login in place of the picture", 30)

    rig.chapter.text(
        "purge", rig.run(f"{VENV}/bin/pose-edge service uninstall --purge", timeout=180)
    )
    remains = left(rig.machine.agent)
    rig.chapter.text("stays with --purge", "\n".join(remains))
    assert remains == []
