"""What steers a measurement from outside."""

from __future__ import annotations

import threading
from collections.abc import Callable
from dataclasses import dataclass, field


def _ignore(_done: int, _total: int) -> None:
    pass


@dataclass(frozen=True, slots=True)
class BenchControl:
    """How a measurement says how far it is, and is ended.

    Attributes:
        stop: Set it to end with what was measured so far.
        progress: Takes how many runs or rounds are done, and how many there will be; called
            between measurements, never in one.
    """

    stop: threading.Event = field(default_factory=threading.Event)
    progress: Callable[[int, int], None] = _ignore

    @property
    def stopped(self) -> bool:
        """Whether it is to end."""
        return self.stop.is_set()

    def report(self, done: int, total: int) -> None:
        """Report progress, unless it is to end."""
        if not self.stopped:
            self.progress(done, total)
