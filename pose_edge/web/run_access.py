"""The interface of a run to its web server."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from pose_edge.config.schema import Settings
from pose_edge.frames import Image
from pose_edge.overlay import Scene
from pose_edge.sinks.run_state import RunState
from pose_edge.sinks.steering import Steering

TakePicture = Callable[[Callable[[Scene, Image], None], Callable[[], None]], None]
"""See `RunAccess.take_picture`."""


@dataclass(frozen=True, slots=True)
class RunAccess:
    """The interface of a run that the server uses from its own thread; only `kept` may block.

    Attributes:
        state: Returns the state of the run.
        steering: Takes changes of settings.
        settings: Returns the settings in force, with the overlay as keys have changed it.
        configured: Returns the settings of the configuration as it was last read.
        take_picture: Schedules a call of its first argument in the main thread, with the scene that
            is shown (or the next one) and its picture, which is valid during the call only. Calls
            its second argument instead if there is no picture.
        config: The configuration file, or None.
        kept: Called with settings that were written to the configuration file, by their keys;
            returns the keys of those that the command line or the environment overrides.
    """

    state: Callable[[], RunState]
    steering: Steering
    settings: Callable[[], Settings]
    configured: Callable[[], Settings]
    take_picture: TakePicture
    config: Path | None
    kept: Callable[[Mapping[str, Any]], list[str]]
