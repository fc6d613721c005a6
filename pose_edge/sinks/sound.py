"""The sound of a video file, for the drawn copy of its pictures."""

from __future__ import annotations

import logging
from collections.abc import Iterator
from fractions import Fraction
from typing import Any, Final, TypeAlias

import av
from av.audio.resampler import AudioResampler
from av.audio.stream import AudioStream
from av.container import InputContainer, OutputContainer

from pose_edge.sources.ffmpeg import open_container
from pose_edge.sources.timeline import Timeline

log = logging.getLogger(__name__)

COPIED: Final = ("aac", "mp3", "ac3", "eac3", "alac", "opus")
"""Codecs that MP4 files hold; sound of any other is encoded again, as AAC."""
USUAL_S: Final = 0.02
"""Seconds of sound in a packet that does not say it."""

AudioPacket: TypeAlias = "av.Packet[Any]"


class Sound:
    """Hands the sound of a video over to another container, as far as its pictures have come.

    Its times are those of the pictures: from the first picture of the video, without the jumps of
    its clock. What is damaged is left out.
    """

    def __init__(self, path: str, container: InputContainer, stream: AudioStream) -> None:
        """Read the sound of an open video; see `open_sound`."""
        self._path = path
        self._container = container
        self._stream = stream
        self._start_s = _start_s(container)
        self._timeline = Timeline(USUAL_S)
        self._packets = self._read()
        self._next: tuple[float, AudioPacket] | None = None
        self._target: OutputContainer | None = None
        self._output: AudioStream | None = None
        self._resampler: AudioResampler | None = None
        self._last: int | None = None

    def begin(self, target: OutputContainer, origin_s: float) -> None:
        """Add a stream to a container to which nothing was written yet.

        Args:
            target: The container.
            origin_s: Time of its first picture, seconds: that becomes 0.
        """
        self._start_s += origin_s
        self._target = target
        if self._stream.codec_context.name in COPIED:
            self._output = target.add_stream_from_template(self._stream)
        else:
            context = self._stream.codec_context
            self._output = target.add_stream("aac", rate=context.sample_rate)
            self._output.layout = context.layout.name
            self._resampler = AudioResampler("fltp", context.layout.name, context.sample_rate)

    def write_until(self, time_s: float) -> None:
        """Hand over what is to be heard before a time of the target, seconds.

        Raises:
            OSError: The target cannot be written.
        """
        while self._next is not None or self._advance():
            assert self._next is not None
            moment, packet = self._next
            if moment >= time_s:
                return
            self._next = None
            self._write(moment, packet)

    def finish(self, time_s: float) -> None:
        """Hand over the rest before a time, and close the video that was read.

        Raises:
            OSError: The target cannot be written.
        """
        try:
            self.write_until(time_s)
            if self._resampler is not None:
                self._encode(None)
        finally:
            self._container.close()

    def _advance(self) -> bool:
        """Read the next packet that belongs to the pictures; return False at the end."""
        self._next = next(self._packets, None)
        return self._next is not None

    def _read(self) -> Iterator[tuple[float, AudioPacket]]:
        """Yield the packets that can be heard with the pictures, and their times in seconds."""
        try:
            for packet in self._container.demux(self._stream):
                if packet.pts is None or packet.size == 0 or packet.is_corrupt:
                    continue
                given = float(packet.pts * (packet.time_base or 0)) - self._start_s
                if given >= 0.0:
                    yield self._timeline.place(given), packet
        except (av.error.FFmpegError, OSError) as error:
            log.warning("the sound of %s ends early: %s", self._path, error.strerror or error)

    def _write(self, moment: float, packet: AudioPacket) -> None:
        base = packet.time_base
        assert base is not None
        pts = round(moment / base)
        if self._resampler is not None:
            self._encode(packet, pts)
            return
        if self._last is not None and pts <= self._last:  # the container would refuse it
            return
        self._last = packet.pts = packet.dts = pts
        self._mux(packet)

    def _encode(self, packet: AudioPacket | None, pts: int | None = None) -> None:
        """Decode a packet and encode it as AAC; without one, what is held back."""
        assert self._resampler is not None
        assert self._output is not None
        decoded: list[av.AudioFrame | None] = [None]
        if packet is not None:
            try:
                decoded = [*self._stream.codec_context.decode(packet)]
            except av.error.FFmpegError:
                return  # a damaged packet
        for frame in decoded:
            if frame is not None:
                frame.pts = pts  # the next ones follow it
                pts = None
            for even in self._resampler.resample(frame):
                for encoded in self._output.codec_context.encode(even):
                    self._mux(encoded)
        if packet is None:
            for encoded in self._output.codec_context.encode(None):
                self._mux(encoded)

    def _mux(self, packet: AudioPacket) -> None:
        assert self._target is not None
        assert self._output is not None
        packet.stream = self._output
        self._target.mux(packet)


def open_sound(path: str) -> Sound | None:
    """Return the sound of a video file; None where it has none that can be read."""
    try:
        container = open_container(path)
    except (av.error.FFmpegError, OSError):  # the reader of the pictures says why
        return None
    stream = container.streams.best("audio")
    if isinstance(stream, AudioStream) and stream.codec_context.sample_rate:
        return Sound(path, container, stream)
    container.close()
    return None


def _start_s(container: InputContainer) -> float:
    """Return the time of the first picture, seconds."""
    video = container.streams.best("video")
    if video is None or video.start_time is None or video.time_base is None:
        return 0.0
    return float(Fraction(video.start_time) * video.time_base)
