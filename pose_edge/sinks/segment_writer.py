"""Write items to one file after the other, with a second thread for slow disk work."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from contextlib import closing
from functools import partial
from typing import Any, Final, Generic, TypeVar

from pose_edge.errors import EndOfStream, OutputError
from pose_edge.sinks.restarting_sink import HANG_S
from pose_edge.sinks.segment_file import Encoder, SegmentFile
from pose_edge.sinks.segment_files import SegmentFiles
from pose_edge.util.closable_queue import ClosableQueue

SYNC_S: Final = 0.8
"""Seconds between two syncs of a file. Together with the time that a sync takes, a power cut costs
at most about a second. More frequent syncs would wear out SD cards."""
CHECK_INTERVAL_S: Final = 5.0
"""Seconds between two checks of free space and old files."""

Item = TypeVar("Item")


class DiskThread(ClosableQueue[Callable[[], object]]):
    """Runs jobs in order in a thread, because syncing a file on an SD card may take a second.

    The writer of the file continues meanwhile, and calls `check` regularly to learn of failures.
    """

    def __init__(self, name: str) -> None:
        """Create the queue and start the thread."""
        super().__init__()
        self._failure: BaseException | None = None
        self._since_s = 0.0
        self._busy = False
        self._thread = threading.Thread(target=self._work, name=name, daemon=True)
        self._thread.start()

    def do(self, job: Callable[[], object]) -> None:
        """Queue a job."""
        with self._changed:
            self._waiting.append(job)
            self._changed.notify_all()

    @property
    def idle(self) -> bool:
        """Whether all jobs are done."""
        return not self._waiting and not self._busy

    def check(self) -> None:
        """Raise the failure of a job, if there is one.

        Raises:
            OutputError: A job has been running for longer than `HANG_S`.
            Exception: The first exception that a job has raised since the last call.
        """
        failure, self._failure = self._failure, None
        if failure is not None:
            try:
                raise failure
            finally:
                del failure  # whose traceback refers to this frame
        with self._changed:
            if self._busy and time.monotonic() - self._since_s > HANG_S:
                raise OutputError(f"the disk has not answered for {HANG_S:g} s")

    def finish(self) -> None:
        """Wait until all jobs are done, end the thread, and raise as `check` does."""
        self.close()
        self._thread.join()
        self.check()

    def _work(self) -> None:
        while True:
            try:
                with self._changed:
                    self._changed.wait_for(lambda: bool(self._waiting) or self._closed)
                    job = self.take(0)
                    self._busy = True
                    self._since_s = time.monotonic()
            except EndOfStream:
                return
            try:
                if job is not None:
                    job()
            except BaseException as error:  # noqa: BLE001 - raised by `check`
                self._failure = self._failure or error
            finally:
                with self._changed:
                    self._busy = False


class SegmentWriter(Generic[Item]):
    """A `Writer` that splits its output into files.

    For live sources a second thread syncs and closes the files, so that no frame is lost while a
    file is finished.

    Attributes:
        waiting: See `Writer`.
        partial_fault: None; see `Writer`.
    """

    partial_fault: str | None = None

    def __init__(
        self, name: str, files: SegmentFiles, start: Callable[[SegmentFile], Encoder[Item]]
    ) -> None:
        """Initialise the writer; the first item creates the first file.

        Args:
            name: Name of the sink.
            files: Creates the files.
            start: Creates the encoder of a file.
        """
        self._files = files
        self._start = start
        self._disk = DiskThread(f"{name} disk") if files.live else None
        self._encoder: Encoder[Item] | None = None
        self._created_s = self._synced_s = 0.0
        self._looked_s = time.monotonic()
        self._obstacle: str | None = None
        self.waiting: str | None = None

    @property
    def target(self) -> str | None:
        """The path of the file; for live sources, once an item in it is synced to the disk."""
        if self._encoder is None:
            return None
        file = self._encoder.file
        return str(file.path) if file.safe or not file.regular or self._disk is None else None

    def write(self, item: Item) -> bool:
        """Write an item; see `Writer.write`."""
        if self._encoder is not None and self._is_due(self._encoder, item):
            self._end_file()
        if self._encoder is None:
            self._encoder = self._begin_file()
        if self._encoder is None:
            return False
        self._encoder.write(item)
        self._sync()
        return True

    def tick(self) -> None:
        """Sync the file and check the disk, when that is due; see `Writer.tick`."""
        if self._disk is None:
            return
        self._disk.check()
        if self._obstacle is not None:
            self._end_file(reachable=False)
        if self._encoder is None:
            self.waiting = self._obstacle
        self._sync()
        now = time.monotonic()
        if now - self._looked_s >= CHECK_INTERVAL_S and self._disk.idle:
            self._looked_s = now
            self._disk.do(self._look)

    def close(self) -> None:
        """Finish the file; see `Writer.close`."""
        self._end_file()
        if self._disk is not None:
            self._disk.finish()

    def _is_due(self, encoder: Encoder[Item], item: Item) -> bool:
        """Return whether the next file is due before an item is written."""
        age_s = time.monotonic() - self._created_s
        return not encoder.takes(item) or self._files.due(age_s, encoder.file.size)

    def _begin_file(self) -> Encoder[Item] | None:
        """Create the next file, unless there is an obstacle."""
        if self.waiting is None:
            self._obstacle = self.waiting = self._files.obstacle(writing=False)
        if self.waiting is not None:
            return None
        encoder = self._start(self._files.begin())
        self._created_s = self._synced_s = time.monotonic()
        if self._disk is not None:
            self._disk.do(self._files.remove_oldest)
        return encoder

    def _end_file(self, *, reachable: bool = True) -> None:
        """Finish the file; its disk may be gone, unless `reachable`."""
        encoder, self._encoder = self._encoder, None
        if encoder is None:
            return
        live = self._disk is not None
        finish = partial(
            _finish, encoder, durable=live and encoder.file.regular, reachable=reachable
        )
        if self._disk is None:
            finish()
        else:
            self._disk.do(finish)

    def _sync(self) -> None:
        """Queue a sync of the file every `SYNC_S`."""
        if self._encoder is None or self._disk is None:
            return
        file, now = self._encoder.file, time.monotonic()
        due = file.regular and file.unsynced and now - self._synced_s >= SYNC_S
        if due and self._disk.idle:
            self._synced_s = now
            self._disk.do(file.sync)

    def _look(self) -> None:
        encoder = self._encoder
        self._files.remove_oldest()
        self._obstacle = self._files.obstacle(writing=encoder is not None)
        if self._obstacle is None and encoder is not None and encoder is self._encoder:
            encoder.file.check_place()


def _finish(encoder: Encoder[Any], *, durable: bool, reachable: bool) -> None:
    """Finish a file. Remove it if no item in it was ever synced: the disk was already full."""
    file = encoder.file
    with closing(file):
        try:
            encoder.finish()
            if durable:
                file.sync()
            if reachable:
                file.check_place()
        finally:
            if file.live and file.regular and not file.safe:
                file.remove()
