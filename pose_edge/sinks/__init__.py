"""Sinks: where results go besides the screen. One file per kind, each with its own thread."""

from __future__ import annotations

from typing import Protocol

from pose_edge.poses import Result


class Sink(Protocol):
    """What takes results.

    Attributes:
        failed: Why it gave up, or None.
    """

    @property
    def failed(self) -> str | None:
        """Why it gave up, or None."""

    def open(self) -> None:
        """Get ready.

        Raises:
            OutputError: It cannot be written to.
        """

    def send(self, result: Result) -> None:
        """Take a result; returns at once for live sources, and keeps nothing of its frame."""

    def close(self) -> None:
        """Finish what was sent, and close."""
