"""Paths of the parts of the service."""

from __future__ import annotations

import re
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from pose_edge.errors import UsageError
from pose_edge.service.install_record import load_record
from pose_edge.util import systemd

USER: Final = "pose-edge"
PREFIX: Final = Path("/opt/pose-edge")

SYSTEM_PYTHON: Final = Path("/usr/bin/python3")
SYSTEM_PICAMERA2: Final = Path("/usr/lib/python3/dist-packages/picamera2")
"""The folder of apt's python3-picamera2."""

HIDDEN: Final = ("/home", "/root", "/run", "/tmp", "/var/tmp")  # noqa: S108 - not used
"""Folders that are empty for the service (ProtectHome=, PrivateTmp=), or after a restart."""

SHARED: Final = ("/", "/usr", "/usr/local", "/opt", "/srv", "/var", "/var/lib", "/etc")


@dataclass(frozen=True, slots=True)
class Places:
    """Paths of everything that is installed.

    Attributes:
        prefix: The program's folder: `versions/` with a virtual environment each, and the link
            `current` to the one that runs.
        root: The root directory; another than / in tests.
    """

    prefix: Path = PREFIX
    root: Path = Path("/")

    def under_root(self, path: str) -> Path:
        """Return an absolute path, below `root`."""
        return self.root / path.lstrip("/")

    @property
    def versions(self) -> Path:
        """The folder of the virtual environments."""
        return self.prefix / "versions"

    @property
    def current(self) -> Path:
        """The link to the virtual environment in use."""
        return self.prefix / "current"

    @property
    def command(self) -> Path:
        """The link that lets people type `pose-edge`."""
        return self.under_root("/usr/local/bin/pose-edge")

    @property
    def config(self) -> Path:
        """The service's configuration."""
        return self.under_root("/etc/pose-edge/config.yaml")

    @property
    def default_config(self) -> Path:
        """The configuration as it is without edits."""
        return self.config.with_name("config.yaml.default")

    @property
    def record(self) -> Path:
        """The record of what was installed."""
        return self.config.with_name("install.json")

    @property
    def state(self) -> Path:
        """The home of the service's user: recordings, fetched models."""
        return self.under_root("/var/lib/pose-edge")

    @property
    def unit(self) -> Path:
        """The systemd unit."""
        return self.under_root(f"/etc/systemd/system/{systemd.UNIT}")

    @property
    def sysusers(self) -> Path:
        """The file that systemd-sysusers makes the user from."""
        return self.under_root("/etc/sysusers.d/pose-edge.conf")

    @property
    def rules(self) -> Path:
        """The udev rules."""
        return self.under_root("/etc/udev/rules.d/60-pose-edge-coral.rules")

    @property
    def running(self) -> bool:
        """Whether systemd runs here, which it does not in an image that is being built."""
        return systemd.is_booted(self.root)

    @property
    def desktop(self) -> bool:
        """Whether a desktop starts at power-on, which uses the screen alone."""
        return self.under_root("/etc/systemd/system/display-manager.service").exists()


def checked_prefix(text: str) -> Path:
    """Return the program's folder that the user chose.

    Raises:
        UsageError: The service could not run from there, or the folder is shared.
    """
    path = Path(text)
    if not re.fullmatch(r"(/[A-Za-z0-9_+-][A-Za-z0-9._+-]*)+", text):
        raise UsageError(f"--prefix {text}: must be an absolute path of plain characters")
    if text in SHARED:
        raise UsageError(f"--prefix {text}: must be a folder of its own, e.g. {PREFIX}")
    for hidden in HIDDEN:
        if path.is_relative_to(hidden):
            raise UsageError(f"--prefix {text}: the service cannot see {hidden}; e.g. {PREFIX}")
    return path


def find_places(prefix: str | None) -> Places:
    """Return the paths for the folder that the user chose, else of the last install, else default.

    Raises:
        UsageError: The service could not run from the folder that the user chose.
        ServiceError: The record of the last install cannot be read.
    """
    if prefix is not None:
        return Places(checked_prefix(prefix))
    record = load_record(Places().record)
    return Places(Path(record.prefix)) if record and record.prefix else Places()
