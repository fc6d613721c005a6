"""Load the settings of a command: the configuration, overridden by the command line."""

from __future__ import annotations

import logging
import os
from argparse import Namespace
from pathlib import Path

from pose_edge import logs
from pose_edge.cli.arguments import SETTING_OPTIONS
from pose_edge.config.file import find_config
from pose_edge.config.load import load_config
from pose_edge.config.schema import Settings
from pose_edge.errors import UsageError

log = logging.getLogger(__name__)


def read_settings(options: Namespace, path: Path | None = None) -> Settings:
    """Load the configuration, and restart the log with its settings.

    Args:
        options: Options of the command line.
        path: The configuration file; by default, that of `config_path`.

    Raises:
        UsageError: The file of --config does not exist, or an option is wrong; see `overrides`.
        ConfigError: The file cannot be read, or some settings are wrong.
    """
    path = path or config_path(options)
    settings = load_config(path, os.environ, overrides(options))
    logs.start_with(settings)
    log.debug("configuration: %s", path)
    return settings


def config_path(options: Namespace) -> Path:
    """Return the path of the configuration file in force.

    Raises:
        UsageError: The file of --config does not exist.
    """
    return find_config(options.config, os.environ)


def overrides(options: Namespace) -> list[tuple[str, str, str]]:
    """Return the settings from the command line, in the form that `load_config` takes.

    Returns:
        Dotted key, value as text, and the option as typed, for each setting.

    Raises:
        UsageError: --set has no value, or the source is given twice.
    """
    found = []
    source = getattr(options, "source_argument", None)
    if source is not None:
        if options.source is not None:
            raise UsageError(f"the source is given twice: {source} and --source {options.source}")
        found.append(("source.name", source, source))
    for assignment in options.set:
        key, equals, value = assignment.partition("=")
        if not equals:
            raise UsageError(f"--set {assignment}: expected SECTION.KEY=VALUE")
        found.append((key.strip(), value, f"--set {assignment}"))
    for option, (key, *_help) in SETTING_OPTIONS.items():
        value = getattr(options, option, None)
        if value is not None:
            found.append((key, value, f"--{option.replace('_', '-')} {value}"))
    if (place := getattr(options, "web", None)) is not None:
        found.append(("web.enabled", "true", f"--web {place}"))
    if getattr(options, "thorough", False):
        found.append(("model.effort", "thorough", "--thorough"))
    if getattr(options, "lock_keys", False):
        found.append(("display.lock_keys", "true", "--lock-keys"))
    return found
