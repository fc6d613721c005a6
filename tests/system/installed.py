"""A machine with the service: installed once by its own command, kept, and started from."""

from __future__ import annotations

import fcntl
import hashlib
import shutil
import tempfile
import time
import zipfile
from pathlib import Path
from typing import Final

from system.agent import Agent
from system.image import EXTRAS, VENV, WHEELS, Image, cache, fingerprint
from system.light_model import write_light_model
from system.machine import Machine
from system.rig import LIGHT_MODEL

KEPT: Final = 3
"""Machines of earlier states of the product that are not deleted yet."""
INSTALL_S: Final = 1500.0
"""Installing takes two to six minutes on an emulated processor, longer on a busy host."""

BEFORE: Final = "/root/before"
"""In the machine: what was there before the installation; see `snapshot`."""
LOG: Final = "install.log"
"""Beside the disk: what the installation said, and when."""

# What a machine consists of, but for what changes by itself: logs, what the kernel makes up, what
# the user installs from, who may well keep it, and the unfinished files (/etc/.#gshadow1a2b...) of
# account tools that a power cut interrupts.
SNAPSHOT: Final = rf"""
find / -xdev \( -path {VENV} -o -path /proc -o -path /sys -o -path /dev -o -path /run \
    -o -path /tmp -o -path /root -o -path /var/tmp -o -path /var/log/journal \
    -o -path /var/lib/systemd -o -path '/etc/.#*' \) -prune -o -print |
    LC_ALL=C sort
getent passwd
getent group
systemctl list-unit-files --no-legend | awk '{{print $1, $2}}'
"""


def snapshot(agent: Agent) -> list[str]:
    """Return the names of all files, users, groups and units (with their state)."""
    return agent(SNAPSHOT, timeout=120).splitlines()


def digest_of(wheel: Path) -> str:
    """Return a name for what a wheel holds: built again from the same sources it is the same."""
    digest = hashlib.sha256()
    with zipfile.ZipFile(wheel) as archive:
        for name in sorted(archive.namelist()):
            digest.update(f"{name}\0{archive.getinfo(name).CRC}\0".encode())
            digest.update(archive.read(name))
    return digest.hexdigest()[:12]


def provide_installed(image: Image, wheel: Path) -> Image:
    """Return the machine with the service, installed before it is returned if need be.

    Args:
        image: The machine without.
        wheel: The product.
    """
    recipe = hashlib.sha256(Path(__file__).read_bytes()).hexdigest()[:6]
    folder = cache() / f"{fingerprint()}-service-{digest_of(wheel)}-{recipe}"
    with (cache() / "service.lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        if not folder.exists():
            _forget_old()
            with tempfile.TemporaryDirectory(dir=cache(), prefix="new-") as name:
                unfinished = Path(name) / "machine"
                unfinished.mkdir()
                _install(image, wheel, unfinished)
                unfinished.rename(folder)
        folder.touch()  # it is in use: others are older
    return Image(image.folder, folder / "disk.qcow2")


def install_command(wheel: str) -> str:
    """Return the command that a user types, with a folder of wheels in place of the network."""
    extras = " ".join(f"--extra {name}" for name in EXTRAS)
    return f"{VENV}/bin/pose-edge service install --wheel {wheel} --find-links {WHEELS} {extras}"


def _install(image: Image, wheel: Path, folder: Path) -> None:
    machine = Machine(image, folder)
    try:
        machine.boot()
        agent = machine.agent
        agent.push(write_light_model(folder / "light.tflite"), LIGHT_MODEL)
        agent.push(wheel, f"/root/{wheel.name}")
        # What the user has it from: a virtual environment of his own.
        agent(
            f"{VENV}/bin/pip --isolated install --quiet --no-index --no-deps /root/{wheel.name}",
            timeout=INSTALL_S,
        )
        agent(f"cat >{BEFORE}", given="\n".join(snapshot(agent)).encode())
        began = time.monotonic()
        told = agent(
            # Each line with its time, to see what takes long.
            f"{install_command(f'/root/{wheel.name}')} 2>&1 | "
            'while IFS= read -r line; do echo "$(cut -d" " -f1 /proc/uptime) $line"; done; '
            "exit ${PIPESTATUS[0]}",
            timeout=INSTALL_S,
        )
        (folder / LOG).write_text(f"{told}\n{time.monotonic() - began:.0f} s\n", encoding="utf-8")
        machine.shut_down()
    except BaseException:
        machine.discard()
        raise


def _forget_old() -> None:
    """Delete machines of earlier states of the product, but the newest few."""
    old = sorted(cache().glob("*-service-*"), key=lambda path: path.stat().st_mtime)
    for folder in old[: 1 - KEPT]:
        shutil.rmtree(folder)
