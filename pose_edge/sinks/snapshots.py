"""Save single pictures with their poses on request."""

from __future__ import annotations

import json
import logging
import time
from collections.abc import Callable
from itertools import count
from pathlib import Path
from typing import Final, NamedTuple, TypeAlias

import cv2

from pose_edge.frames import ColourOrder, Image
from pose_edge.poses import Result
from pose_edge.sinks.message import PoseMessage, Record
from pose_edge.sinks.name_pattern import NamePattern
from pose_edge.sinks.restarting_sink import RestartingSink
from pose_edge.util.atomic import write_complete

NAME: Final = "pose-edge-{time}.jpg"
"""Pattern of the names, in the current folder; the poses are in a .json file of the same name."""
QUEUE_LENGTH: Final = 2
"""Most pictures that may wait to be saved."""
JPEG_QUALITY: Final = 95

log = logging.getLogger(__name__)


class Snapshot(NamedTuple):
    """A picture as it is displayed, and its poses.

    Attributes:
        image: uint8 (height, width, 3), BGR.
        record: See `PoseMessage.record`.
    """

    image: Image
    record: Record


Snapshots: TypeAlias = RestartingSink[[Image, ColourOrder, Result], Snapshot]


def snapshots(written: Callable[[str], None], pattern: str = NAME) -> Snapshots:
    """Return a sink that saves each picture in a new file.

    Args:
        written: Called in the sink's thread with the outcome for each picture, for the user.
        pattern: Pattern of the paths, see `NamePattern`; it ends in .jpg.
    """
    return RestartingSink(
        "snapshots",
        take_snapshot,
        lambda: SnapshotWriter(pattern, written),
        capacity=QUEUE_LENGTH,
        drop=True,
        report=lambda _fault: None,
    )


def take_snapshot(image: Image, order: ColourOrder, result: Result) -> Snapshot:
    """Return a snapshot with a copy of `image`, whose channels are in `order`."""
    bgr = image if order == "BGR" else image[:, :, ::-1]
    return Snapshot(bgr.copy(), PoseMessage.of(result).record)


class SnapshotWriter:
    """Saves snapshots; a `Writer`. A failure is reported, and does not end the writer.

    Attributes:
        target: The last file, or None.
        waiting: Always None: nothing is waited for.
        partial_fault: None; see `Writer`.
    """

    waiting = partial_fault = None

    def __init__(self, pattern: str, written: Callable[[str], None]) -> None:
        """Initialise the writer; see `snapshots` for the arguments."""
        self.target: str | None = None
        self._pattern = NamePattern(pattern)
        self._written = written

    def write(self, item: Snapshot) -> bool:
        """Save a picture and its poses; return whether both were saved."""
        path = self._pattern.current()
        try:
            path = self._save(item)
        except OSError as error:
            reason = error.strerror or str(error)
            log.error("%s could not be saved: %s", path, reason)
            self._written(f"not saved: {reason}")
            return False
        self.target = str(path)
        log.info("saved %s and its poses", path.absolute())
        self._written(f"saved {path.absolute()}")
        return True

    def tick(self) -> None:
        """Do nothing; see `Writer`."""

    def close(self) -> None:
        """Do nothing: every file is complete; see `Writer`."""

    def _save(self, item: Snapshot) -> Path:
        """Write both files under the first free name, and return the picture's path."""
        done, encoded = cv2.imencode(".jpg", item.image, [cv2.IMWRITE_JPEG_QUALITY, JPEG_QUALITY])
        if not done:
            raise OSError("the picture cannot be encoded")
        moment = time.localtime()
        for number in count(1):
            path = self._pattern.path(moment, number)
            try:
                write_complete(path, encoded.tobytes(), replace=False)
            except FileExistsError:
                continue
            text = json.dumps(item.record, indent=1) + "\n"
            write_complete(path.with_suffix(".json"), text.encode(), replace=True)
            return path
        raise AssertionError("numbers do not end")
