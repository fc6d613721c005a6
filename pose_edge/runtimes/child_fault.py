"""What goes wrong with a child process that runs a model.

Apart from `child.py`, which only a machine with an Edge TPU loads.
"""

from __future__ import annotations

from typing import Final

from pose_edge.errors import UnavailableError

LOAD_S: Final = 60.0
"""How long loading may take, including the firmware of a USB Coral."""


class ChildFault(UnavailableError):  # noqa: N818 - an event, like SourceLost
    """The child cannot run the model, or no longer.

    Attributes:
        crashed: A signal ended the process.
    """

    def __init__(self, message: str, *, remedy: str | None = None, crashed: bool = False) -> None:
        """Keep message and remedy, see `PoseEdgeError`, and whether the process crashed."""
        super().__init__(message, remedy=remedy)
        self.crashed = crashed


class ChildDied(ChildFault):
    """The process has ended; `Child.cause_of_death` says how."""


class ChildLate(ChildFault):
    """The answer has not come in time; it may still come: see `Child.answer`."""
