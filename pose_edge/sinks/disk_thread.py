"""What an output asks of its disk and need not wait for: a thread that syncs, closes, removes."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from typing import Final

from pose_edge.errors import EndOfStream, OutputError
from pose_edge.util.closable_queue import ClosableQueue

HANG_S: Final = 20.0
"""A disk that has not done a piece of work for so long hangs. SD cards pause for a second or two;
the end of a long file on a slow one takes some more."""


class DiskThread(ClosableQueue[Callable[[], object]]):
    """Pieces of work that are done in order; bringing a file to an SD card may take a second.

    Who writes the file goes on meanwhile, and asks now and then with `check` how it went.
    """

    def __init__(self, name: str) -> None:
        """Start the thread.

        Args:
            name: Of the thread.
        """
        super().__init__()
        self._failure: Exception | None = None
        self._since_s = 0.0
        self._busy = False
        self._thread = threading.Thread(target=self._work, name=name, daemon=True)
        self._thread.start()

    def do(self, work: Callable[[], object]) -> None:
        """Queue a piece of work."""
        with self._changed:
            if self.idle:
                self._since_s = time.monotonic()
            self._waiting.append(work)
            self._changed.notify_all()

    @property
    def idle(self) -> bool:
        """Whether all is done."""
        return not self._waiting and not self._busy

    def check(self) -> None:
        """Make sure that all went well so far.

        Raises:
            OutputError: A piece of work takes far too long.
            Exception: The first that a piece of work has raised since the last time.
        """
        failure, self._failure = self._failure, None
        if failure is not None:
            raise failure
        with self._changed:
            if not self.idle and time.monotonic() - self._since_s > HANG_S:
                raise OutputError(f"the disk has not answered for {HANG_S:g} s")

    def finish(self) -> None:
        """Wait until all is done, and end the thread; see `check`."""
        self.close()
        self._thread.join()
        self.check()

    def _work(self) -> None:
        while True:
            try:
                with self._changed:
                    self._changed.wait_for(lambda: bool(self._waiting) or self._closed)
                    work = self.take(0)
                    self._busy = True
                    self._since_s = time.monotonic()
            except EndOfStream:
                return
            try:
                if work is not None:
                    work()
            except Exception as error:  # noqa: BLE001 - raised by `check`
                self._failure = self._failure or error
            finally:
                with self._changed:
                    self._busy = False
