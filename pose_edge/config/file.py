"""The configuration file: which one is read, and its text."""

from __future__ import annotations

import logging
import os
import stat
from collections.abc import Mapping
from pathlib import Path
from typing import Final

from pose_edge.errors import ConfigError, UsageError
from pose_edge.util import resources
from pose_edge.util.paths import user_path

log = logging.getLogger(__name__)

MACHINE_FILE: Final = Path("/etc/pose-edge/config.yaml")
MAX_BYTES: Final = 100_000
"""Size of a configuration file; the one that ships has a twentieth of it."""


def find_config(explicit: str | None, environment: Mapping[str, str]) -> Path:
    """Return the file of --config, else the user's, else the machine's, else the one that ships.

    A file that is there but cannot be read is returned too: `read_config` says what is wrong.

    Raises:
        UsageError: The file of --config does not exist.
    """
    if explicit is not None:
        path = user_path(explicit)
        if not explicit or not _is_there(path):
            raise UsageError(
                f"--config: no file {explicit or '(an empty name)'}",
                remedy="`pose-edge config show` prints one",
            )
        return path
    home = user_path(environment.get("XDG_CONFIG_HOME") or "~/.config")
    path = home / "pose-edge" / "config.yaml"
    if _is_there(path):
        return path
    if _is_there(MACHINE_FILE):
        if os.access(MACHINE_FILE, os.R_OK):
            return MACHINE_FILE
        # The service's, with a password in it: no reason to refuse everything to other users.
        log.warning("%s cannot be read by this user; using the default settings", MACHINE_FILE)
    return resources.default_config()


def _is_there(path: Path) -> bool:
    """Tell whether there is anything of this name, be it a folder or a link that leads nowhere."""
    try:
        path.lstat()
    except (FileNotFoundError, NotADirectoryError):
        return False
    except OSError as error:
        log.warning("%s: %s; continuing without it", path, error.strerror)
        return False
    return True


def read_config(path: Path) -> str:
    """Return the text of a configuration file.

    Raises:
        ConfigError: It is not a file, or not a text of a reasonable size.
    """
    try:
        # O_NONBLOCK: a pipe of this name would wait for its writer.
        with os.fdopen(os.open(path, os.O_RDONLY | os.O_NONBLOCK | os.O_CLOEXEC), "rb") as file:
            if not stat.S_ISREG(os.fstat(file.fileno()).st_mode):
                raise ConfigError([f"{path}: is not a regular file"])
            content = file.read(MAX_BYTES + 1)
    except IsADirectoryError as error:
        raise ConfigError([f"{path}: is a folder; a file of this name is expected"]) from error
    except OSError as error:
        raise ConfigError([f"{path}: cannot be read: {error.strerror}"]) from error
    if len(content) > MAX_BYTES:
        raise ConfigError([f"{path}: is too large: more than {MAX_BYTES} bytes"])
    try:
        return content.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        line, byte = content.count(b"\n", 0, error.start) + 1, content[error.start]
        raise ConfigError([f"{path}:{line}: is not UTF-8 text: byte 0x{byte:02X}"]) from error
