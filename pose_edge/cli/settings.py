"""The settings that a command works with: the configuration, with what was typed on top."""

from __future__ import annotations

import logging
import os
from argparse import Namespace
from pathlib import Path
from typing import Final

from pose_edge import logs
from pose_edge.config.load import find_config, load_config
from pose_edge.config.schema import Settings
from pose_edge.errors import UsageError

log = logging.getLogger(__name__)

OPTION_KEYS: Final = {
    "source": "source.name",
    "model": "model.name",
    "threads": "model.threads",
    "edgetpu": "edgetpu.mode",
    "display": "display.kind",
    "record": "record.path",
    "poses": "poses.path",
    "max_frames": "run.max_frames",
    "duration": "run.duration",
    "log_level": "log.level",
    "log_format": "log.format",
}
"""Options of the command line, and the setting each one stands for."""


def read_settings(options: Namespace, path: Path | None = None) -> Settings:
    """Read the configuration, and let the log go on as it says.

    Args:
        options: Of the command line: they win over everything else.
        path: The file, by default the one in force.

    Returns:
        The settings.

    Raises:
        UsageError: There is no such file, or --set has no value.
        ConfigError: With every fault of every place.
    """
    path = path or config_path(options)
    settings = load_config(path, os.environ, overrides(options))
    logs.start_with(settings)
    log.debug("configuration: %s", path)
    return settings


def config_path(options: Namespace) -> Path:
    """Return the file that is in force; raises UsageError where --config names none."""
    return find_config(options.config, os.environ)


def overrides(options: Namespace) -> list[tuple[str, str, str]]:
    """Return what the command line sets.

    Args:
        options: Of the command line.

    Returns:
        Dotted key, text, and the option as it was typed, of each.

    Raises:
        UsageError: --set has no value.
    """
    found = []
    for assignment in options.set:
        key, equals, value = assignment.partition("=")
        if not equals:
            raise UsageError(f"--set {assignment}: expected SECTION.KEY=VALUE")
        found.append((key.strip(), value, f"--set {assignment}"))
    for option, key in OPTION_KEYS.items():
        value = getattr(options, option, None)
        if value is not None:
            found.append((key, value, f"--{option.replace('_', '-')} {value}"))
    return found
