"""What differs between two configurations, and which parts of a run that concerns."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from enum import Enum, auto
from typing import Any, Final

from pose_edge.config.schema import Settings
from pose_edge.util.urls import redact


class Concern(Enum):
    """What a setting is about."""

    SOURCE = auto()
    """The source is opened again."""
    MODEL = auto()
    """Another is loaded beside the one at work, which it then relieves."""
    FOLLOWING = auto()
    """Ids begin anew."""
    PICTURE = auto()
    """The next picture is drawn in another way."""
    SCREEN = auto()
    """The screen is opened again."""
    RECORDING = auto()
    POSES = auto()
    """A new file is begun."""
    LENGTH = auto()
    """The run ends at another moment."""
    LOG = auto()
    START = auto()
    """It counts from the next start on."""


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

KEYS: Final[dict[str, set[Concern]]] = {
    "camera.mirror": {Concern.PICTURE},
    "camera.wait": set(),  # a run that has begun always waits
    "model.min_keypoint_score": {Concern.MODEL, Concern.FOLLOWING},
    "testing.deadlock": set(),  # is read when it is asked for
}
"""Those that are not about what their section is about."""


@dataclass(frozen=True, slots=True)
class Change:
    """One setting that differs.

    Attributes:
        key: E.g. "model.name".
        before: Its value.
        after: The same of the other configuration.
    """

    key: str
    before: Any
    after: Any

    @property
    def concerns(self) -> set[Concern]:
        """What it is about."""
        return KEYS.get(self.key, SECTIONS[self.key.partition(".")[0]])

    def __str__(self) -> str:
        """Say it in a few words, without passwords."""
        return f"{self.key}: {_shown(self.before)} -> {_shown(self.after)}"


def find_changes(before: Settings, after: Settings) -> list[Change]:
    """List the settings that differ, in the order of config.yaml."""
    return [
        Change(f"{section}.{key}", value, getattr(getattr(after, section), key))
        for section, values in before
        for key, value in values
        if value != getattr(getattr(after, section), key)
    ]


def concerns(changes: Sequence[Change]) -> set[Concern]:
    """Return everything that changes are about."""
    return {concern for change in changes for concern in change.concerns}


def _shown(value: object) -> str:
    if isinstance(value, bool):
        return str(value).lower()
    if value is None:
        return "null"
    return redact(value) if isinstance(value, str) and "://" in value else str(value)
