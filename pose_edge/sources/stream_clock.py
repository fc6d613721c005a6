"""When the frames of a network stream were taken, as far as a receiver can know."""

from __future__ import annotations

from typing import Final

MAX_DRIFT: Final = 200e-6
"""How fast two clocks may run apart: 200 millionths, twice what a cheap crystal does."""


class StreamClock:
    """Turns a stream's own times into moments on the monotonic clock.

    What a network does to a frame is to delay it, each by another time. The frame that came through
    fastest shows how the stream's clock and ours belong together; by how much another frame is
    later than that, it has waited on its way. What even the fastest frame took (exposure, encoder,
    network) cannot be known and is not counted.
    """

    def __init__(self) -> None:
        """Know nothing yet."""
        self._offset_ns: int | None = None
        self._last_ns = 0

    def moment_ns(self, position_s: float, arrival_ns: int) -> int:
        """Return when a frame was sent.

        Args:
            position_s: Its own time in the stream, seconds.
            arrival_ns: When it arrived, on the monotonic clock.

        Returns:
            A moment on the monotonic clock, at or before the arrival.
        """
        position_ns = round(position_s * 1e9)
        offset_ns = arrival_ns - position_ns
        if self._offset_ns is not None:
            drifted_ns = self._offset_ns + round((arrival_ns - self._last_ns) * MAX_DRIFT)
            offset_ns = min(offset_ns, drifted_ns)
        self._offset_ns, self._last_ns = offset_ns, arrival_ns
        return position_ns + offset_ns

    def reset(self) -> None:
        """Take the next frame as one that did not wait: the stream's own times have jumped."""
        self._offset_ns = None
