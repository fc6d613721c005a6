"""Find the configuration file and read its text."""

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
"""Maximum size of a configuration file; the one that ships has about a tenth of it."""


def find_config(explicit: str | None, environment: Mapping[str, str]) -> Path:
    """Return the path of the configuration file to use.

    The order is: the file of --config, the user's file, the machine's file if this user can read
    it, and the one that ships. Any other existing file is returned even if it is unreadable;
    `read_config` then raises the error.

    Args:
        explicit: Value of --config; None if it was not given.
        environment: Environment variables; XDG_CONFIG_HOME is used.

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
        # The service's file may hold a password, but other users must be able to run the program.
        log.warning("%s cannot be read by this user; using the default settings", MACHINE_FILE)
    return resources.default_config()


def _is_there(path: Path) -> bool:
    """Return whether the path exists; a folder or a dangling link counts, too."""
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
        ConfigError: The path is not a regular file, cannot be read, is larger than `MAX_BYTES`, or
            is not UTF-8.
    """
    try:
        # O_NONBLOCK: opening a named pipe must not wait for a writer.
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
