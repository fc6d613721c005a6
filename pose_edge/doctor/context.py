"""The context of the doctor: a configuration, a machine, and functions to read the machine."""

from __future__ import annotations

import os
from collections.abc import Mapping
from dataclasses import dataclass, field
from importlib import metadata
from pathlib import Path
from typing import Final

from pose_edge.config.schema import Settings
from pose_edge.util.commands import run_command

ANSWER_S: Final = 3.0
"""Time limit of a command, seconds."""
SYSTEM_FOLDERS: Final = "/usr/bin:/bin:/usr/sbin:/sbin:/opt/vc/bin"
"""Folders in which commands are searched, in place of the PATH variable."""


@dataclass(frozen=True)
class DoctorContext:
    """A configuration and the machine to examine; tests replace the machine's folders.

    Attributes:
        settings: The settings of a run; the defaults if the configuration is faulty.
        file: The configuration file that was read.
        faults: The faults of the configuration, one line each.
        use_camera: Whether a picture may be taken.
        use_models: Whether models may be run.
        proc: Mount point of the proc file system.
        folders: Search path of commands, separated by colons.
        environment: Environment variables.
    """

    settings: Settings
    file: Path
    faults: tuple[str, ...] = ()
    use_camera: bool = True
    use_models: bool = True
    proc: Path = Path("/proc")
    folders: str = SYSTEM_FOLDERS
    environment: Mapping[str, str] = field(default_factory=lambda: os.environ)

    @property
    def sysfs(self) -> Path:
        """Mount point of sysfs, /sys except in tests."""
        return Path(self.settings.testing.sysfs)

    @property
    def dev(self) -> Path:
        """Folder of the device nodes, /dev except in tests."""
        return Path(self.settings.testing.dev)

    def ask(self, *command: str) -> str:
        """Run a command and return its standard output.

        The text is empty if the command does not exist, fails, or exceeds `ANSWER_S`.
        """
        environment = {**self.environment, "PATH": self.folders, "LC_ALL": "C.UTF-8"}
        result = run_command(command, environment, ANSWER_S)
        return result.stdout if result.returncode == 0 else ""


def read_text(path: Path) -> str:
    """Return the stripped text of a small file in /proc or /sys; "" if it cannot be read."""
    try:
        return path.read_text(encoding="utf-8", errors="replace").strip(" \n\0")
    except OSError:
        return ""


def read_number(path: Path) -> int | None:
    """Return the integer in a file in /proc or /sys; None if there is none."""
    try:
        return int(read_text(path))
    except ValueError:
        return None


def installed_version(package: str) -> str | None:
    """Return the version of an installed Python package; None if it is not installed."""
    try:
        return metadata.version(package)
    except metadata.PackageNotFoundError:
        return None
