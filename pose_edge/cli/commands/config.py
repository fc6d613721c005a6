"""The command `config`: check, show, schema."""

from __future__ import annotations

import logging
import os
from argparse import Namespace
from collections.abc import Mapping

from pose_edge.cli.settings import config_path, overrides, read_settings
from pose_edge.cli.terminal import print_json
from pose_edge.config.diff import find_changes, without_secrets
from pose_edge.config.load import (
    COMMAND_LINE,
    FILE,
    ValueOrigin,
    config_schema,
    load_with_origins,
    render_config,
)
from pose_edge.config.schema import Settings
from pose_edge.config.yaml_tree import KeyPath
from pose_edge.util import resources

log = logging.getLogger(__name__)


def command_config_check(options: Namespace) -> int:
    """Run ``pose-edge config check``: load the configuration, and raise an error for faults."""
    settings_file = config_path(options)
    read_settings(options)
    print(f"{settings_file}: no faults")
    return 0


def command_config_show(options: Namespace) -> int:
    """Run ``pose-edge config show``: print the settings in force as a commented file."""
    settings = Settings() if options.defaults else read_settings(options)
    shown = without_secrets(settings)
    print(render_config(shown, _origins(options, settings) if options.origin else None), end="")
    if shown != settings:
        log.warning("addresses are shown without their secrets: *** and ...")
    return 0


def _origins(options: Namespace, settings: Settings) -> dict[KeyPath, str]:
    """Return in words where the value of each setting comes from, by section and key."""
    path = config_path(options)
    found: Mapping[KeyPath, ValueOrigin] = {}
    if not options.defaults:
        found = load_with_origins(path, os.environ, overrides(options))[1]
    changed = {tuple(one.key.split(".")) for one in find_changes(Settings(), settings)}
    ships = path == resources.default_config()  # this file lists every setting at its default
    words: dict[KeyPath, str] = {}
    for section, values in settings:
        for key, _ in values:
            origin = found.get((section, key))
            if origin is None or (ships and origin.layer == FILE and (section, key) not in changed):
                words[section, key] = "default"
            elif origin.layer == COMMAND_LINE:  # not its text, which may hold a password
                words[section, key] = "command line"
            else:
                words[section, key] = origin.text
    return words


def command_config_schema(_options: Namespace) -> int:
    """Run ``pose-edge config schema``: print the JSON Schema of config.yaml."""
    print_json(config_schema())
    return 0
