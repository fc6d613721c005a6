"""How long the picture and the poses were away, seen from outside."""

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
"""A picture that has not changed for so long is not live; the camera's changes five times a second.
An emulated machine hesitates for half a second now and then."""
GAP_S: Final = 1.5
"""Poses that stay away for so long are away."""
OWN_LOAD: Final = 1.5
"""Processes per processor of this host that want to run while a test runs alone, on two."""
CHANGED: Final = 0.005
"""Part of the pixels that must have changed."""
LIKE: Final = 0.8
"""See `ReferenceVideo.similarity`."""


def scaled_limit(seconds: float) -> float:
    """Return a time limit, longer where the host is busy with other things too.

    An emulated processor is slower by as much as others want of the real ones.
    """
    return seconds * max(1.0, os.getloadavg()[0] / (OWN_LOAD * (os.cpu_count() or 1)))


@dataclass(frozen=True)
class Outage:
    """What a fault did; seconds.

    Attributes:
        picture: The picture was away for so long; 0: it never was.
        poses: The same of the poses.
        picture_back: It was back for good so long after the fault was over.
        poses_back: The same of the poses.
    """

    picture: float
    poses: float
    picture_back: float
    poses_back: float

    @property
    def back(self) -> float:
        """When all was back."""
        return max(self.picture_back, self.poses_back)


class PictureWatch:
    """Looks at the screen all the time, in a thread of its own, while the `with` lasts."""

    def __init__(self, screen: Screen, reference: ReferenceVideo) -> None:
        """Look at a screen on which the reference's video should be seen."""
        self._screen = screen
        self._reference = reference
        self._samples: list[tuple[float, bool]] = []
        self._fault: Exception | None = None
        self._end = threading.Event()
        self._thread = threading.Thread(target=self._watch, name="picture watch", daemon=True)

    def __enter__(self) -> PictureWatch:
        """Begin."""
        self._thread.start()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        """End."""
        self._end.set()
        self._thread.join()

    def samples(self, since: float) -> list[tuple[float, bool]]:
        """Return what was seen since a moment of this host's monotonic clock.

        Returns:
            Moments, and whether the live picture was on the screen.

        Raises:
            Exception: The screen could not be looked at.
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
                similarity = self._reference.similarity(picture_part(shown, CAMERA_SIZE))
                moves = now - changed < scaled_limit(STILL_S)
                self._samples.append((now, similarity > LIKE and moves))
        except Exception as error:  # noqa: BLE001 - raised again where the samples are asked for
            self._fault = error


def moved(before: Image, after: Image) -> float:
    """Return which part of the pixels has changed, 0...1."""
    if before.shape != after.shape:
        return 1.0
    return float((cv2.absdiff(before, after).max(axis=2) > 8).mean())


def absence(live: list[tuple[float, bool]]) -> tuple[float, float | None]:
    """Tell for how long a picture was away.

    Args:
        live: Moments, and whether it was there.

    Returns:
        Seconds in which it was away, all together, and when it was back for good; None if it never
        was away. An absence lasts from the last moment at which it was there to the first at which
        it is there again.
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
    """Tell the longest time without poses.

    Args:
        exposures: When the frames of poses were exposed.
        began: When to begin to look.
        until: When to end.
        least: What counts as a gap, seconds.

    Returns:
        The longest gap, seconds, and when the last was over; 0 and None if there was none.
    """
    away, back = 0.0, None
    inside = sorted(moment for moment in exposures if began < moment < until)
    for a, b in pairwise([began, *inside, until]):
        if b - a > least:
            away = max(away, b - a)
            back = b
    return away, back
