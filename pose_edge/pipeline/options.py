"""How a pipeline reads its source, and how it replaces a part that failed."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from pose_edge.estimators import Estimator
from pose_edge.sources import Source
from pose_edge.tracking import PoseTracker


@dataclass(frozen=True, slots=True)
class PipelineOptions:
    """How a pipeline reads its source, and how it replaces a part that failed.

    A part is replaced only while the source is live. Without a function that makes the part again,
    or with a file, `Pipeline.take` raises the error.

    Attributes:
        pace: Play a file at its own speed, instead of as fast as possible.
        wait: Wait for a live source that cannot be opened at the start, instead of failing.
        read_limit_s: Longest time that a read of a live source may take, seconds.
        make_source: Makes the same source, not open; called in the new capture thread.
        load_estimator: Loads the same model; called in the new inference thread.
        make_tracker: Makes a new tracker.
    """

    pace: bool = False
    wait: bool = False
    read_limit_s: float = 10.0
    make_source: Callable[[], Source] | None = None
    load_estimator: Callable[[], Estimator] | None = None
    make_tracker: Callable[[], PoseTracker | None] = lambda: None
