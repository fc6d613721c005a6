"""Find the settings in which two configurations differ, and remove secrets from settings."""

from __future__ import annotations

from typing import Any, NamedTuple

from pose_edge.config.schema import Settings
from pose_edge.util.urls import redact


class Change(NamedTuple):
    """A setting with different values in two configurations.

    Attributes:
        key: Dotted key, e.g. "model.name".
        before: Value in the first configuration.
        after: Value in the second one.
    """

    key: str
    before: Any
    after: Any

    def __str__(self) -> str:
        """Return the change without secrets, e.g. ``overlay.crop: false -> true``."""
        return f"{self.key}: {_shown(self.before)} -> {_shown(self.after)}"


def find_changes(before: Settings, after: Settings) -> list[Change]:
    """Return the settings that differ, in the order of config.yaml."""
    return [
        Change(f"{section}.{key}", value, getattr(getattr(after, section), key))
        for section, values in before
        for key, value in values
        if value != getattr(getattr(after, section), key)
    ]


def without_secrets(settings: Settings) -> Settings:
    """Return a copy of the settings with the passwords and tokens in addresses hidden."""
    source = settings.source.model_copy(update={"name": redact(settings.source.name)})
    broker = settings.mqtt.url and redact(settings.mqtt.url)
    mqtt = settings.mqtt.model_copy(update={"url": broker})
    return settings.model_copy(update={"source": source, "mqtt": mqtt})


def _shown(value: object) -> str:
    if isinstance(value, bool):
        return str(value).lower()
    if value is None:
        return "null"
    return redact(str(value))
