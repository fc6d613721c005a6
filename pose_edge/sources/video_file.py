"""Reading a video file with FFmpeg, through PyAV."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any, Final, TypeAlias

import av
from av.container import InputContainer
from av.stream import Disposition
from av.video.stream import VideoStream

from pose_edge.errors import SourceError
from pose_edge.sources.damage import DamageCount, PacketFacts
from pose_edge.sources.ffmpeg import open_container, pixel_aspect, set_up_decoder

MAX_PIXELS: Final = 40_000_000
"""Largest number of pixels of a frame: slightly above 8K, as the pipeline holds several frames."""
USUAL_FPS: Final = 30.0
"""Frames per second of a file that does not state its rate."""
MAX_ERRORS: Final = 100
"""Number of consecutive errors after which the rest of a file is given up."""
PATIENCE: Final = 200
"""Number of packets without a frame, e.g. of sound, after which `VideoFile.frames` yields None, so
that the reader can check whether to stop."""
TOLERANCE_S: Final = 0.3
"""Tolerated error of the duration that a file states, seconds, as it may be inaccurate."""

TIMED_FORMATS: Final = ("matroska,webm", "flv")
"""Formats that state the file's duration but not its number of frames, and whose packets directly
follow one another."""
HEADERS: Final = 64
"""Most bytes between two packets in `TIMED_FORMATS`."""

CUT_FORMATS: Final = ("mpegts", "mpeg", "mpegvideo", "m4v", "h264", "hevc")
"""Formats of broadcasts and raw streams, which may begin between two key frames."""

Packet: TypeAlias = "av.Packet[Any]"


class VideoFile:
    """The frames of a video file, up to its end, even if parts of it are damaged.

    Attributes:
        frame_rate: Frames per second that the file states; otherwise `USUAL_FPS`.
        frame_count: Approximate number of frames according to the file; None where unknown. Sound
            that is longer than the picture, or frames that an edit list hides, count too.
        duration_s: Length that the file states, seconds, sound included; None where unknown.
        start_s: Time of the first frame on the file's own clock, seconds; None where unknown.
    """

    def __init__(self, path: str) -> None:
        """Open a file.

        Raises:
            SourceError: The file cannot be read, or is not a video.
        """
        self._path = path
        self._container = _open(path)
        try:
            self._stream = stream = _video_stream(self._container, path)
        except SourceError:
            self._container.close()
            raise
        set_up_decoder(stream.codec_context, "AUTO", MAX_PIXELS)
        self._tick = float(stream.time_base or 0)
        self.frame_rate = _frame_rate(stream)
        self.frame_count = _frame_count(self._container, stream)
        self.duration_s = _duration_s(self._container, stream)
        self.start_s = None if stream.start_time is None else stream.start_time * self._tick
        self._timed = self._container.format.name in TIMED_FORMATS
        cut = self._container.format.name in CUT_FORMATS
        self._damage = DamageCount(1 / self.frame_rate, begun=not cut)
        self._unreadable: str | None = None
        self._short: str | None = None
        self._read = self._end = 0
        self._reached_s = 0.0

    @property
    def pixel_aspect(self) -> float:
        """Width of a pixel divided by its height; 0 where unknown."""
        return pixel_aspect(self._stream)

    @property
    def missing(self) -> str | None:
        """Description of what could not be read so far; see `Source.missing`."""
        unreadable = self._unreadable and f"a part of it cannot be read ({self._unreadable})"
        return "; ".join(filter(None, (self._damage.missing, unreadable, self._short))) or None

    def frames(self) -> Iterator[av.VideoFrame | None]:
        """Yield the frames in order of their times, and None after many packets without one."""
        without, skipped = 0, False
        for packet in self._packets():
            without += 1
            if self._timed:
                self._reached_s = max(self._reached_s, _end_s(packet))
            skipped = self._skipped(packet) or skipped
            if packet.stream.index == self._stream.index and _is_data(packet):
                for frame in self._decode(packet, skipped=skipped):
                    without = 0
                    yield frame
                skipped = False
            if without >= PATIENCE:
                without = 0
                yield None
        yield from self._run_decoder(None)
        self._compare()

    def time_s(self, frame: av.VideoFrame) -> float | None:
        """Return a frame's time in the file, seconds, or None if it has none."""
        # AVI has only decoding times; FFmpeg's guessed times mix up reordered frames.
        exact = self._container.format.name != "avi"
        ticks = frame.pts if exact and frame.pts is not None else frame.dts
        return None if ticks is None else ticks * self._tick

    def close(self) -> None:
        """Close the file; closing it twice is allowed."""
        self._container.close()

    def _skipped(self, packet: Packet) -> bool:
        """Return whether bytes were skipped before a packet, and remember where it ends."""
        if packet.pos is None or not self._timed:
            return False
        skipped = 0 < self._end < packet.pos - HEADERS
        self._end = packet.pos + packet.size
        return skipped

    def _packets(self) -> Iterator[Packet]:
        """Yield the packets of all streams; with video alone, long sound would block the reader."""
        packets = self._container.demux()
        errors = 0
        while errors < MAX_ERRORS:
            try:
                packet = next(packets)
            except StopIteration:
                return
            except (av.error.FFmpegError, OSError) as error:
                errors += 1
                self._unreadable = error.strerror or type(error).__name__
                packets = self._container.demux()
            else:
                errors = 0
                yield packet

    def _decode(self, packet: Packet, *, skipped: bool) -> list[av.VideoFrame]:
        """Return the frames that a packet completes; see `PacketFacts` for `skipped`."""
        self._read += 1
        if packet.size == 0:  # a repeated frame; the decoder would take it for the end
            return []
        # Matroska has no decoding times; FFmpeg's guess is wrong where frames are lost.
        ticks = packet.dts if self._container.format.name in CUT_FORMATS else packet.pts
        facts = PacketFacts(
            None if ticks is None else ticks * self._tick,
            key=packet.is_keyframe,
            flagged=packet.is_corrupt,
            shown=not packet.is_discard,
            skipped=skipped,
        )
        self._damage.add_packet(facts)
        return self._run_decoder(packet)

    def _run_decoder(self, packet: Packet | None) -> list[av.VideoFrame]:
        """Return the frames that a packet completes; for None, those that were held back."""
        try:
            frames: list[av.VideoFrame] = self._stream.codec_context.decode(packet)
        except av.error.FFmpegError:
            self._damage.add_failure()
            return []
        self._damage.add_frames(len(frames), sum(frame.is_corrupt for frame in frames))
        return frames

    def _compare(self) -> None:
        """Compare what was read with the container's own figures, where those are exact."""
        name, stream, container = self._container.format.name, self._stream, self._container
        if name.startswith("mov,"):
            self._damage.add_missing(max(0, len(stream.index_entries) - self._read))
        elif name == "avi":
            promised = max(stream.frames, len(stream.index_entries))
            self._damage.add_missing(max(0, promised - self._read))
        # For formats not in `TIMED_FORMATS`, FFmpeg only guesses the duration.
        elif self._timed and stream.duration is None and container.duration is not None:
            promised_s = container.duration / av.time_base
            reached_s = self._reached_s - (container.start_time or 0) / av.time_base
            if promised_s - reached_s > max(TOLERANCE_S, 3 / self.frame_rate):
                self._short = f"it ends at {reached_s:.1f} of {promised_s:.1f} s"


def _open(path: str) -> InputContainer:
    """Open a file; its path is never interpreted as a URL."""
    try:
        return open_container(f"file:{path}")
    except (FileNotFoundError, PermissionError, IsADirectoryError) as error:
        raise SourceError(f"{path} cannot be read: {error.strerror}") from None
    except (av.error.FFmpegError, OSError, ValueError):
        remedy = "the index at its end is missing: it was cut off" if _is_mp4(path) else None
        raise SourceError(f"{path} is not a video that can be read", remedy=remedy) from None


def _is_mp4(path: str) -> bool:
    try:
        with Path(path).open("rb") as file:
            return file.read(8)[4:] == b"ftyp"
    except OSError:
        return False


def _video_stream(container: InputContainer, path: str) -> VideoStream:
    """Return the video stream of a file; the cover picture of a music file does not count.

    Raises:
        SourceError: There is none, or its frames cannot be decoded or are too large.
    """
    streams = [s for s in container.streams.video if not s.disposition & Disposition.attached_pic]
    if not streams:
        what = "sound" if container.streams.audio else "something"
        raise SourceError(f"{path} holds {what}, but no video")
    best = container.streams.best("video")
    stream = next((stream for stream in streams if stream is best), streams[0])
    decoder = stream.codec_context
    if decoder is None:
        raise SourceError(f"{path} holds a video of a kind that cannot be decoded")
    if decoder.width * decoder.height > MAX_PIXELS:
        size = f"{decoder.width} x {decoder.height}"
        raise SourceError(f"{path}: frames of {size} pixels are too large")
    return stream


def _frame_rate(stream: VideoStream) -> float:
    for rate in (stream.guessed_rate, stream.average_rate):
        if rate and 0 < rate <= 1000:
            return float(rate)
    return USUAL_FPS


def _frame_count(container: InputContainer, stream: VideoStream) -> int | None:
    """Return the approximate number of frames, or None where unknown."""
    name, duration = container.format.name, container.duration
    if stream.frames > 0:
        return len(stream.index_entries) if name.startswith("mov,") else stream.frames
    if duration is None or not stream.average_rate or name not in TIMED_FORMATS:
        return None
    return round(duration / av.time_base * float(stream.average_rate)) or None


def _duration_s(container: InputContainer, stream: VideoStream) -> float | None:
    """Return the length that a file states, or None where FFmpeg would only guess it."""
    name = container.format.name
    stated = name in TIMED_FORMATS or (name.startswith("mov,") and stream.frames > 0)
    return container.duration / av.time_base if stated and container.duration else None


def _is_data(packet: Packet) -> bool:
    """Return whether a packet comes from the file, and does not mark its end."""
    return packet.size > 0 or packet.dts is not None


def _end_s(packet: Packet) -> float:
    """Return the time at which a packet's content ends, seconds; 0 where unknown."""
    ticks = packet.dts if packet.pts is None else packet.pts
    if ticks is None or packet.time_base is None:
        return 0.0
    return float((ticks + (packet.duration or 0)) * packet.time_base)
