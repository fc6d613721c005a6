"""Paths of the service's files, and the record of what was installed."""

from __future__ import annotations

import json
import re
import stat
from contextlib import suppress
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any, Final

from pose_edge.errors import UsageError
from pose_edge.service.machine import ServiceError
from pose_edge.util import systemd
from pose_edge.util.extras import VERSIONS
from pose_edge.util.paths import exists, is_dir, resolved

USER: Final = "pose-edge"
PREFIX: Final = Path("/opt/pose-edge")

WEB_TOKEN: Final = "/etc/pose-edge/web-token"  # noqa: S105 - a path

SYSTEM_PYTHON: Final = Path("/usr/bin/python3")

HIDDEN: Final = ("/home", "/root", "/run", "/tmp", "/var/tmp")  # noqa: S108 - not used
"""Folders whose content the service cannot see (ProtectHome=, PrivateTmp=), or which are emptied
at power-on."""

SHARED: Final = ("/", "/usr", "/usr/local", "/opt", "/srv", "/var", "/var/lib", "/etc")
"""System folders, which cannot be the program's own folder."""


class Places:
    """Paths of everything that is installed.

    Attributes:
        root: The root directory; "/" except in tests.
        prefix: The program's folder.
        versions: The folder in `prefix` with a virtual environment for each version.
        current: The link to the virtual environment in use.
        command: The link that puts `pose-edge` on the PATH.
        config: The service's configuration.
        default_config: The default configuration of this version, kept beside an edited `config`.
        token: The file with the token for logging in to the page.
        record: The record of what was installed.
        state: The home of the service's user: recordings, fetched models.
        unit: The systemd unit.
        sysusers: The file from which systemd-sysusers creates the user.
        rules: The udev rules.
    """

    def __init__(self, prefix: Path = PREFIX, root: Path = Path("/")) -> None:
        """Compute the paths; create nothing."""
        self.root = root
        self.prefix = prefix
        self.versions = prefix / VERSIONS
        self.current = prefix / "current"
        self.command = root / "usr/local/bin/pose-edge"
        self.config = root / "etc/pose-edge/config.yaml"
        self.default_config = root / "etc/pose-edge/config.yaml.default"
        self.token = root / WEB_TOKEN.lstrip("/")
        self.record = root / "etc/pose-edge/install.json"
        self.state = root / "var/lib/pose-edge"
        self.unit = root / "etc/systemd/system" / systemd.UNIT
        self.sysusers = root / "etc/sysusers.d/pose-edge.conf"
        self.rules = root / "etc/udev/rules.d/60-pose-edge-coral.rules"

    @property
    def running(self) -> bool:
        """Whether systemd is running; it is not while an SD card image is being built."""
        return systemd.is_booted(self.root)

    @property
    def udev_running(self) -> bool:
        """Whether udev is running."""
        return exists(self.root / "run/udev/control")

    @property
    def desktop(self) -> bool:
        """Whether a desktop starts at power-on and takes exclusive use of the screen."""
        return exists(self.root / "etc/systemd/system/display-manager.service")

    @property
    def picamera2(self) -> bool:
        """Whether apt's python3-picamera2 is installed."""
        return is_dir(self.root / "usr/lib/python3/dist-packages/picamera2")


@dataclass(slots=True)
class InstallRecord:
    """What an install writes and where; the record is saved before the files are written.

    Attributes:
        version: Version of the program in use; empty until there is one.
        prefix: The program's folder.
        files: Paths that belong to the install.
        folders: Folders that were created for the files; `uninstall` removes them if empty.
        default_config: SHA-256 of the default configuration of the last install, hexadecimal; a
            configuration with a different digest may have been edited.
        extras: Installed extras of the package, e.g. "edgetpu".
        user: Whether the install created the service's user.
        groups: Groups that the install created.
    """

    version: str = ""
    prefix: str = ""
    files: list[str] = field(default_factory=list)
    folders: list[str] = field(default_factory=list)
    default_config: str = ""
    extras: list[str] = field(default_factory=list)
    user: bool = False
    groups: list[str] = field(default_factory=list)

    def text(self) -> str:
        """Return the record as JSON."""
        return json.dumps({"schema": 1, **asdict(self)}, indent=2) + "\n"


def load_record(path: Path) -> InstallRecord | None:
    """Read the record of an install; return None if there is no record.

    Raises:
        ServiceError: The file cannot be read, or is not a record that this version understands.
    """
    try:
        content: dict[str, Any] = json.loads(path.read_text(encoding="utf-8"))
        if content.pop("schema") != 1:
            raise ValueError("written by a newer version")
        return InstallRecord(**content)
    except FileNotFoundError:
        return None
    except (OSError, ValueError, TypeError, KeyError, AttributeError) as error:
        raise ServiceError(
            f"{path}: not a list of installed files: {error}",
            remedy="move it away, then install again to write a new one",
        ) from error


def checked_prefix(text: str) -> Path:
    """Check the folder that the user chose for the program, and return it.

    Raises:
        UsageError: The path is not a plain absolute path, is a system folder, is hidden from the
            service, or can be changed by users other than root.
    """
    path = Path(text)
    if not re.fullmatch(r"(/[A-Za-z0-9_+-][A-Za-z0-9._+-]*)+", text):
        raise UsageError(f"--prefix {text}: must be an absolute path of plain characters")
    if text in SHARED:
        raise UsageError(f"--prefix {text}: must be a folder of its own, e.g. {PREFIX}")
    for hidden in HIDDEN:
        if path.is_relative_to(hidden):
            raise UsageError(f"--prefix {text}: the service cannot see {hidden}; e.g. {PREFIX}")
    if (folder := _open_folder(path)) is not None:
        raise UsageError(
            f"--prefix {text}: others than root may write {folder}, and so change the program",
            remedy=f"choose another one, e.g. {PREFIX}, or `sudo chown root: {folder} && "
            f"sudo chmod go-w {folder}`",
        )
    return path


def _open_folder(path: Path) -> Path | None:
    """Return the path or a parent of it that users other than root may write; None if none is."""
    real = resolved(path)
    for folder in dict.fromkeys((path, *path.parents, real, *real.parents)):
        with suppress(FileNotFoundError):
            status = folder.stat()
            group_writes = status.st_mode & stat.S_IWGRP and status.st_gid != 0
            if status.st_uid != 0 or group_writes or status.st_mode & stat.S_IWOTH:
                return folder
    return None


def find_places(prefix: str | None) -> Places:
    """Return the paths of the service.

    Args:
        prefix: The program's folder that the user chose; None for that of the last install, or
            `PREFIX` if there was none.

    Raises:
        UsageError: The chosen folder cannot be used, see `checked_prefix`.
        ServiceError: The record of the last install cannot be read.
    """
    if prefix is not None:
        return Places(checked_prefix(prefix))
    record = load_record(Places().record)
    return Places(Path(record.prefix)) if record and record.prefix else Places()
