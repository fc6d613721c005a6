"""The service's config.yaml: written once, and again as long as nobody has edited it."""

from __future__ import annotations

import hashlib
from typing import Final, Literal

from pydantic import BaseModel

from pose_edge.config.load import render_config
from pose_edge.config.schema import Settings

SERVICE_SETTINGS: Final = {("camera", "wait"): True}
"""What a service does otherwise: it starts without a camera and waits for one."""

HEADER: Final = (
    "# pose_edge: the settings of the service. After a change: sudo systemctl reload pose-edge\n"
    "# Files are looked for and written in /var/lib/pose-edge; the service sees no home folders.\n"
)

Verdict = Literal["new", "same", "outdated", "edited"]


def service_settings(settings: Settings) -> Settings:
    """Return settings as a service needs them."""
    for (name, key), value in SERVICE_SETTINGS.items():
        section: BaseModel = getattr(settings, name)
        changed = section.model_copy(update={key: value})
        settings = settings.model_copy(update={name: changed})
    return settings


def service_config(settings: Settings) -> str:
    """Return the text of the service's configuration file."""
    _, rest = render_config(service_settings(settings)).split("\n", 1)
    return HEADER + rest


def digest(text: str) -> str:
    """Return what a text is recognised by: its SHA-256, hexadecimal."""
    return hashlib.sha256(text.encode()).hexdigest()


def judge(present: str | None, wanted: str, installed_digest: str) -> Verdict:
    """Tell what is to be done about a configuration file.

    Args:
        present: Its content; None where there is none.
        wanted: What this install would write.
        installed_digest: Of what an earlier one would have written; empty where there was none.

    Returns:
        "new": there is none; "same": it is as wanted; "outdated": it is as an earlier install
        wrote it, so it may be replaced; "edited": it is somebody's work.
    """
    if present is None:
        return "new"
    if present == wanted:
        return "same"
    return "outdated" if digest(present) == installed_digest else "edited"
