"""Progress and cancellation of a measurement."""

from __future__ import annotations

import threading
from collections.abc import Callable
from dataclasses import dataclass, field


def _ignore(_done: int, _total: int) -> None:
    pass


@dataclass(frozen=True, slots=True)
class BenchControl:
    """Stops a measurement and receives its progress.

    Attributes:
        stop: Set it to end the measurement with the results so far.
        progress: Called with the number of runs or rounds done and their total; only between
            measurements, never during one.
    """

    stop: threading.Event = field(default_factory=threading.Event)
    progress: Callable[[int, int], None] = _ignore

    @property
    def stopped(self) -> bool:
        """Whether the measurement is to end."""
        return self.stop.is_set()

    def report(self, done: int, total: int) -> None:
        """Report progress, unless the measurement is to end."""
        if not self.stopped:
            self.progress(done, total)
