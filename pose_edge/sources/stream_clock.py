"""Estimation of the times at which the frames of a network stream were sent."""

from __future__ import annotations

from typing import Final

MAX_DRIFT: Final = 200e-6
"""Largest drift between two clocks: 200 ppm, twice the error of a cheap crystal."""


class StreamClock:
    """Converts a stream's own times into times on the monotonic clock.

    The network delay varies from frame to frame. The fastest frame gives the offset between the two
    clocks, and the delay of any other frame is how much later it arrives. The time that even the
    fastest frame took (exposure, encoder, network) cannot be known and is not counted.
    """

    def __init__(self) -> None:
        """Create the clock, which assumes that the first frame is not delayed."""
        self._offset_ns: int | None = None
        self._last_ns = 0

    def moment_ns(self, position_s: float, arrival_ns: int) -> int:
        """Return the time at which a frame was sent, on the monotonic clock, nanoseconds.

        Args:
            position_s: The frame's own time in the stream, seconds.
            arrival_ns: Time of its arrival on the monotonic clock, nanoseconds; the result is never
                later.
        """
        position_ns = round(position_s * 1e9)
        offset_ns = arrival_ns - position_ns
        if self._offset_ns is not None:
            drifted_ns = self._offset_ns + round((arrival_ns - self._last_ns) * MAX_DRIFT)
            offset_ns = min(offset_ns, drifted_ns)
        self._offset_ns, self._last_ns = offset_ns, arrival_ns
        return position_ns + offset_ns

    def reset(self) -> None:
        """Forget the offset, and so assume that the next frame is not delayed."""
        self._offset_ns = None
