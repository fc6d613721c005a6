"""Debian for arm64 on the emulated processor of a Pi, and installing the product on it."""

from __future__ import annotations

import json
import shutil
import time
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

from aarch64.namespace import Namespace
from aarch64.pip_settings import pip_settings
from aarch64.processor import Processor
from command import Finished

VENV: Final = "/opt/program"
LIMIT_S: Final = 1800.0
"""Time limit of any command in seconds; an emulated processor is slow, and the host may be busy."""

PATH: Final = f"{VENV}/bin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"

# Mount only the CPUs of /sys, so that the emulated system does not see the host's devices.
MOUNT: Final = """
mount -t proc proc "$1/proc"
mount --bind "$2" "$1/proc/cpuinfo"
mkdir -p "$1/sys/devices/system/cpu"
mount --bind /sys/devices/system/cpu "$1/sys/devices/system/cpu"
"""


class Machine:
    """Runs commands in a root folder on an emulated processor."""

    def __init__(self, root: Path, processor: Processor) -> None:
        """Create the namespace and mount /proc and the CPUs.

        Args:
            root: The root folder; several machines may share it.
            processor: The processor to emulate.
        """
        self.root = root
        self.processor = processor
        self._namespace = Namespace()
        try:
            cpuinfo = root / "tmp" / f"cpuinfo.{processor.name}"
            cpuinfo.write_text(processor.cpuinfo(), encoding="ascii")
            done = self._namespace.run(*("sh", "-euc", MOUNT, "mount"), root, cpuinfo, timeout=60)
            assert done.returncode == 0, done.stderr
        except BaseException:
            self.close()
            raise

    def __call__(self, *command: str, **variables: str) -> Finished:
        """Run a command in /tmp to its end, and return its status and output.

        Args:
            command: Program and arguments.
            variables: Environment variables in addition to PATH, HOME, LANG and QEMU_CPU.
        """
        essential = {
            "PATH": PATH,
            "HOME": "/root",
            "LANG": "C.UTF-8",
            "QEMU_CPU": self.processor.name,
        }
        done = self._namespace.run(
            "chroot",
            self.root,
            *("env", "--chdir=/tmp", *command),
            timeout=LIMIT_S,
            environment={**essential, **variables},
        )
        return Finished(done.returncode, done.stdout, done.stderr)

    def path(self, inside: str) -> Path:
        """Return the path on the host of a file in the machine's /tmp."""
        return self.root / "tmp" / inside

    def put(self, path: Path) -> None:
        """Copy a file or folder of the host into the machine's /tmp."""
        if path.is_dir():
            shutil.copytree(path, self.path(path.name), dirs_exist_ok=True)
        else:
            shutil.copyfile(path, self.path(path.name))

    def close(self) -> None:
        """End all processes of the machine."""
        self._namespace.close()


@dataclass(frozen=True)
class Installation:
    """The product as installed by pip.

    Attributes:
        root: Root folder of the installation.
        packages: Versions of all installed packages by name.
        archives: Names of the files that pip installed from.
        seconds: Duration, including the creation of the virtual environment.
    """

    root: Path
    packages: dict[str, str]
    archives: tuple[str, ...]
    seconds: float


def install(machine: Machine, wheel: Path) -> Installation:
    """Install the wheel and its dependencies into a new virtual environment."""
    began = time.monotonic()
    machine.put(wheel)
    done = machine("python3", "-m", "venv", VENV)
    assert done.status == 0, done.stderr
    done = machine(
        *("pip", "install", "--no-input", "--progress-bar=off", "--report=report.json"),
        wheel.name,
        **pip_settings(),
    )
    assert done.status == 0, done.stdout + done.stderr
    report = json.loads(machine.path("report.json").read_text(encoding="utf-8"))
    installed: list[dict[str, Any]] = report["install"]
    metadata = [one["metadata"] for one in installed]
    return Installation(
        machine.root,
        {one["name"]: one["version"] for one in metadata},
        tuple(one["download_info"]["url"].rpartition("/")[2] for one in installed),
        time.monotonic() - began,
    )
