"""Disk images with the service installed by its own command: built once, then reused."""

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
"""Number of installed machines kept in the cache, including the one being built."""
INSTALL_S: Final = 1500.0
"""Time limit of an installation, in seconds. It takes two to six minutes on an emulated processor,
longer on a busy host."""

BEFORE: Final = "/root/before"
"""File in the machine with the `snapshot` taken before the installation."""
LOG: Final = "install.log"
"""File beside the disk image with the installation's output, each line with its time."""

# Shell script that lists the state of a machine. It leaves out what changes by itself (logs, kernel
# file systems), the virtual environment that the user installs from and may keep, and temporary
# files of account tools (/etc/.#gshadow1a2b...), which a power cut leaves behind.
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
    """Return the names of all files, and all users, groups and units with their states."""
    return agent(SNAPSHOT, timeout=120).splitlines()


def digest_of(wheel: Path) -> str:
    """Return a digest of a wheel's contents, the same for every build from the same sources."""
    digest = hashlib.sha256()
    with zipfile.ZipFile(wheel) as archive:
        for name in sorted(archive.namelist()):
            digest.update(f"{name}\0{archive.getinfo(name).CRC}\0".encode())
            digest.update(archive.read(name))
    return digest.hexdigest()[:12]


def provide_installed(image: Image, wheel: Path) -> Image:
    """Return an image with the service installed; install it first if it is not cached.

    Args:
        image: The image without the service.
        wheel: The product's wheel.
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
        folder.touch()  # `_forget_old` deletes the least recently used
    return Image(image.folder, folder / "disk.qcow2")


def install_command(wheel: str) -> str:
    """Return the command that a user types, with a local folder of wheels instead of an index."""
    extras = " ".join(f"--extra {name}" for name in EXTRAS)
    return f"{VENV}/bin/pose-edge service install --wheel {wheel} --find-links {WHEELS} {extras}"


def _install(image: Image, wheel: Path, folder: Path) -> None:
    machine = Machine(image, folder)
    try:
        machine.boot()
        agent = machine.agent
        agent.push(write_light_model(folder / "light.tflite"), LIGHT_MODEL)
        agent.push(wheel, f"/root/{wheel.name}")
        # The user runs the installation from a virtual environment of their own.
        agent(
            f"{VENV}/bin/pip --isolated install --quiet --no-index --no-deps /root/{wheel.name}",
            timeout=INSTALL_S,
        )
        agent(f"cat >{BEFORE}", given="\n".join(snapshot(agent)).encode())
        began = time.monotonic()
        told = agent(
            # Prefix each line with its time, to show which steps take long.
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
    """Delete the oldest installed machines, so that at most `KEPT` remain with the next one."""
    old = sorted(cache().glob("*-service-*"), key=lambda path: path.stat().st_mtime)
    for folder in old[: 1 - KEPT]:
        shutil.rmtree(folder)
