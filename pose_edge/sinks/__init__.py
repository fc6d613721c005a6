"""Sinks: where results go besides the screen, each in its own thread.

From `recorder` and `jsonl` items go to an `outlet`, to its present `worker` (a thread), to
`rolling`, which writes one file after the other (`mp4`, `text_file`). A `series` names the files
and keeps them within bounds; `errands`, a second thread, brings them to the disk. When a worker
fails or hangs, the supervisor has the outlet take a new one.
"""

from __future__ import annotations

from typing import Protocol

from pose_edge.poses import Result


class Sink(Protocol):
    """What takes results.

    Attributes:
        failed: Why nothing is written now, or None.
    """

    @property
    def failed(self) -> str | None:
        """Why nothing is written now, or None; one with a supervisor goes on by itself."""

    def open(self) -> None:
        """Get ready.

        Raises:
            OutputError: It cannot be written to.
        """

    def send(self, result: Result) -> None:
        """Take a result; returns at once for live sources, and keeps nothing of its frame."""

    def close(self) -> None:
        """Finish what was sent, and close."""
