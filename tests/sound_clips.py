"""Writes videos with a beep, and measures where the beep is in a video."""

from __future__ import annotations

from fractions import Fraction
from pathlib import Path

import av
import numpy as np
from av.audio.stream import AudioStream

RATE = 48_000
FPS = 20
BEEP_S = (1.0, 1.5)
"""Begin and end of the tone in seconds; there is silence before and after it."""


def write_clip_with_sound(
    path: Path, codec: str, *, seconds: float = 3.0, ahead_s: float = 0.0
) -> Path:
    """Write a video of grey pictures with a beep.

    Args:
        path: The file to write.
        codec: Codec of the sound.
        seconds: Length of the pictures.
        ahead_s: Time by which the sound begins before the pictures, seconds.
    """
    with av.open(str(path), "w") as sink:
        pictures = sink.add_stream("mpeg4", rate=FPS)
        pictures.width, pictures.height, pictures.pix_fmt = 64, 48, "yuv420p"
        sound = sink.add_stream(codec, rate=RATE)
        assert isinstance(sound, AudioStream)
        sound.layout = "mono"
        shift = round(ahead_s * FPS)
        for number in range(round(seconds * FPS)):
            grey = np.full((48, 64, 3), 80, np.uint8)
            frame = av.VideoFrame.from_ndarray(grey, format="rgb24")
            frame.pts, frame.time_base = number + shift, Fraction(1, FPS)
            sink.mux(pictures.encode(frame))
        sink.mux(pictures.encode(None))
        times = np.arange(round((seconds + ahead_s) * RATE)) / RATE - ahead_s
        loud = (times >= BEEP_S[0]) & (times < BEEP_S[1])
        wave = np.where(loud, 0.5 * np.sin(2 * np.pi * 440 * times), 0).astype(np.float32)
        size = sound.frame_size or 1024
        resampler = av.AudioResampler(sound.format, "mono", RATE, size)
        block = av.AudioFrame.from_ndarray(wave[np.newaxis], "flt", "mono")
        block.sample_rate, block.pts, block.time_base = RATE, 0, Fraction(1, RATE)
        for part in (*resampler.resample(block), *resampler.resample(None)):
            sink.mux(sound.encode(part))
        sink.mux(sound.encode(None))
    return path


def heard(path: Path) -> tuple[str, float, float, float]:
    """Return a video's audio codec, and the times of beep start, beep end and sound end in s."""
    with av.open(str(path)) as container:
        stream = container.streams.audio[0]
        times, levels = [], []
        for frame in container.decode(stream):
            samples = frame.to_ndarray().astype(np.float32)
            samples = samples.reshape(-1, frame.samples) if samples.shape[0] > 1 else samples
            scale = 32768 if frame.format.name.startswith("s16") else 1
            times.append(frame.time or 0.0)
            levels.append(float(np.abs(samples / scale).mean()))
        loud = [time for time, level in zip(times, levels, strict=True) if level > 0.1]
        return stream.codec_context.codec.canonical_name, loud[0], loud[-1], times[-1]
