"""The service's config.yaml, which an upgrade replaces unless the user has edited it."""

from __future__ import annotations

import hashlib
import re
from typing import Final

from pose_edge.config.load import render_config
from pose_edge.config.schema import Settings
from pose_edge.service.places import WEB_TOKEN
from pose_edge.util.urls import Redactor

HEADER: Final = (
    "# pose_edge: the settings of the service. After a change: sudo systemctl reload pose-edge\n"
    "# Files are looked for and written in /var/lib/pose-edge; the service sees no home folders.\n"
)


def service_settings(settings: Settings) -> Settings:
    """Return settings adapted to the service.

    The service waits for a camera if there is none, and its page requires a token.
    """
    camera = settings.camera.model_copy(update={"wait": True})
    token_file = settings.web.token_file or WEB_TOKEN
    web = settings.web.model_copy(update={"token_file": token_file})
    return settings.model_copy(update={"camera": camera, "web": web})


def service_config(settings: Settings) -> str:
    """Return the text of the service's configuration file."""
    _, rest = render_config(service_settings(settings)).split("\n", 1)
    return HEADER + rest


def holds_secret(text: str) -> bool:
    """Return whether a configuration file contains a URL with a password or token."""
    return Redactor()(text) != text or re.search(r"://.*@", text) is not None


def digest(text: str) -> str:
    """Return the SHA-256 of a text as a hexadecimal string."""
    return hashlib.sha256(text.encode()).hexdigest()


def is_edited(present: str | None, wanted: str, installed_digest: str) -> bool:
    """Return whether the user has edited a configuration file, so that it must not be replaced.

    Args:
        present: Content of the file; None if it does not exist.
        wanted: What this install would write.
        installed_digest: SHA-256 of the default configuration of the last install, hexadecimal.
    """
    return present not in (None, wanted) and digest(present or "") != installed_digest
