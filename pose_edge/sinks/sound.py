"""Copy the sound of a video file into its annotated copy."""

from __future__ import annotations

import io
import logging
from collections.abc import Iterator
from contextlib import suppress
from fractions import Fraction
from typing import Any, Final, TypeAlias

import av
from av.audio.stream import AudioStream
from av.container import InputContainer, OutputContainer

from pose_edge.sources.ffmpeg import open_container
from pose_edge.sources.timeline import Timeline

log = logging.getLogger(__name__)

COPIED: Final = ("aac", "mp3", "ac3", "eac3", "alac", "opus")
"""Codecs that MP4 files can hold; sound in any other codec is re-encoded as AAC."""
AAC_RATES: Final = (8000, 11025, 12000, 16000, 22050, 24000, 32000, 44100, 48000, 96000)
"""Sample rates at which sound is encoded as AAC, Hz."""
USUAL_RATE: Final = 48_000
"""Sample rate, Hz, for sound whose own rate is not in `AAC_RATES`."""
USUAL_S: Final = 0.02
"""Usual seconds of sound in a packet, for packets with an unusable time."""

AudioPacket: TypeAlias = "av.Packet[Any]"


class Sound:
    """Copies the sound of a video to another container, up to the pictures written so far.

    Times count from the first picture of the video, and jumps of the video's clock are removed.
    Damaged packets are left out.
    """

    def __init__(self, path: str, container: InputContainer, stream: AudioStream) -> None:
        """Initialise the sound of an open video; see `open_sound`."""
        self._path = path
        self._container = container
        self._stream = stream
        self._start_s = _start_s(container)
        self._timeline = Timeline(USUAL_S)
        self._packets = self._read()
        self._next: tuple[float, AudioPacket] | None = None
        self._target: OutputContainer | None = None
        self._output: AudioStream | None = None
        self._encoded = False
        self._last: int | None = None

    def begin(self, target: OutputContainer, origin_s: float) -> None:
        """Add an audio stream to a container to which nothing was written yet.

        Args:
            target: The container.
            origin_s: Time in the video of the container's first picture, seconds; it becomes 0.
        """
        self._start_s += origin_s
        self._target = target
        if _can_be_copied(self._stream):
            self._output = target.add_stream_from_template(self._stream)
        else:
            context = self._stream.codec_context
            rate = context.sample_rate if context.sample_rate in AAC_RATES else USUAL_RATE
            self._output = target.add_stream("aac", rate=rate)
            self._output.layout = "mono" if context.layout.nb_channels == 1 else "stereo"
            self._encoded = True

    def write_until(self, time_s: float) -> None:
        """Write the sound before `time_s`, a time in the target, seconds."""
        while self._next is not None or self._advance():
            assert self._next is not None
            moment, packet = self._next
            if moment >= time_s:
                return
            self._next = None
            self._write(moment, packet)

    def finish(self, time_s: float) -> None:
        """Write the rest of the sound before `time_s`, seconds, and close the source video."""
        try:
            self.write_until(time_s)
            if self._encoded:
                self._encode(None)
        finally:
            self._container.close()

    def _advance(self) -> bool:
        """Read the next packet into `_next`; return False at the end."""
        self._next = next(self._packets, None)
        return self._next is not None

    def _read(self) -> Iterator[tuple[float, AudioPacket]]:
        """Yield (time in seconds, packet), from the target's first picture on."""
        try:
            for packet in self._container.demux(self._stream):
                if packet.pts is None or packet.size == 0 or packet.is_corrupt:
                    continue
                given = float(packet.pts * (packet.time_base or 0)) - self._start_s
                if given >= 0.0:
                    yield self._timeline.place(given), packet
        except (av.error.FFmpegError, OSError) as error:
            log.warning("the sound of %s ends early: %s", self._path, error.strerror or error)
        except IndexError:  # raised by PyAV for a stream that begins later
            log.warning("the sound of %s ends early: the file is damaged", self._path)

    def _write(self, moment: float, packet: AudioPacket) -> None:
        if self._encoded:
            self._encode(packet, moment)
            return
        assert packet.time_base is not None
        pts = round(moment / packet.time_base)
        if self._last is not None and pts <= self._last:  # the container would refuse it
            return
        self._last = packet.pts = packet.dts = pts
        self._mux(packet)

    def _encode(self, packet: AudioPacket | None, moment: float = 0.0) -> None:
        """Decode and re-encode a packet; None flushes the encoder."""
        assert self._output is not None
        encoder = self._output.codec_context
        frames: list[av.AudioFrame | None] = [None]
        with suppress(av.error.FFmpegError):  # a damaged packet
            if packet is not None:
                frames = [*self._stream.codec_context.decode(packet)]
            for frame in frames:
                if frame is not None:
                    frame.time_base = Fraction(1, frame.sample_rate)
                    frame.pts = round(moment * frame.sample_rate)
                    moment += frame.samples / frame.sample_rate
                for encoded in encoder.encode(frame):
                    self._mux(encoded)

    def _mux(self, packet: AudioPacket) -> None:
        assert self._target is not None
        assert self._output is not None
        packet.stream = self._output
        with suppress(av.error.FFmpegError):  # a damaged packet; a full disk raises nothing
            self._target.mux(packet)


def open_sound(path: str) -> Sound | None:
    """Open the sound of a video file; return None if it has no readable sound."""
    try:
        container = open_container(path)
    except (av.error.FFmpegError, OSError):  # the video reader reports the reason
        return None
    stream = container.streams.best("audio")
    if isinstance(stream, AudioStream) and stream.codec_context.sample_rate:
        return Sound(path, container, stream)
    container.close()
    return None


def _can_be_copied(stream: AudioStream) -> bool:
    """Return whether an MP4 file can hold the stream without re-encoding."""
    if stream.codec_context.codec.canonical_name not in COPIED:
        return False
    try:
        with av.open(io.BytesIO(), "w", format="mp4") as trial:
            trial.add_stream_from_template(stream)
            trial.start_encoding()
    except av.error.FFmpegError:
        return False
    return True


def _start_s(container: InputContainer) -> float:
    """Return the time of the first picture, seconds."""
    video = container.streams.best("video")
    if video is None or video.start_time is None or video.time_base is None:
        return 0.0
    return float(Fraction(video.start_time) * video.time_base)
