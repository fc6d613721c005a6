"""Changes of single settings that outputs ask for, by way of the reload thread."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from pose_edge.config.schema import Settings
from pose_edge.errors import UsageError
from pose_edge.live.reload import SettingChange


class SettingSteering:
    """Applies changes of single settings to a run; a `Steering`."""

    def __init__(self, request: Callable[[SettingChange], None]) -> None:
        """Take what applies them, e.g. `Reloader.request`."""
        self._request = request

    def change(self, key: str, value: object, answer: Callable[[str], None]) -> None:
        """Ask for a change of one setting; see `Steering.change`."""

        def make(settings: Settings) -> tuple[Settings, str]:
            return with_value(settings, key, value), f"{key}: {value}"

        self._request(SettingChange(make, answer, "an output"))


def with_value(settings: Settings, key: str, value: object) -> Settings:
    """Return settings with another value of one of them.

    Args:
        settings: The settings in force.
        key: The setting, e.g. "model.name".
        value: Its new value.

    Raises:
        UsageError: There is no such setting, or the value is not one for it.
    """
    from pydantic import ValidationError

    section, _, name = key.partition(".")
    values: dict[str, dict[str, Any]] = settings.model_dump()
    if name not in values.get(section, {}):
        raise UsageError(f"there is no setting {key}")
    values[section][name] = value
    try:
        return Settings.model_validate(values)
    except ValidationError as error:
        reason = error.errors(include_url=False)[0]["msg"]
        raise UsageError(f"{key}: {reason}") from None
