"""Apply changes of single settings that outputs request, in the reload thread."""

from __future__ import annotations

from collections.abc import Callable

from pose_edge.config.schema import Settings
from pose_edge.live.choices import with_value
from pose_edge.live.reload import SettingChange


class SettingSteering:
    """Applies changes of single settings to a run; implements `Steering`."""

    def __init__(self, request: Callable[[SettingChange], None]) -> None:
        """Keep the function that submits a change, e.g. `Reloader.request`."""
        self._request = request

    def change(self, key: str, value: object, answer: Callable[[str], None]) -> None:
        """Request a change of one setting; see `Steering.change`."""

        def make(settings: Settings) -> tuple[Settings, str]:
            return with_value(settings, key, value), f"{key}: {value}"

        self._request(SettingChange(make, answer, "an output"))
