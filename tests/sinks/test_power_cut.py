"""What can be played of a recording after a power failure at any moment."""

from __future__ import annotations

import io
import random
import time
from contextlib import closing, suppress
from pathlib import Path
from typing import NamedTuple

import av
import numpy as np
import pytest
from helpers import coded_picture, noise, read_code, read_video

from pose_edge.config.outputs import RecordSettings
from pose_edge.frames import Image
from pose_edge.sinks import recorder as recorder_module
from pose_edge.sinks.recorder import FRAGMENT_S, Mp4, copied_picture
from pose_edge.sinks.segment_file import SegmentFile

FPS = 10
FRAMES = 45


class Step(NamedTuple):
    """An operation on the disk: a write at a place, or a sync if `data` is None."""

    place: int
    data: bytes | None
    frames: int


class LoggedFile(SegmentFile):
    """A file that records its writes and syncs."""

    steps: list[Step]
    frames = 0

    def write(self, data: object) -> int:
        self.steps.append(Step(self.tell(), bytes(data), type(self).frames))  # type: ignore[call-overload]
        return super().write(data)

    def sync(self) -> None:
        super().sync()
        self.steps.append(Step(0, None, type(self).frames))


def create(path: Path, kind: type[SegmentFile] = SegmentFile) -> SegmentFile:
    return kind(io.FileIO(path, "w+"), path, regular=True, live=True)


def shown(number: int) -> Image:
    image = coded_picture(number, 64, 48)
    # All pictures differ, so that the encoder has something to encode.
    image[::7] ^= noise(64, 48, number)[::7] // np.uint8(32)
    return image


@pytest.fixture(scope="module")
def steps(tmp_path_factory: pytest.TempPathFactory) -> list[Step]:
    """Record a video, syncing each fragment, and return the operations."""
    path = tmp_path_factory.mktemp("power") / "x.mp4"
    LoggedFile.steps, LoggedFile.frames = [], 0
    with closing(create(path, LoggedFile)) as file:
        video = Mp4(file, RecordSettings(quality=18), FPS)
        for number in range(FRAMES):
            LoggedFile.frames = number + 1
            video.write(copied_picture(shown(number), "BGR", number / FPS))
            if file.unsynced:
                file.sync()
        video.finish()
        file.sync()
    assert len(read_video(path)) == FRAMES
    return LoggedFile.steps


def build(path: Path, steps: list[Step]) -> Path:
    """Write the file that results from some operations."""
    content = bytearray()
    for place, data, _frames in steps:
        if data is not None:
            content.extend(bytes(max(0, place + len(data) - len(content))))
            content[place : place + len(data)] = data
    path.write_bytes(content)
    return path


def playable(path: Path) -> int:
    """Return the number of frames before the first damage; they must be the first frames."""
    count = 0
    with suppress(av.error.FFmpegError, IndexError), av.open(str(path)) as container:
        for packet in container.demux(container.streams.video[0]):
            for frame in packet.decode():
                assert frame.time == pytest.approx(count / FPS, abs=1e-4)
                if packet.is_corrupt:
                    return count
                picture = np.asarray(frame.to_ndarray(format="bgr24"), np.uint8)
                assert read_code(picture) == count
                count += 1
    return count


def test_less_than_a_second_is_lost_whatever_the_disk_did_meanwhile(
    steps: list[Step], tmp_path: Path
) -> None:
    """Any subset of the writes after the last sync may have reached the disk."""
    chance = random.Random(6)
    barriers = [index for index, step in enumerate(steps) if step.data is None]
    assert len(barriers) >= FRAMES / FPS / FRAGMENT_S - 1
    ends = [*barriers[1:], len(steps) - 1]
    for barrier, end in zip(barriers, ends, strict=True):
        between = [step for step in steps[barrier + 1 : end + 1] if step.data is not None]
        choices = [[], between, *([s for s in between if chance.random() < 0.5] for _ in range(4))]
        for chosen in choices:
            found = playable(build(tmp_path / "cut.mp4", [*steps[: barrier + 1], *chosen]))
            last = max((step.frames for step in between), default=steps[barrier].frames)
            lost = last - found
            if last > FPS:  # a new file may have no fragment yet
                assert lost <= FPS, f"{lost} of {last} frames are lost after step {barrier}"


def test_the_end_is_rewritten_only_when_all_of_it_is_there(steps: list[Step]) -> None:
    back = max(
        index for index, step in enumerate(steps) if step.data is not None and step.place < 1000
    )
    assert steps[back - 1].data is None, "brought to the disk before"
    assert len(steps[back].data or b"") <= 16, "in one piece"
    assert steps[-1].data is None, "and after"


def test_a_file_cut_anywhere_plays_up_to_there(steps: list[Step], tmp_path: Path) -> None:
    """The file is cut at each fragment's boundary and a few bytes before and after it."""
    back = max(
        index for index, step in enumerate(steps) if step.data is not None and step.place < 1000
    )
    whole = build(tmp_path / "whole.mp4", steps[:back]).read_bytes()
    boundaries = {step.place: step.frames for step in steps[:back] if step.data is not None}
    written = [(place, frames) for place, frames in sorted(boundaries.items()) if place > 1000]
    assert len(written) >= 4
    for place, frames in written:
        for cut in (place - 9, place - 1, place, place + 1, place + 7, place + 200):
            (tmp_path / "cut.mp4").write_bytes(whole[:cut])
            found = playable(tmp_path / "cut.mp4")
            # The fragment at `place` was written when the frame after its last frame arrived.
            least = frames - 1 - 2 * FRAGMENT_S * FPS
            assert found >= least, f"{found} frames of {len(whole[:cut])} bytes"


def test_times_are_kept_and_no_picture_waits_for_later_ones(tmp_path: Path) -> None:
    path = tmp_path / "x.mp4"
    file = create(path)
    video = Mp4(file, RecordSettings(preset="medium"), 30)
    times = [0.0, 0.1, 0.15, 0.2, 0.5, 0.9, 0.95, 3.7, 3.71, 9.0]
    for number, moment in enumerate(times):
        video.write(copied_picture(coded_picture(number), "BGR", 1000 + moment))
    copy = tmp_path / "copy.mp4"
    copy.write_bytes(path.read_bytes())
    assert len(read_video(copy)) >= 8, "all but the newest, long before the file is finished"
    video.finish()
    file.close()
    frames = read_video(path)
    assert [moment for moment, _ in frames] == pytest.approx(times, abs=1e-4)
    assert [read_code(image) for _, image in frames] == list(range(len(times)))


def test_a_file_takes_no_more_than_its_table_may(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(recorder_module, "MAX_FRAMES", 3)
    file = create(tmp_path / "x.mp4")
    video = Mp4(file, RecordSettings(), 30)
    taken = []
    for number in range(4):
        frame = copied_picture(coded_picture(number), "BGR", time.monotonic())
        taken.append(video.takes(frame))
        if taken[-1]:
            video.write(frame)
    assert taken == [True, True, True, False]
    video.finish()
    file.close()
