"""Videos: damaged, of every format, or no videos at all."""

from __future__ import annotations

import io
import struct
from contextlib import suppress
from fractions import Fraction
from pathlib import Path

import av
import numpy as np
import pytest
from av.video.stream import VideoStream
from clips import write_titled_clip
from helpers import coded_picture, read_code, write_video
from PIL import Image as Pillow

from pose_edge.errors import EndOfStream, SourceError
from pose_edge.frames import Frame
from pose_edge.sources.video import Video
from pose_edge.sources.video_file import VideoFile

COUNT = 40
RATE = 10
TIMES = [index / RATE for index in range(COUNT)]


def write(
    path: Path, codec: str = "libx264", pixels: str = "yuv420p", *, sound: bool = False
) -> Path:
    """Write a video whose frames encode their index, with one key frame per second."""
    options = {".mp4": {"movflags": "faststart"}, ".mkv": {"cluster_time_limit": "500"}}
    with av.open(str(path), "w", options=options.get(path.suffix, {})) as container:
        stream = container.add_stream(codec, rate=RATE)
        assert isinstance(stream, VideoStream)
        stream.width, stream.height, stream.pix_fmt = 160, 120, pixels
        stream.codec_context.gop_size = RATE
        if codec == "libx264":
            stream.codec_context.options = {"bf": "2", "preset": "veryfast"}
        voice = container.add_stream("aac", rate=8000, layout="mono") if sound else None
        for index in range(COUNT):
            picture = coded_picture(index, 160, 120)
            container.mux(stream.encode(av.VideoFrame.from_ndarray(picture, format="bgr24")))
            if voice is not None:
                container.mux(voice.encode(silence(index * 800)))
        container.mux(stream.encode())
        container.mux(voice.encode() if voice is not None else [])
    return path


def silence(pts: int, samples: int = 800) -> av.AudioFrame:
    frame = av.AudioFrame.from_ndarray(np.zeros((1, samples), np.float32), "fltp", "mono")
    frame.sample_rate, frame.pts, frame.time_base = 8000, pts, Fraction(1, 8000)
    return frame


def play(path: Path) -> tuple[list[Frame], str | None]:
    """Return all frames of a file, and the message about missing frames or None."""
    video = Video(str(path))
    video.open()
    frames = []
    try:
        while True:
            if (frame := video.read(1.0)) is not None:
                frames.append(frame)
    except EndOfStream:
        return frames, video.missing
    finally:
        video.close()


def codes(frames: list[Frame]) -> list[int]:
    return [read_code(frame.image) for frame in frames]


def packet_places(path: Path) -> list[tuple[int, int]]:
    """Return position and size in bytes of each video packet in a file."""
    with av.open(str(path)) as container:
        packets = container.demux(video=0)
        return [(packet.pos, packet.size) for packet in packets if packet.pos is not None]


def damage(path: Path, number: int) -> Path:
    """Overwrite a packet, given by its index, with zeros."""
    place, size = packet_places(path)[number]
    content = bytearray(path.read_bytes())
    content[place : place + size] = bytes(size)
    path.write_bytes(content)
    return path


@pytest.mark.parametrize(
    ("name", "codec", "pixels"),
    [
        ("v.mp4", "libx264", "yuv420p"),
        ("v.mov", "mpeg4", "yuv420p"),
        ("v.mkv", "ffv1", "yuv420p10le"),
        ("v.webm", "libvpx", "yuv420p"),
        ("v.avi", "mjpeg", "yuvj420p"),
        ("b.avi", "libx264", "yuv420p"),
        ("v.ts", "libx264", "yuv420p"),
        ("v.flv", "libx264", "yuv420p"),
        ("v.gif", "gif", "rgb8"),
        ("v.h264", "libx264", "yuv420p"),
        ("v.mjpeg", "mjpeg", "yuvj420p"),
        ("gray.mkv", "ffv1", "gray"),
        ("alpha.mkv", "ffv1", "bgra"),
    ],
)
def test_a_whole_file_of_any_format(tmp_path: Path, name: str, codec: str, pixels: str) -> None:
    frames, missing = play(write(tmp_path / name, codec, pixels))
    assert codes(frames) == list(range(COUNT))
    assert missing is None
    rate = 25 if name == "v.mjpeg" else RATE  # the file has no rate; FFmpeg assumes 25
    assert [frame.time for frame in frames] == pytest.approx(
        [index / rate for index in range(COUNT)], abs=2e-3
    )


@pytest.mark.parametrize("sound", [False, True])
def test_after_a_damaged_packet_decoding_goes_on(tmp_path: Path, sound: bool) -> None:
    path = damage(write(tmp_path / "v.mp4", sound=sound), 15)
    frames, missing = play(path)
    assert len(frames) == COUNT - 1
    assert codes(frames[-10:]) == list(range(COUNT - 10, COUNT))
    assert missing == f"1 of {COUNT} frames is damaged or missing"
    assert frames[-1].time == pytest.approx(TIMES[-1])


def test_a_damaged_first_packet_costs_what_depends_on_it(tmp_path: Path) -> None:
    frames, missing = play(damage(write(tmp_path / "v.mp4"), 0))
    lost = COUNT - len(frames)
    assert RATE - 2 <= lost <= RATE, "some codecs show what comes just before the next key frame"
    assert codes(frames) == list(range(lost, COUNT))
    assert missing == f"{lost} of {COUNT} frames are damaged or missing"
    assert [frame.time for frame in frames] == pytest.approx(TIMES[lost:]), "those of the file"


@pytest.mark.parametrize("name", ["v.mp4", "v.mkv", "v.avi", "v.flv"])
def test_a_file_that_is_cut_off_is_read_up_to_there(tmp_path: Path, name: str) -> None:
    path = write(tmp_path / name)
    place, size = packet_places(path)[25]
    path.write_bytes(path.read_bytes()[: place + size // 2])
    frames, missing = play(path)
    assert codes(frames)[:20] == list(range(20))
    assert 20 <= len(frames) <= 26
    assert missing is not None


def test_frames_lost_in_the_midst_of_a_matroska_file(tmp_path: Path) -> None:
    """The Matroska reader resynchronises without reporting an error."""
    path = write(tmp_path / "v.mkv", "libvpx")
    places = packet_places(path)
    content = bytearray(path.read_bytes())
    start, end = places[12][0] - 8, places[15][0] + 4
    content[start:end] = bytes(end - start)
    path.write_bytes(content)
    frames, missing = play(path)
    assert len(frames) < COUNT
    assert missing == f"{COUNT - len(frames)} of {COUNT} frames are damaged or missing"


def test_joined_transport_streams_are_one_whole_video(tmp_path: Path) -> None:
    path = write(tmp_path / "v.ts")
    path.write_bytes(path.read_bytes() * 2)
    frames, missing = play(path)
    assert codes(frames) == [*range(COUNT), *range(COUNT)]
    assert missing is None
    expected = [index / RATE for index in range(2 * COUNT)]
    assert [frame.time for frame in frames] == pytest.approx(expected)


@pytest.mark.parametrize("name", ["v.mp4", "v.mkv", "v.avi", "v.ts"])
def test_what_follows_the_end_does_not_matter(tmp_path: Path, name: str) -> None:
    path = write(tmp_path / name)
    path.write_bytes(path.read_bytes() + bytes(5000) + b"the end" * 100)
    frames, missing = play(path)
    assert (len(frames), missing) == (COUNT, None)


def test_a_still_scene_with_sound_throughout(tmp_path: Path) -> None:
    path = tmp_path / "v.mkv"
    with av.open(str(path), "w") as container:
        stream = container.add_stream("ffv1", rate=RATE)
        stream.width, stream.height, stream.pix_fmt = 160, 120, "yuv420p"
        voice = container.add_stream("pcm_s16le", rate=8000, layout="mono")
        for index, moment in enumerate((0, 30, 60)):
            frame = av.VideoFrame.from_ndarray(coded_picture(index, 160, 120), format="bgr24")
            frame.pts, frame.time_base = moment * RATE, Fraction(1, RATE)
            container.mux(stream.encode(frame))
            for part in range(300):
                samples = np.zeros((1, 800), np.int16)
                sound = av.AudioFrame.from_ndarray(samples, "s16", "mono")
                sound.sample_rate, sound.pts = 8000, (moment * 10 + part) * 800
                container.mux(voice.encode(sound))
    video = Video(str(path))
    video.open()
    read = []
    with suppress(EndOfStream):
        while True:
            read.append(video.read(1.0))
    video.close()
    frames = [frame for frame in read if frame is not None]
    assert [frame.time for frame in frames] == pytest.approx([0, 30, 60])
    assert len(read) > len(frames), "the reader can be stopped in between"
    assert video.missing is None


def test_a_video_that_was_trimmed_without_encoding_it_is_whole(tmp_path: Path) -> None:
    """Such a file contains earlier frames, which are needed for decoding but not shown."""
    whole, path = write(tmp_path / "v.mp4"), tmp_path / "trimmed.mp4"
    with av.open(str(whole)) as source, av.open(str(path), "w") as target:
        stream = target.add_stream_from_template(source.streams.video[0])
        for packet in source.demux(video=0):
            if packet.dts is not None and packet.pts is not None and packet.time_base is not None:
                shift = round(0.45 / packet.time_base)
                packet.pts, packet.dts = packet.pts - shift, packet.dts - shift
                packet.stream = stream
                target.mux(packet)
    frames, missing = play(path)
    assert missing is None
    assert len(frames) >= COUNT - 5


def test_a_tune_with_a_cover_is_no_video(tmp_path: Path) -> None:
    path = tmp_path / "tune.mp3"
    with av.open(str(path), "w") as container:
        voice = container.add_stream("libmp3lame", rate=8000, layout="mono")
        for index in range(20):
            container.mux(voice.encode(silence(index * 800)))
        container.mux(voice.encode())
    cover = io.BytesIO()
    Pillow.new("RGB", (64, 64), (200, 30, 30)).save(cover, "JPEG")
    body = b"\0image/jpeg\0\x03\0" + cover.getvalue()
    apic = b"APIC" + struct.pack(">I", len(body)) + b"\0\0" + body
    size = bytes(len(apic) >> shift & 0x7F for shift in (21, 14, 7, 0))
    path.write_bytes(b"ID3\x03\0\0" + size + apic + path.read_bytes())
    with av.open(str(path)) as container:
        assert container.streams.video, "FFmpeg takes the cover for a video"
    with pytest.raises(SourceError, match=r"tune\.mp3 holds sound, but no video"):
        VideoFile(str(path))


def test_a_recording_without_its_index(tmp_path: Path) -> None:
    path = write_video(tmp_path / "v.mp4", TIMES)
    path.write_bytes(path.read_bytes()[:-1000])
    with pytest.raises(SourceError, match="the index at its end is missing"):
        VideoFile(str(path))


def test_frames_that_are_too_large_are_refused(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = write_video(tmp_path / "v.mp4", [0.0, 0.1])
    monkeypatch.setattr("pose_edge.sources.video_file.MAX_PIXELS", 160 * 120 - 1)
    with pytest.raises(SourceError, match="160 x 120 pixels are too large"):
        VideoFile(str(path))


def test_a_title_that_is_not_utf_8(tmp_path: Path) -> None:
    path = write_titled_clip(tmp_path / "v.avi", coded_picture(0, 160, 120))
    assert codes(play(path)[0]) == [0]


@pytest.mark.parametrize("name", ["cam1-12:30:45.mp4", "http:v.mp4", "%d.mp4", b"caf\xe9.mp4"])
def test_a_name_is_never_anything_but_a_name(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, name: str | bytes
) -> None:
    monkeypatch.chdir(tmp_path)
    text = name if isinstance(name, str) else name.decode(errors="surrogateescape")
    write_video(tmp_path / "v.mp4", [0.0, 0.1]).rename(text)
    assert codes(play(Path(text))[0]) == [0, 1]
    with pytest.raises(SourceError):
        VideoFile(f"no-{text}")
