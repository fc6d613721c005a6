"""No screen: for services that only hand poses on."""

from __future__ import annotations

from pose_edge.overlay import Scene
from pose_edge.telemetry import Stopwatch


class NullDisplay:
    """Shows nothing; see `pose_edge.displays.Display`. The base of those that do."""

    @property
    def name(self) -> str:
        """Say that there is none."""
        return "none"

    @property
    def visible(self) -> bool:
        """Say that nothing can be seen."""
        return False

    def show(self, scene: Scene, stopwatch: Stopwatch) -> bool:
        """Drop the scene."""
        del scene, stopwatch
        return False

    def poll(self) -> list[str]:
        """Return nothing: nobody can press a key."""
        return []

    def toggle_fullscreen(self) -> None:
        """Do nothing: there is no window."""

    def close(self) -> None:
        """Do nothing: nothing is open."""
