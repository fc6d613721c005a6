"""The command `config`: check, show, schema."""

from __future__ import annotations

import logging
import os
from argparse import Namespace

from pose_edge.cli.settings import config_path, overrides, read_settings
from pose_edge.cli.terminal import print_json
from pose_edge.config.diff import find_changes, without_secrets
from pose_edge.config.load import (
    COMMAND_LINE,
    FILE,
    config_schema,
    load_with_origins,
    render_config,
)
from pose_edge.config.schema import Settings
from pose_edge.config.yaml_tree import KeyPath
from pose_edge.errors import ConfigError, ModelError, UsageError
from pose_edge.sinks.output_guard import run_targets
from pose_edge.util import resources
from pose_edge.util.paths import is_dir
from pose_edge.zoo.registry import Zoo

log = logging.getLogger(__name__)


def command_config_check(options: Namespace) -> int:
    """Run ``pose-edge config check``: load the configuration, and raise an error for faults.

    What depends on the current folder and its files is only warned of, because the file may be that
    of a service, which runs elsewhere.
    """
    settings_file = config_path(options)
    settings = read_settings(options)
    _check_model(settings)
    for target in run_targets(settings, numbered=True):
        if not is_dir(target.path.parent):
            log.warning("%s: there is no folder %s yet", target.path, target.path.parent)
    print(f"{settings_file}: no faults")
    return 0


def _check_model(settings: Settings) -> None:
    """Raise an error if there is no model of the name in the settings."""
    try:
        Zoo().check_name(settings.model.name)
    except ModelError as error:
        raise ConfigError([f"model.name: {error}"]) from error


def command_config_show(options: Namespace) -> int:
    """Run ``pose-edge config show``: print the settings in force as a commented file."""
    if options.defaults and (options.origin or options.set):
        raise UsageError("--defaults takes neither --origin nor --set: nothing overrides them")
    settings = Settings() if options.defaults else read_settings(options)
    shown = without_secrets(settings)
    print(render_config(shown, _origins(options, settings) if options.origin else None), end="")
    if shown != settings:
        log.warning("addresses are shown without their secrets: *** and ...")
    return 0


def _origins(options: Namespace, settings: Settings) -> dict[KeyPath, str]:
    """Return in words where the value of each setting comes from, by section and key."""
    path = config_path(options)
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
