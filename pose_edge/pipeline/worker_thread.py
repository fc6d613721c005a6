"""The base class of the two threads of a pipeline, and the state that they share."""

from __future__ import annotations

import logging
import threading
from abc import ABC, abstractmethod
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import NamedTuple

from pose_edge.errors import EndOfStream, SourceError
from pose_edge.pipeline.gate import Gate
from pose_edge.pipeline.rest import Rest
from pose_edge.pipeline.ring_buffer import RingBuffer, Slot
from pose_edge.poses import Result
from pose_edge.sinks import Sink
from pose_edge.sources.demand import FrameDemand
from pose_edge.supervision.supervisor import Part
from pose_edge.telemetry import Telemetry
from pose_edge.util.closable_queue import ClosableQueue
from pose_edge.util.wakeup import Wakeup

log = logging.getLogger(__name__)


class ResultQueue(ClosableQueue[Result]):
    """A queue of one result. With `drop`, a newer result replaces one that was not taken."""

    def __init__(self, *, drop: bool, wakeup: Wakeup | None = None) -> None:
        """Create an empty queue.

        Args:
            drop: The policy, see above.
            wakeup: Wakes the thread that takes the results, if it waits for other events as well.
        """
        super().__init__(drop=drop)
        self._wakeup = wakeup

    def close(self, error: BaseException | None = None) -> None:
        """See `ClosableQueue.close`."""
        super().close(error)
        self._wake_reader()

    def put(self, result: Result) -> None:
        """Hand over a result; without `drop`, wait until the previous one was taken."""
        with self._changed:
            if self._drop and self._waiting:
                self._waiting.popleft().release()
            # A closed queue takes the last result without waiting, so that it is not lost.
            self._changed.wait_for(lambda: not self._waiting or self._closed)
            self._waiting.append(result)
            self._changed.notify_all()
        self._wake_reader()

    def _wake_reader(self) -> None:
        if self._wakeup is not None:
            self._wakeup.set()


class Lost(NamedTuple):
    """Why a live source is missing.

    Attributes:
        error: The last error.
        since: Time of day, HH:MM:SS, since when there have been no frames.
    """

    error: SourceError
    since: str


@dataclass(slots=True)
class Shared:
    """The state that the threads of one pipeline share.

    Attributes:
        ring: Frames on their way from the capture thread to the inference thread.
        results: Results on their way to the caller of `Pipeline.take`.
        telemetry: Figures and faults of the run.
        sinks: Outputs that get every result, besides `results`.
        max_frames: Number of processed frames after which to end; None for no limit.
        processed: Number of frames processed so far.
        started: Set once frames may flow.
        gate: Holds back the frames of a file while it is paused.
        lost: Why the source is missing now, or None.
        missing: What could not be read of each file, with its name; see `Source.missing`.
        rest: Decides which frames need not be processed.
        demand: Predicts when the inference thread will want the next frame.
    """

    ring: RingBuffer
    results: ResultQueue
    telemetry: Telemetry
    sinks: Sequence[Sink]
    max_frames: int | None
    processed: int = 0
    started: threading.Event = field(default_factory=threading.Event)
    lost: Lost | None = None
    gate: Gate = field(default_factory=Gate)
    missing: list[str] = field(default_factory=list)
    rest: Rest = field(default_factory=Rest)
    demand: FrameDemand = field(default_factory=FrameDemand)


class WorkerThread(threading.Thread, ABC):
    """One part of a pipeline, in a thread that ends by itself, is stopped, or is given up.

    A thread cannot be killed. One that hangs is given up: it keeps what it has open, and another
    thread takes its place. If it recovers, it notices that it was given up, closes what it has
    open, and ends silently.

    Attributes:
        given_up: Whether another thread takes the place of this one.
    """

    def __init__(
        self,
        name: str,
        shared: Shared,
        part: Part,
        ended: Callable[[WorkerThread, BaseException | None], None],
        *,
        start_limit_s: float,
    ) -> None:
        """Create the thread; `start` starts it.

        Args:
            name: Name of the thread.
            shared: The state that the threads of the pipeline share.
            part: Gets the heartbeats.
            ended: Called when the thread ends, in the thread, with the thread and the error that
                ended it, or None.
            start_limit_s: Longest time from `start` to the first heartbeat, seconds.
        """
        super().__init__(name=name, daemon=True)
        self._shared = shared
        self._part = part
        self._report_end = ended
        self._start_limit_s = start_limit_s
        self._over = threading.Event()
        self._slot: Slot | None = None
        self.given_up = False

    def start(self) -> None:
        """Start the thread."""
        self._part.starting(within=self._start_limit_s)
        super().start()

    def stop(self) -> None:
        """Tell the thread to end; return at once."""
        self._over.set()
        self._shared.ring.wake()
        self._shared.gate.wake()

    def give_up(self) -> None:
        """Give up this thread, which hangs or has died, so that another one can replace it."""
        self.given_up = True
        self.stop()
        if (slot := self._slot) is not None:
            self._shared.ring.write_off(slot)

    def wait(self, timeout: float) -> bool:
        """Wait at most `timeout` seconds; return whether the thread has ended, or never ran."""
        if self.ident is not None:
            self.join(timeout)
        return not self.is_alive()

    def run(self) -> None:
        """Work, clean up, and report the end; called by `start`, in the thread."""
        error: BaseException | None = None
        try:
            self._work()
        except EndOfStream:
            pass
        except BaseException as caught:  # noqa: BLE001 - passed on to the pipeline, which waits
            error = caught
        try:
            self._clean_up()
        except BaseException:
            log.exception("the %s thread could not close what it had open", self.name)
        self._report_end(self, error)

    @abstractmethod
    def _work(self) -> None:
        """Work until `_over` is set; raise `EndOfStream` when there is nothing left to do."""

    @abstractmethod
    def _clean_up(self) -> None:
        """Close what the thread has open; called in the thread, when it ends."""
