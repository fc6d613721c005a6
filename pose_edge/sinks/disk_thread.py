"""A thread for disk work that nobody needs to wait for: sync, close, remove."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable

from pose_edge.errors import EndOfStream, OutputError
from pose_edge.sinks.restarting_sink import HANG_S
from pose_edge.util.closable_queue import ClosableQueue


class DiskThread(ClosableQueue[Callable[[], object]]):
    """Runs jobs in order, in a thread: syncing a file on an SD card may take a second.

    The writer of the file goes on meanwhile, and calls `check` now and then to see how they went.
    """

    def __init__(self, name: str) -> None:
        """Start the thread."""
        super().__init__()
        self._failure: Exception | None = None
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
        """Raise what went wrong.

        Raises:
            OutputError: A job takes longer than `HANG_S`.
            Exception: The first that a job has raised since the last call.
        """
        failure, self._failure = self._failure, None
        if failure is not None:
            raise failure
        with self._changed:
            if self._busy and time.monotonic() - self._since_s > HANG_S:
                raise OutputError(f"the disk has not answered for {HANG_S:g} s")

    def finish(self) -> None:
        """Wait until all jobs are done, end the thread, and `check`."""
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
            except Exception as error:  # noqa: BLE001 - raised by `check`
                self._failure = self._failure or error
            finally:
                with self._changed:
                    self._busy = False
