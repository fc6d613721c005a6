"""Apply changes of single settings that outputs request, in the reload thread."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from pose_edge.config.schema import Settings
from pose_edge.live.choices import with_value
from pose_edge.live.presenter import Presenter
from pose_edge.live.reload import SettingChange
from pose_edge.sinks.steering import is_refusal


class SettingSteering:
    """Applies changes of single settings to a run; implements `Steering`."""

    def __init__(
        self,
        request: Callable[[SettingChange], None],
        in_main_thread: Callable[[Callable[[], None]], None],
        presenter: Callable[[], Presenter],
    ) -> None:
        """Keep the functions that change a run.

        Args:
            request: Submits a change of settings, e.g. `Reloader.request`.
            in_main_thread: Schedules a function to be called in the main thread.
            presenter: Returns what draws the picture; only the main thread may use it.
        """
        self._request = request
        self._in_main_thread = in_main_thread
        self._presenter = presenter

    def change(self, key: str, value: object, answer: Callable[[str], None]) -> None:
        """Request a change of one setting; see `Steering.change`."""
        section, _, name = key.partition(".")
        overlay: dict[str, Any] = {}

        def make(settings: Settings) -> tuple[Settings, str]:
            changed = with_value(settings, key, value)
            if section == "overlay":
                overlay[name] = getattr(changed.overlay, name)
            return changed, f"{key}: {value}"

        def draw_and_answer(text: str) -> None:
            # Keys change what is drawn, but not the settings. So a value that the settings have
            # already may still hide a picture that a key has made visible.
            if is_refusal(text) or not overlay:
                answer(text)
            else:
                self._in_main_thread(lambda: self._draw(overlay, lambda: answer(text)))

        self._request(SettingChange(make, draw_and_answer, "an output"))

    def _draw(self, overlay: dict[str, Any], drawn: Callable[[], None]) -> None:
        self._presenter().draw_with(**overlay)
        drawn()
