"""Errors of a child process that runs a model.

They are separate from `child.py` because only machines with an Edge TPU need to load that module.
"""

from __future__ import annotations

from typing import Final

from pose_edge.errors import UnavailableError

LOAD_S: Final = 60.0
"""Timeout for loading a model, seconds, including the firmware of a USB Coral."""


class ChildFault(UnavailableError):  # noqa: N818 - an event, like SourceLost
    """The child process cannot run the model, or can no longer run it.

    Attributes:
        crashed: Whether a signal ended the process.
    """

    def __init__(self, message: str, *, remedy: str | None = None, crashed: bool = False) -> None:
        """Create the error; for message and remedy see `PoseEdgeError`."""
        super().__init__(message, remedy=remedy)
        self.crashed = crashed


class ChildDied(ChildFault):
    """The process has ended; `Child.cause_of_death` returns how."""


class ChildLate(ChildFault):
    """The result has not arrived in time, but may still arrive; see `Child.answer`."""
