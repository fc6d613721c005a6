"""Counting of the damaged and missing frames of a video file."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

from pose_edge.sources.timeline import REORDERED
from pose_edge.util.text import counted

NEAR: Final = 2
"""Number of packets after a damage flag in which a gap in the times is attributed to it. In a
transport stream, the gap shows later than the flag."""
MAX_GAP: Final = 250
"""Largest gap in the times, in frames, that counts as lost frames after an incomplete packet or
skipped bytes; a larger one may be a pause."""


@dataclass(frozen=True, slots=True)
class PacketFacts:
    """Facts about a video packet before it is decoded.

    Attributes:
        time_s: Its decoding or presentation time, depending on the format, seconds; None where
            unknown.
        key: Whether it is a key frame, where decoding can begin.
        flagged: Whether the demuxer marks it as incomplete.
        shown: Whether its frame is shown; otherwise it only serves to decode other frames.
        skipped: Whether bytes of the file were skipped before it.
    """

    time_s: float | None
    key: bool = True
    flagged: bool = False
    shown: bool = True
    skipped: bool = False


class DamageCount:
    """Counts the frames of a video that are damaged or missing.

    A packet without a frame is no sign of damage: a decoder holds frames back to reorder them, and
    some packets hold no picture. Frames count as missing only where an error occurred.
    """

    def __init__(self, interval_s: float, *, begun: bool = True) -> None:
        """Create the counter.

        Args:
            interval_s: Usual time between two frames, seconds.
            begun: False where the video may begin between two key frames: packets before the first
                key frame that cannot be decoded do not count then.
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
        """Count the frames that are missing before a packet, according to its time."""
        before_s, self._time_s = self._time_s, time_s
        if before_s is None:
            return
        gap = round((time_s - before_s) / self._interval)
        if gap < -REORDERED:  # two recordings were joined: the packet's flag is no damage
            self._flagged -= self._since_flag <= NEAR
            return
        self._time_s = max(before_s, time_s)
        # In files with other data between the frames, skipped bytes are normal.
        self._dense = self._dense and not (skipped and gap <= 1)
        if 1 < gap <= MAX_GAP and (self._suspect or (skipped and self._dense)):
            self._absent += gap - 1
            self._suspect = 0

    def add_frames(self, frames: int, corrupt: int) -> None:
        """Count the frames from a packet; in `corrupt` of them the decoder concealed errors."""
        self._frames += frames
        self._corrupt += corrupt
        self._in_gap = self._in_gap and frames == 0
        self._withheld += self._in_gap

    def add_failure(self) -> None:
        """Count a packet that could not be decoded."""
        if self._begun:
            self._flagged -= self._since_flag == 0  # count the packet once
            self._failed += 1
            self._in_gap = True

    def add_missing(self, frames: int) -> None:
        """Count frames that the file announces but does not contain."""
        self._absent += frames

    @property
    def missing(self) -> str | None:
        """The damage so far, as a text for users; None if there is none."""
        unseen = max(self._failed, self._packets - self._frames)
        broken = min(self._failed + self._withheld, unseen) + self._flagged
        lost = max(broken, self._corrupt) + self._absent
        if not lost:
            return None
        total = counted(self._packets + self._absent, "frame")
        return f"{lost} of {total} {'is' if lost == 1 else 'are'} damaged or missing"
