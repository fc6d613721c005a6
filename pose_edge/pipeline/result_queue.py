"""The queue of finished results, from the inference thread to the thread that shows them."""

from __future__ import annotations

from pose_edge.poses import Result
from pose_edge.util.closable_queue import ClosableQueue


class ResultQueue(ClosableQueue[Result]):
    """Room for one result. With `drop`, a newer result replaces the one that was not taken."""

    def put(self, result: Result) -> None:
        """Hand over a result; without `drop`, wait until the one before was taken."""
        with self._changed:
            if self._drop and self._waiting:
                self._waiting.popleft().release()
            # Once the queue is closed there is room for the last result: it must not be lost.
            self._changed.wait_for(lambda: not self._waiting or self._closed)
            self._waiting.append(result)
            self._changed.notify_all()
