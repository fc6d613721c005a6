"""Which parts of a run a setting concerns: what a reload has to replace."""

from __future__ import annotations

from collections.abc import Iterable
from enum import Enum, auto
from typing import Final

from pose_edge.config.diff import Change


class Concern(Enum):
    """A part of a run, and what a reload does about it."""

    SOURCE = auto()
    """Open the source again."""
    MODEL = auto()
    """Load another model beside the one at work, which it then replaces."""
    FOLLOWING = auto()
    """Track people anew; their ids start again."""
    PICTURE = auto()
    """Draw the next picture differently."""
    SCREEN = auto()
    """Open the screen again."""
    RECORDING = auto()
    """Start a new video file."""
    POSES = auto()
    """Start a new pose file."""
    LENGTH = auto()
    """Move the end of the run."""
    LOG = auto()
    """Start the log again."""
    START = auto()
    """Wait for the next start of the program."""


SECTIONS: Final = {
    "source": {Concern.SOURCE},
    "camera": {Concern.SOURCE},
    "model": {Concern.MODEL},
    "edgetpu": {Concern.MODEL},
    "tracking": {Concern.FOLLOWING},
    "smoothing": {Concern.FOLLOWING},
    "overlay": {Concern.PICTURE},
    "display": {Concern.SCREEN},
    "record": {Concern.RECORDING},
    "poses": {Concern.POSES},
    "storage": {Concern.RECORDING, Concern.POSES},
    "run": {Concern.LENGTH},
    "log": {Concern.LOG},
    "testing": {Concern.START},
}
"""Parts that the settings of each section concern."""

KEYS: Final[dict[str, set[Concern]]] = {
    "camera.mirror": {Concern.PICTURE},
    "camera.wait": set(),  # a running program always waits
    "model.min_keypoint_score": {Concern.MODEL, Concern.FOLLOWING},
    "testing.deadlock": set(),  # read at the moment of the signal
}
"""Settings that concern other parts than the rest of their section."""


def concerns(changes: Iterable[Change]) -> set[Concern]:
    """Return all parts that changes of settings concern."""
    found: set[Concern] = set()
    for change in changes:
        found |= KEYS.get(change.key, SECTIONS[change.key.partition(".")[0]])
    return found
