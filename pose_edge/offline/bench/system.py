"""Describes the machine and software that something was measured on."""

from __future__ import annotations

import os
import platform
from contextlib import suppress
from dataclasses import dataclass
from importlib import metadata
from typing import Final

from pose_edge.util.cores import usable_cores
from pose_edge.util.processor import processor_name
from pose_edge.util.text import counted

PACKAGES: Final = (
    "pose-edge",
    "ai-edge-litert",
    "tflite-runtime",
    "numpy",
    "opencv-python-headless",
    "opencv-python",
    "av",
)
"""Packages whose versions affect the measured times."""


@dataclass(frozen=True, slots=True)
class System:
    """The machine and the software.

    Attributes:
        processor: Name of the board or, if unknown, of the processor.
        architecture: Architecture of the kernel, e.g. aarch64.
        cores: Number of cores that this process may use.
        memory_mb: Memory of the machine, megabytes.
        os: Name of the operating system.
        kernel: Version of the kernel.
        python: Version of Python.
        packages: Installed versions of `PACKAGES`, by name.
    """

    processor: str
    architecture: str
    cores: int
    memory_mb: int
    os: str
    kernel: str
    python: str
    packages: dict[str, str]

    @property
    def line(self) -> str:
        """The machine in one line."""
        cores = counted(self.cores, "usable core")
        return f"{self.processor}, {self.architecture}, {cores}"


def read_system() -> System:
    """Return a description of this machine and its software."""
    packages = {}
    for name in PACKAGES:
        with suppress(metadata.PackageNotFoundError):
            packages[name] = metadata.version(name)
    return System(
        processor=processor_name(),
        architecture=platform.machine(),
        cores=usable_cores(),
        memory_mb=round(os.sysconf("SC_PHYS_PAGES") * os.sysconf("SC_PAGE_SIZE") / 1e6),
        os=_os_name(),
        kernel=platform.release(),
        python=platform.python_version(),
        packages=packages,
    )


def machine() -> str:
    """Return a description of this machine in one line."""
    return read_system().line


def _os_name() -> str:
    with suppress(OSError):
        return platform.freedesktop_os_release().get("PRETTY_NAME", "Linux")
    return platform.system()
