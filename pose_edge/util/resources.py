"""Paths of the files that ship with the package: models, demo clip, default configuration.

In a checkout `pose_edge/data` holds links to `models/`, `config.yaml` and the udev rules in
`systemd/`, so editing those takes effect; a wheel carries copies.
"""

from __future__ import annotations

import os
from collections.abc import Mapping
from pathlib import Path

from pose_edge.util.paths import user_path


def data_dir() -> Path:
    """Return the folder of the files that ship with the package."""
    return Path(__file__).resolve().parents[1] / "data"


def models_dir() -> Path:
    """Return the folder of the models that ship with the package, and of their manifest."""
    return data_dir() / "models"


def demo_clip() -> Path:
    """Return the demo clip."""
    return data_dir() / "demo.mp4"


def person_picture() -> Path:
    """Return a picture of one person, from the demo clip, with which models are tested."""
    return data_dir() / "person.jpg"


def downloads_list() -> Path:
    """Return the list of the models that can be fetched."""
    return data_dir() / "downloads.yaml"


def pose_line_schema() -> Path:
    """Return the JSON Schema of one line of the pose output."""
    return data_dir() / "pose-line.schema.json"


def fetched_dir(environment: Mapping[str, str] = os.environ) -> Path:
    """Return the folder of the models that the user has fetched."""
    home = environment.get("XDG_DATA_HOME") or "~/.local/share"
    return user_path(home) / "pose-edge" / "models"


def state_dir(environment: Mapping[str, str] = os.environ) -> Path:
    """Return the folder in which the program keeps what it finds out about the machine.

    For a service, systemd chooses it; for a user, it follows the XDG specification.
    """
    if given := environment.get("STATE_DIRECTORY"):
        return user_path(given.partition(":")[0])
    home = environment.get("XDG_STATE_HOME") or "~/.local/state"
    return user_path(home) / "pose-edge"


def udev_rules() -> Path:
    """Return the udev rules that let users open a Coral."""
    return data_dir() / "60-pose-edge-coral.rules"


def service_unit() -> Path:
    """Return the systemd unit of the service."""
    return data_dir() / "pose-edge.service"


def service_user() -> Path:
    """Return the file from which systemd-sysusers creates the service's user."""
    return data_dir() / "pose-edge.sysusers.conf"


def completion(shell: str) -> Path:
    """Return the script with the completions of a shell, "bash" or "zsh"."""
    names = {"bash": "pose-edge.bash", "zsh": "_pose-edge"}  # names that these shells expect
    return data_dir() / "shell" / names[shell]


def man_page() -> Path:
    """Return the manual page."""
    return data_dir() / "shell" / "pose-edge.1"


def default_config() -> Path:
    """Return the configuration file that is read if no other is found."""
    return data_dir() / "config.yaml"
