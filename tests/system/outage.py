"""Measure from outside the machine how long the picture and the poses were missing."""

from __future__ import annotations

import os
import threading
import time
from dataclasses import dataclass
from itertools import pairwise
from types import TracebackType
from typing import Final

import cv2
from system.camera import CAMERA_SIZE
from system.screen import ReferenceVideo, Screen, picture_part

from pose_edge.frames import Image

SAMPLE_S: Final = 0.2
STILL_S: Final = 2.0
"""Seconds without a change after which a picture does not count as live. The camera's picture
changes five times a second; an emulated machine stalls for half a second now and then."""
GAP_S: Final = 1.5
"""Shortest time without poses that counts as an outage, in seconds."""
OWN_LOAD: Final = 1.5
"""Load average per processor while a test runs alone on a host with two processors."""
CHANGED: Final = 0.005
"""Fraction of the pixels that must differ for a picture to count as changed, 0...1."""


def scaled_limit(seconds: float) -> float:
    """Return a time limit in seconds, extended if the host is busy with other processes.

    An emulated processor slows down in proportion to the load on the real ones.
    """
    return seconds * max(1.0, os.getloadavg()[0] / (OWN_LOAD * (os.cpu_count() or 1)))


@dataclass(frozen=True)
class Outage:
    """The outages that a fault caused, in seconds.

    Attributes:
        picture: Total time without the live picture; 0 if it was never missing.
        poses: Longest time without poses; 0 if they were never missing.
        picture_back: Time from the end of the fault until the picture was back for good.
        poses_back: Time from the end of the fault until the poses were back for good.
    """

    picture: float
    poses: float
    picture_back: float
    poses_back: float

    @property
    def back(self) -> float:
        """Time from the end of the fault until both picture and poses were back, in seconds."""
        return max(self.picture_back, self.poses_back)


class PictureWatch:
    """Context manager that watches the screen continuously in a thread of its own."""

    def __init__(self, screen: Screen, reference: ReferenceVideo) -> None:
        """Create a watch for a screen that should show the reference's video."""
        self._screen = screen
        self._reference = reference
        self._samples: list[tuple[float, bool]] = []
        self._fault: Exception | None = None
        self._end = threading.Event()
        self._thread = threading.Thread(target=self._watch, name="picture watch", daemon=True)

    def __enter__(self) -> PictureWatch:
        """Start watching."""
        self._thread.start()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        """Stop watching."""
        self._end.set()
        self._thread.join()

    def samples(self, since: float) -> list[tuple[float, bool]]:
        """Return the samples taken since a time of this host's monotonic clock.

        Returns:
            For each sample, its time and whether the live picture was on the screen.

        Raises:
            Exception: The screen could not be read.
        """
        if self._fault is not None:
            raise self._fault
        return [sample for sample in list(self._samples) if sample[0] >= since]

    def _watch(self) -> None:
        try:
            before = self._screen.dump()
            changed = 0.0
            while not self._end.wait(SAMPLE_S):
                shown, now = self._screen.dump(), time.monotonic()
                if moved(before, shown) > CHANGED:
                    changed = now
                before = shown
                video = self._reference.shown_in(picture_part(shown, CAMERA_SIZE))
                moves = now - changed < scaled_limit(STILL_S)
                self._samples.append((now, video and moves))
        except Exception as error:  # noqa: BLE001 - raised again where the samples are asked for
            self._fault = error


def moved(before: Image, after: Image) -> float:
    """Return the fraction of the pixels that differ between two pictures, 0...1."""
    if before.shape != after.shape:
        return 1.0
    return float((cv2.absdiff(before, after).max(axis=2) > 8).mean())


def absence(live: list[tuple[float, bool]]) -> tuple[float, float | None]:
    """Return how long a picture was missing.

    Args:
        live: Times of samples, and whether the picture was present in each.

    Returns:
        The total seconds of absence, and the time from which the picture was back for good (None
        if it was never missing). An absence lasts from the last sample with the picture before it
        to the first with the picture after it.
    """
    away, back = 0.0, None
    for (a, was), (b, present) in pairwise(live):
        if not (was and present):
            away += b - a
            back = b
    return away, back


def longest_gap(
    exposures: list[float], began: float, until: float, least: float = GAP_S
) -> tuple[float, float | None]:
    """Return the longest time without poses.

    Args:
        exposures: Exposure times of the frames that have poses.
        began: Start of the interval to examine.
        until: End of that interval.
        least: Gaps up to this many seconds are ignored.

    Returns:
        The longest gap in seconds, and when the last gap ended; 0 and None if there was no gap.
    """
    away, back = 0.0, None
    inside = sorted(moment for moment in exposures if began < moment < until)
    for a, b in pairwise([began, *inside, until]):
        if b - a > least:
            away = max(away, b - a)
            back = b
    return away, back
