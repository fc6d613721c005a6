"""Writes the items of an output to one file after the other."""

from __future__ import annotations

import time
from collections.abc import Callable
from pathlib import Path
from typing import Final, Generic, Protocol, TypeVar

from pose_edge.sinks.disk_thread import DiskThread
from pose_edge.sinks.segment_files import OpenedFile, SegmentFiles

SYNC_S: Final = 0.8
"""How often what was written is brought to the disk: with the time that this takes, the mains lose
at most about a second. More often would wear SD cards."""
LOOK_S: Final = 5.0
"""How often free space and old files are looked at."""

Item = TypeVar("Item")
Item_contra = TypeVar("Item_contra", contravariant=True)


class OpenFile(Protocol[Item_contra]):
    """A file that is being written.

    Attributes:
        size: Bytes that it holds.
        unsynced: Whether something was written since the last `sync` began.
        safe: Bytes that a `sync` has brought to the disk.
        full: Whether it should take no more.
    """

    @property
    def size(self) -> int:
        """Bytes that it holds."""

    @property
    def unsynced(self) -> bool:
        """Whether something was written since the last `sync` began."""

    @property
    def safe(self) -> int:
        """Bytes that a `sync` has brought to the disk."""

    @property
    def full(self) -> bool:
        """Whether it should take no more."""

    def write(self, item: Item_contra) -> None:
        """Write one item; raises what goes wrong."""

    def sync(self) -> None:
        """Bring to the disk what was written; from another thread than `write`."""

    def finish(self, *, durable: bool) -> None:
        """End it in order and close it; after a failure save what can be saved.

        Args:
            durable: Bring it to the disk, too.
        """


class SegmentWriter(Generic[Item]):
    """The file work of an output; everything here happens in the output's own thread.

    Only what need not be waited for, syncing and closing, happens beside it: no frame is lost while
    a file is ended.

    Attributes:
        waiting: Why nothing is written now, or None.
    """

    def __init__(
        self, name: str, series: SegmentFiles, start: Callable[[OpenedFile], OpenFile[Item]]
    ) -> None:
        """Prepare; the first item begins the first file.

        Args:
            name: Of the output, for threads.
            series: Begins files.
            start: Makes a file of an open descriptor.
        """
        self._series = series
        self._start = start
        self._errands = DiskThread(f"{name} disk") if series.live else None
        self._file: OpenFile[Item] | None = None
        self._begun: OpenedFile | None = None
        self._begun_s = self._synced_s = 0.0
        self._looked_s = time.monotonic()
        self._obstacle: str | None = None
        self.waiting: str | None = None

    @property
    def path(self) -> Path | None:
        """The file that is being written, with a live source once something of it is safe."""
        file, begun = self._file, self._begun
        if file is None or begun is None:
            return None
        return begun.path if file.safe or not begun.plain or self._errands is None else None

    def write(self, item: Item) -> bool:
        """Write an item.

        Returns:
            Whether it was written; not while `waiting`.

        Raises:
            Exception: What the file or the disk raises.
        """
        if self._file is not None and (self._file.full or self._is_due(self._file)):
            self._end_file()
        if self._file is None and not self._begin():
            return False
        assert self._file is not None
        self._file.write(item)
        self._sync()
        return True

    def tick(self) -> None:
        """Do what is to be done now and then, also while nothing comes; about once a second.

        Raises:
            Exception: What the disk raises.
        """
        if self._errands is None:
            return
        self._errands.check()
        if self._file is not None and self._obstacle is not None:
            self._end_file()
        if self._file is None:
            self.waiting = self._obstacle
        self._sync()
        now = time.monotonic()
        if now - self._looked_s >= LOOK_S and self._errands.idle:
            self._looked_s = now
            self._errands.do(self._look)

    def close(self) -> None:
        """Finish in order; after a failure save what can be saved.

        Raises:
            Exception: What the file or the disk raises.
        """
        self._end_file()
        if self._errands is not None:
            self._errands.finish()

    def _is_due(self, file: OpenFile[Item]) -> bool:
        return self._series.due(time.monotonic() - self._begun_s, file.size)

    def _begin(self) -> bool:
        """Begin the next file, unless something is in the way of it."""
        if self.waiting is not None:
            return False
        self._obstacle = self.waiting = self._series.obstacle(writing=False)
        if self.waiting is not None:
            return False
        self._begun = self._series.begin()
        self._begun_s = self._synced_s = time.monotonic()
        self._file = self._start(self._begun)
        if self._errands is not None:
            self._errands.do(self._series.thin)
        return True

    def _end_file(self) -> None:
        file, begun = self._file, self._begun
        self._file = self._begun = None
        if file is None or begun is None:
            return
        errands = self._errands
        if errands is None:
            file.finish(durable=False)
        else:
            errands.do(lambda: _finish(file, begun))

    def _sync(self) -> None:
        """Ask for what was written to be brought to the disk, every now and then."""
        file, begun, errands = self._file, self._begun, self._errands
        if file is None or begun is None or errands is None or not begun.plain:
            return
        now = time.monotonic()
        if file.unsynced and now - self._synced_s >= SYNC_S and errands.idle:
            self._synced_s = now
            errands.do(file.sync)

    def _look(self) -> None:
        self._series.thin()
        self._obstacle = self._series.obstacle(writing=self._file is not None)


def _finish(file: OpenFile[Item], begun: OpenedFile) -> None:
    """End a file, and remove it when nothing of it was ever safe: the disk was full already."""
    try:
        file.finish(durable=begun.plain)
    finally:
        if begun.ours and not file.safe:
            begun.path.unlink(missing_ok=True)
