"""The command `config`: check, show, schema."""

from __future__ import annotations

from argparse import Namespace

from pose_edge.cli.settings import config_path, read_settings
from pose_edge.cli.terminal import print_json
from pose_edge.config.load import config_schema, render_config
from pose_edge.config.schema import Settings


def command_config_check(options: Namespace) -> int:
    """``pose-edge config check``."""
    settings_file = config_path(options)
    read_settings(options)
    print(f"{settings_file}: no faults")
    return 0


def command_config_show(options: Namespace) -> int:
    """``pose-edge config show``: the settings in force, as a commented file."""
    print(render_config(Settings() if options.defaults else read_settings(options)), end="")
    return 0


def command_config_schema(_options: Namespace) -> int:
    """``pose-edge config schema``: the JSON Schema of config.yaml."""
    print_json(config_schema())
    return 0
