"""What Debian knows of a file."""

from __future__ import annotations

import platform
import subprocess
from dataclasses import dataclass
from pathlib import Path
from typing import Final

TIMEOUT_S: Final = 20.0
"""dpkg reads all its lists for this: seconds on a slow SD card."""


@dataclass(frozen=True, slots=True)
class Package:
    """An installed package.

    Attributes:
        name: Without the architecture.
        version: As dpkg writes it.
    """

    name: str
    version: str


def package_of(path: Path) -> Package | None:
    """Return the package that a file belongs to; None where there is none, or no dpkg."""
    # dpkg knows a file by the path that the package gave it: /lib may be a link to /usr/lib, and
    # what is looked for may be a link to the file.
    resolved = str(path.resolve())
    for name in dict.fromkeys((str(path), resolved, resolved.removeprefix("/usr"))):
        owner = _ask("dpkg-query", "--search", name)
        if owner:
            package = owner.splitlines()[0].split(":")[0].split(",")[0]
            version = _ask("dpkg-query", "--show", "--showformat=${Version}\n", package)
            return Package(package, version.splitlines()[0]) if version else None
    return None


def codename() -> str:
    """Return the release's name, e.g. bookworm; empty where it has none."""
    try:
        return platform.freedesktop_os_release().get("VERSION_CODENAME", "")
    except OSError:
        return ""


def _ask(*command: str) -> str:
    try:
        done = subprocess.run(
            command,
            capture_output=True,
            check=False,
            timeout=TIMEOUT_S,
            text=True,
            errors="replace",
            env={"PATH": "/usr/bin:/bin", "LC_ALL": "C.UTF-8"},
        )
    except (OSError, subprocess.TimeoutExpired):
        return ""
    return done.stdout if done.returncode == 0 else ""
