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

    Parts are replaced only while the source is live. With a file, or without the function that
    recreates a part, `Pipeline.take` raises the part's error.

    Attributes:
        pace: Whether to play a file at its own speed, instead of as fast as possible.
        wait: Whether to wait for a live source that cannot be opened at the start, instead of
            failing.
        read_limit_s: Longest time that a read of a live source may take, seconds.
        make_source: Creates the same source again, not yet open; called in the new capture thread.
            None if the capture thread is not to be replaced.
        load_estimator: Loads the same model again; called in the new inference thread. None if the
            inference thread is not to be replaced.
        make_tracker: Creates a new tracker.
    """

    pace: bool = False
    wait: bool = False
    read_limit_s: float = 10.0
    make_source: Callable[[], Source] | None = None
    load_estimator: Callable[[], Estimator] | None = None
    make_tracker: Callable[[], PoseTracker | None] = lambda: None
