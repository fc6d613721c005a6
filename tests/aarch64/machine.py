"""A Debian for arm64 with the processor of a Pi, and the product on it."""

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
"""For any command: an emulated processor is slow, and this machine may be busy."""

PATH: Final = f"{VENV}/bin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"

# The cores, and nothing else of /sys: what is plugged into this machine is none of its business.
MOUNT: Final = """
mount -t proc proc "$1/proc"
mount --bind "$2" "$1/proc/cpuinfo"
mkdir -p "$1/sys/devices/system/cpu"
mount --bind /sys/devices/system/cpu "$1/sys/devices/system/cpu"
"""


class Machine:
    """Runs commands in a root folder, by an emulated processor."""

    def __init__(self, root: Path, processor: Processor) -> None:
        """Switch it on.

        Args:
            root: The folder; others may have it at the same time.
            processor: What it has.
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
        """Run a command to its end, in /tmp, and keep what it writes.

        Args:
            command: Program and arguments.
            variables: More of its environment, which else has only the essential.
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
        """Return where a file of its /tmp is on this machine."""
        return self.root / "tmp" / inside

    def put(self, path: Path) -> None:
        """Copy a file or folder into its /tmp."""
        if path.is_dir():
            shutil.copytree(path, self.path(path.name), dirs_exist_ok=True)
        else:
            shutil.copyfile(path, self.path(path.name))

    def close(self) -> None:
        """Switch it off: every process on it ends."""
        self._namespace.close()


@dataclass(frozen=True)
class Installation:
    """The product, as pip has installed it.

    Attributes:
        root: Where.
        packages: Name and version of everything that was installed.
        archives: The names of the files that it was installed from.
        seconds: How long it took, the virtual environment included.
    """

    root: Path
    packages: dict[str, str]
    archives: tuple[str, ...]
    seconds: float


def install(machine: Machine, wheel: Path) -> Installation:
    """Install the wheel with all that it depends on, into a new virtual environment."""
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
