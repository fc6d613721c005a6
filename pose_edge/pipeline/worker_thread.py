"""A thread that does the work of one part of a run."""

from __future__ import annotations

import threading
from abc import ABC, abstractmethod
from collections.abc import Callable

from pose_edge.errors import EndOfStream
from pose_edge.supervision.supervisor import Part

Ended = Callable[["WorkerThread", BaseException | None], None]
"""Told who has ended, and what of; None where there is nothing more to do."""


class WorkerThread(ABC):
    """Works until it ends, is stopped, or is given up because it hangs.

    A thread cannot be killed. One that is given up may wake up at any time, and must then see that
    nobody wants its work any more.
    """

    def __init__(self, name: str, part: Part, ended: Ended, *, begins_within: float) -> None:
        """Prepare; `start` begins.

        Args:
            name: Of the thread.
            part: Is told how it goes.
            ended: Called at the end, in the thread.
            begins_within: Seconds from `start` in which the thread will say how it goes.
        """
        self._part = part
        self._ended = ended
        self._begins_within = begins_within
        self._over = threading.Event()
        self.given_up = False
        self.thread = threading.Thread(target=self._run, name=name, daemon=True)

    def start(self) -> None:
        """Start the thread."""
        self._part.starting(within=self._begins_within)
        self.thread.start()

    def stop(self) -> None:
        """Tell it to end; returns at once."""
        self._over.set()

    def give_up(self) -> None:
        """Count on it no more: it hangs or has died. What it holds is written off."""
        self.given_up = True
        self.stop()
        self._write_off()

    @abstractmethod
    def _work(self) -> None:
        """Do it all, in the thread; `EndOfStream` means that there is nothing more to do."""

    @abstractmethod
    def _clean_up(self) -> None:
        """Close what the thread owns; called at its end, in it."""

    @abstractmethod
    def _write_off(self) -> None:
        """Make up for what a thread that hangs holds; called in another one."""

    def _run(self) -> None:
        error: BaseException | None = None
        try:
            self._work()
        except EndOfStream:
            pass
        except Exception as caught:  # noqa: BLE001 - handed on
            error = caught
        finally:
            self._clean_up()
            self._ended(self, error)
