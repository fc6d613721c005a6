"""No screen: for services that only hand poses on, and where none is connected."""

from __future__ import annotations

from pose_edge.frames import ColourOrder, Image


class NullDisplay:
    """Shows nothing; see `pose_edge.displays.Display`."""

    name = "none"

    def show(self, image: Image, order: ColourOrder) -> None:
        """Drop the picture."""

    def poll(self) -> list[str]:
        """Return nothing: nobody can press a key."""
        return []

    def toggle_fullscreen(self) -> None:
        """Do nothing."""

    def close(self) -> None:
        """Do nothing."""
