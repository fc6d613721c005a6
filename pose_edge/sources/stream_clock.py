"""When the frames of a network stream were sent."""

from __future__ import annotations

from typing import Final

MAX_DRIFT: Final = 200e-6
"""How fast two clocks may drift apart: 200 ppm, twice what a cheap crystal does."""


class StreamClock:
    """Converts a stream's own times into times on the monotonic clock.

    Each frame takes another time through the network. The fastest one gives the offset between the
    two clocks; how much later another frame arrives is its delay. The time that even the fastest
    frame took (exposure, encoder, network) cannot be known and is not counted.
    """

    def __init__(self) -> None:
        """Take the first frame as not delayed."""
        self._offset_ns: int | None = None
        self._last_ns = 0

    def moment_ns(self, position_s: float, arrival_ns: int) -> int:
        """Return when a frame was sent, at or before its arrival.

        Args:
            position_s: The frame's own time in the stream, seconds.
            arrival_ns: When it arrived, on the monotonic clock (as the result), nanoseconds.
        """
        position_ns = round(position_s * 1e9)
        offset_ns = arrival_ns - position_ns
        if self._offset_ns is not None:
            drifted_ns = self._offset_ns + round((arrival_ns - self._last_ns) * MAX_DRIFT)
            offset_ns = min(offset_ns, drifted_ns)
        self._offset_ns, self._last_ns = offset_ns, arrival_ns
        return position_ns + offset_ns

    def reset(self) -> None:
        """Take the next frame as not delayed: the stream's own times have jumped."""
        self._offset_ns = None
