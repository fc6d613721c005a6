"""The command `config`: check, show, schema."""

from __future__ import annotations

import logging
from argparse import Namespace

from pose_edge.cli.settings import config_path, read_settings
from pose_edge.cli.terminal import print_json
from pose_edge.config.diff import without_secrets
from pose_edge.config.load import config_schema, render_config
from pose_edge.config.schema import Settings

log = logging.getLogger(__name__)


def command_config_check(options: Namespace) -> int:
    """``pose-edge config check``."""
    settings_file = config_path(options)
    read_settings(options)
    print(f"{settings_file}: no faults")
    return 0


def command_config_show(options: Namespace) -> int:
    """``pose-edge config show``: the settings in force, as a commented file."""
    settings = Settings() if options.defaults else read_settings(options)
    shown = without_secrets(settings)
    print(render_config(shown), end="")
    if shown != settings:
        log.warning("the address of the source is shown without its secrets: *** and ...")
    return 0


def command_config_schema(_options: Namespace) -> int:
    """``pose-edge config schema``: the JSON Schema of config.yaml."""
    print_json(config_schema())
    return 0
