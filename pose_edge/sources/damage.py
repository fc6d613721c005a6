"""How much of a video file could not be read."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

from pose_edge.sources.timeline import REORDERED
from pose_edge.util.text import counted

NEAR: Final = 2
"""Packets. What is missing in a transport stream shows so much later than the flag."""
MAX_GAP: Final = 250
"""Frames. After an incomplete packet or skipped bytes, a gap of no more than so many in the times
means lost ones; a larger one may be a pause."""


@dataclass(frozen=True, slots=True)
class PacketFacts:
    """What is known of a packet of a video before it is decoded.

    Attributes:
        time_s: Its time, seconds: that of decoding where a format has it, else that of showing.
        key: Whether decoding can begin with it.
        flagged: Whether the file's reader knows that it is incomplete.
        shown: Whether its frame is to be shown, or only needed by others.
        skipped: Whether bytes were skipped before it.
    """

    time_s: float | None
    key: bool = True
    flagged: bool = False
    shown: bool = True
    skipped: bool = False


class DamageCount:
    """Counts the frames of a video that are damaged or missing.

    That a packet gives no frame says nothing: a decoder holds frames back to sort them, and some
    packets hold no picture. So packets are only missed where something went wrong.
    """

    def __init__(self, interval_s: float, *, begun: bool = True) -> None:
        """Start without damage.

        Args:
            interval_s: Usual time between two frames, seconds.
            begun: False where the video may begin between two key frames: what cannot be decoded
                before the first one is not missed then.
        """
        self._interval = interval_s
        self._packets = self._frames = 0
        self._failed = self._flagged = self._corrupt = 0
        self._withheld = self._absent = 0
        self._suspect, self._since_flag = 0, NEAR + 1
        self._begun, self._in_gap = begun, False
        self._dense = True
        self._time_s: float | None = None

    def add_packet(self, packet: PacketFacts) -> None:
        """Count a packet before it is decoded."""
        self._packets += packet.shown
        self._begun = self._begun or packet.key
        self._since_flag += 1
        if packet.time_s is not None:
            self._compare_time(packet.time_s, skipped=packet.skipped)
        self._suspect = max(0, self._suspect - 1)
        if packet.flagged:
            self._flagged += 1
            self._since_flag, self._suspect = 0, NEAR

    def _compare_time(self, time_s: float, *, skipped: bool) -> None:
        """Find out from a packet's time whether others are missing before it."""
        before_s, self._time_s = self._time_s, time_s
        if before_s is None:
            return
        gap = round((time_s - before_s) / self._interval)
        if gap < -REORDERED:  # two recordings were joined, which flags a packet as well
            self._flagged -= self._since_flag <= NEAR
            return
        self._time_s = max(before_s, time_s)
        # Files with other data between the frames skip bytes all the time.
        self._dense = self._dense and not (skipped and gap <= 1)
        if 1 < gap <= MAX_GAP and (self._suspect or (skipped and self._dense)):
            self._absent += gap - 1
            self._suspect = 0

    def add_frames(self, frames: int, corrupt: int) -> None:
        """Count what a packet gave; `corrupt` frames have parts that the decoder made up."""
        self._frames += frames
        self._corrupt += corrupt
        self._in_gap = self._in_gap and frames == 0
        self._withheld += self._in_gap

    def add_failure(self) -> None:
        """Count a packet that could not be decoded."""
        if self._begun:
            self._flagged -= self._since_flag == 0  # count it once
            self._failed += 1
            self._in_gap = True

    def add_absent(self, frames: int) -> None:
        """Count frames that the file promises, and that never came."""
        self._absent += frames

    @property
    def missing(self) -> str | None:
        """The damage so far, in words for people; None without any."""
        unseen = max(self._failed, self._packets - self._frames)
        broken = min(self._failed + self._withheld, unseen) + self._flagged
        lost = max(broken, self._corrupt) + self._absent
        if not lost:
            return None
        total = counted(self._packets + self._absent, "frame")
        return f"{lost} of {total} {'is' if lost == 1 else 'are'} damaged or missing"
