from __future__ import annotations

from pathlib import Path

import av
import numpy as np
import pytest
from helpers import read_code, write_video

from pose_edge.errors import EndOfStream, SourceError
from pose_edge.frames import Frame
from pose_edge.sources.video import Video
from pose_edge.util import resources

EVEN = [index / 10 for index in range(12)]
UNEVEN = [0, 0.1, 0.15, 0.2, 0.5, 0.9, 0.95, 1.7]


def read_all(video: Video, limit: int = 1000) -> list[Frame]:
    """Return all frames up to the end, each in its own memory."""
    found: list[Frame] = []
    for _ in range(limit):
        try:
            frame = video.read(1.0)
        except EndOfStream:
            return found
        if frame is not None:
            found.append(frame)
    return found


@pytest.mark.parametrize("b_frames", [0, 3])
@pytest.mark.parametrize("times", [EVEN, UNEVEN, [0.0]])
def test_every_frame_in_order_with_its_own_time(
    tmp_path: Path, times: list[float], b_frames: int
) -> None:
    path = write_video(tmp_path / "v.mp4", times, b_frames=b_frames)
    video = Video(str(path))
    video.open()
    frames = read_all(video)
    video.close()
    assert [read_code(frame.image) for frame in frames] == list(range(len(times)))
    assert [frame.index for frame in frames] == list(range(len(times)))
    assert [frame.time for frame in frames] == pytest.approx(times, abs=1e-4)
    assert {frame.order for frame in frames} == {"BGR"}
    assert all(frame.file is None for frame in frames)


def test_the_demo_clip_as_another_library_reads_it() -> None:
    video = Video(str(resources.demo_clip()))
    video.open()
    assert video.frame_rate == pytest.approx(30)
    assert video.frame_count == 230
    memory = np.zeros((720, 1280, 3), dtype=np.uint8)
    count = 0
    with av.open(str(resources.demo_clip())) as container:
        for expected in container.decode(video=0):
            frame = video.read(1.0, memory)
            assert frame is not None
            assert frame.time == pytest.approx(expected.time, abs=1e-3)
            if count % 46 == 0:
                image = expected.to_ndarray(format="bgr24")
                assert np.abs(frame.image.astype(int) - image.astype(int)).mean() < 2
            count += 1
    assert count == 230
    with pytest.raises(EndOfStream):
        video.read(1.0, memory)
    video.close()


def test_it_is_neither_live_nor_still() -> None:
    video = Video("x.mp4")
    assert (video.live, video.still) == (False, False)
    assert Video("/some/where/x.mp4").describe() == "x.mp4"


def test_memory_that_fits_is_used_again(tmp_path: Path) -> None:
    video = Video(str(write_video(tmp_path / "v.mp4", EVEN)))
    video.open()
    memory = np.zeros((120, 160, 3), dtype=np.uint8)
    frame = video.read(1.0, memory)
    assert frame is not None
    assert frame.image.ctypes.data == memory.ctypes.data
    assert read_code(memory) == 0
    small = np.zeros((12, 16, 3), dtype=np.uint8)
    frame = video.read(1.0, small)
    assert frame is not None
    assert frame.image.shape == (120, 160, 3)
    assert read_code(frame.image) == 1
    assert not small.any()
    assert read_code(memory) == 0, "an earlier frame is not touched"
    video.close()


@pytest.mark.parametrize("times", [EVEN, UNEVEN])
def test_a_loop_goes_on_counting_and_time_never_runs_backwards(
    tmp_path: Path, times: list[float]
) -> None:
    video = Video(str(write_video(tmp_path / "v.mp4", times)), loop=True)
    video.open()
    assert video.frame_count is None
    count = len(times)
    frames = [frame for frame in (video.read(1.0) for _ in range(3 * count)) if frame]
    video.close()
    assert [frame.index for frame in frames] == list(range(len(frames)))
    assert [read_code(frame.image) for frame in frames] == [i % count for i in range(len(frames))]
    assert [frame.round for frame in frames] == [i // count for i in range(len(frames))]
    moments = [frame.time for frame in frames]
    assert moments == sorted(set(moments))
    # In the second round, the pauses are the file's.
    second = moments[count : 2 * count]
    assert [m - second[0] for m in second] == pytest.approx(times, abs=1e-3)


def test_the_end_is_the_end(tmp_path: Path) -> None:
    video = Video(str(write_video(tmp_path / "v.mp4", [0.0, 0.1])))
    video.open()
    assert len(read_all(video)) == 2
    for _ in range(3):
        with pytest.raises(EndOfStream):
            video.read(1.0)
    video.close()


@pytest.mark.parametrize("content", [b"", b"no video at all" * 100])
def test_what_is_no_video_is_refused(tmp_path: Path, content: bytes) -> None:
    path = tmp_path / "v.mp4"
    path.write_bytes(content)
    with pytest.raises(SourceError, match="is not a video that can be read"):
        Video(str(path)).open()
    with pytest.raises(SourceError):
        Video(str(tmp_path / "gone.mp4")).open()


@pytest.mark.parametrize("loop", [False, True])
def test_a_video_without_a_frame_is_an_error_and_no_endless_loop(
    tmp_path: Path, loop: bool
) -> None:
    whole = write_video(tmp_path / "v.mp4", EVEN).read_bytes()
    # The index is kept but the pictures are zeros: the file opens, but no frame can be decoded.
    start = whole.index(b"mdat") + 4
    size = int.from_bytes(whole[start - 8 : start - 4], "big") - 8
    path = tmp_path / "hollow.mp4"
    path.write_bytes(whole[:start] + b"\0" * size + whole[start + size :])
    video = Video(str(path), loop=loop)

    def play() -> None:
        video.open()
        read_all(video, limit=50)

    with pytest.raises(SourceError):
        play()
    video.close()


def test_reading_without_opening_is_a_mistake_and_closing_twice_is_none(tmp_path: Path) -> None:
    video = Video(str(write_video(tmp_path / "v.mp4", EVEN)))
    video.close()
    with pytest.raises(RuntimeError):
        video.read(1.0)
    video.open()
    video.close()
    video.close()


def test_a_phone_held_upright_gives_an_upright_picture(tmp_path: Path) -> None:
    """Phones record upright videos rotated, and store the rotation in the file."""
    import av

    path = tmp_path / "v.mp4"
    with av.open(str(path), "w") as container:
        stream = container.add_stream("mpeg4", rate=10)
        stream.width, stream.height, stream.pix_fmt = 160, 120, "yuv420p"
        image = np.zeros((120, 160, 3), dtype=np.uint8)
        image[:, :80] = 255
        for _ in range(3):
            container.mux(stream.encode(av.VideoFrame.from_ndarray(image, format="bgr24")))
        container.mux(stream.encode())
    content = bytearray(path.read_bytes())
    matrix = b"".join(v.to_bytes(4, "big", signed=True) for v in (65536, 0, 0, 0, 65536, 0, 0, 0))
    turned = (0, 65536, 0, -65536, 0, 0, 120 * 65536, 0)
    at = content.index(matrix, content.index(b"tkhd"))
    content[at : at + 32] = b"".join(v.to_bytes(4, "big", signed=True) for v in turned)
    path.write_bytes(content)
    video = Video(str(path))
    video.open()
    frame = video.read(1.0)
    assert frame is not None
    assert (frame.width, frame.height) == (120, 160)
    assert frame.image[:60].mean() > 200
    assert frame.image[100:].mean() < 50
    video.close()


def test_the_file_is_closed(tmp_path: Path) -> None:
    path = write_video(tmp_path / "v.mp4", EVEN)

    def held() -> int:
        links = (link for link in Path("/proc/self/fd").iterdir())
        return sum(str(path) == str(link.readlink()) for link in links if link.is_symlink())

    video = Video(str(path))
    video.open()
    assert held() == 1
    video.open()
    assert held() == 1
    video.close()
    assert held() == 0
