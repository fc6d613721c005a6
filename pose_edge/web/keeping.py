"""Saving settings that the page has changed to the configuration file, keeping its comments."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from pose_edge.config.edit import change_setting
from pose_edge.config.file import read_config
from pose_edge.config.load import scalar
from pose_edge.errors import OutputError
from pose_edge.util.atomic import write_atomically


def keep_settings(path: Path, values: Mapping[str, Any]) -> None:
    """Write values of settings to a configuration file.

    Args:
        path: The file.
        values: The values by their dotted keys, e.g. "model.name".

    Raises:
        ConfigError: The file cannot be read, or cannot be changed safely.
        OutputError: The file cannot be written.
    """
    text = read_config(path)
    for key, value in values.items():
        section, _, name = key.partition(".")
        text = change_setting(text, section, name, value)
    try:
        write_atomically(path, text)
    except OSError as error:
        lines = ", ".join(f"{key}: {scalar(value)}" for key, value in values.items())
        raise OutputError(
            f"{path} cannot be written ({error.strerror})", remedy=f"write there by hand: {lines}"
        ) from None
