"""What is examined: a configuration on a machine."""

from __future__ import annotations

import os
import subprocess
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final

from pose_edge.config.schema import Settings

ANSWER_S: Final = 3.0
"""How long a command may take to answer."""
SYSTEM_FOLDERS: Final = "/usr/bin:/bin:/usr/sbin:/sbin:/opt/vc/bin"
"""Where commands are, whatever the PATH of a service is."""


@dataclass(frozen=True)
class DoctorContext:
    """What the sections of the report look at.

    Attributes:
        settings: Those that a run would have, or, where they are faulty, the defaults.
        file: The configuration that was read.
        faults: What is wrong with it.
        use_camera: Whether a picture may be taken.
        use_models: Whether models may be run.
        proc: Where the kernel tells about processes and memory.
        folders: Where commands are looked for.
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
        """Where the kernel tells about devices."""
        return Path(self.settings.testing.sysfs)

    @property
    def dev(self) -> Path:
        """Where the nodes of devices are."""
        return Path(self.settings.testing.dev)

    def ask(self, *command: str) -> str | None:
        """Run a command.

        Returns:
            What it writes to the standard output; None where it is not there, fails, or takes
            too long.
        """
        try:
            done = subprocess.run(
                command,
                stdin=subprocess.DEVNULL,
                capture_output=True,
                check=True,
                timeout=ANSWER_S,
                text=True,
                errors="replace",
                env={**self.environment, "PATH": self.folders, "LC_ALL": "C.UTF-8"},
            )
        except (OSError, subprocess.SubprocessError):
            return None
        return done.stdout

    def has(self, command: str) -> bool:
        """Tell whether a command is there."""
        return any(os.access(Path(one, command), os.X_OK) for one in self.folders.split(":"))


def contents(path: Path) -> str:
    """Return a small file of the kernel, without the ends of lines and texts; "" for none."""
    try:
        return path.read_text(encoding="utf-8", errors="replace").strip(" \n\0")
    except OSError:
        return ""


def number(path: Path) -> int | None:
    """Return the number in a file of the kernel, or None."""
    try:
        return int(contents(path))
    except ValueError:
        return None
