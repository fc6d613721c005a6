from __future__ import annotations

import errno
import gc
import itertools
import shutil
import subprocess
import sys
import time
from collections.abc import Callable, Sequence
from pathlib import Path

import numpy as np
import pytest
from helpers import coded_picture, noise, read_code, read_video, smooth, wait_until

from pose_edge.config.outputs import RecordSettings, StorageSettings
from pose_edge.errors import OutputError, UsageError
from pose_edge.frames import ColourOrder, Image
from pose_edge.sinks import segment_files as files_module
from pose_edge.sinks.recorder import Mp4, Recorder, copied_picture, recorder
from pose_edge.sinks.segment_file import SegmentFile

SETTINGS = RecordSettings(quality=18)


def started(
    path: Path,
    *,
    frame_rate: float | None = 30.0,
    storage: StorageSettings | None = None,
    replace: bool = False,
) -> tuple[Recorder, list[str | None]]:
    reports: list[str | None] = []
    settings = SETTINGS.model_copy(update={"path": str(path)})
    made = recorder(
        settings, storage, frame_rate=frame_rate, report=reports.append, replace=replace
    )
    made.open()
    return made, reports


def record(
    path: Path,
    times: Sequence[float],
    width: int = 160,
    height: int = 120,
    *,
    frame_rate: float = 30.0,
    storage: StorageSettings | None = None,
) -> None:
    made, reports = started(path, frame_rate=frame_rate, storage=storage)
    for index, moment in enumerate(times):
        made.send(coded_picture(index, width, height), "BGR", moment)
    made.close()
    assert made.failed is None
    assert reports == []


def test_ffmpeg_is_not_loaded_by_the_thread_that_sends_pictures() -> None:
    code = (
        "import sys, numpy; from pose_edge.sinks.recorder import copied_picture; "
        "copied_picture(numpy.zeros((2, 2, 3), numpy.uint8), 'RGB', 0.0); "
        "sys.exit('av' in sys.modules)"
    )
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0


@pytest.mark.parametrize(
    ("width", "height"), [(160, 120), (161, 120), (160, 121), (161, 121), (16, 16), (33, 17)]
)
def test_every_picture_in_its_size_odd_ones_too(tmp_path: Path, width: int, height: int) -> None:
    path = tmp_path / "x.mp4"
    record(path, [index / 30 for index in range(40)], width, height)
    frames = read_video(path)
    assert len(frames) == 40
    assert {image.shape for _, image in frames} == {(height, width, 3)}
    assert [read_code(image) for _, image in frames] == list(range(40))


@pytest.mark.parametrize(
    "times",
    [
        [0.0, 0.1, 0.15, 0.2, 0.5, 0.9, 0.95, 3.7],
        [1763800000.0 + index * 0.0333 for index in range(20)],
        [5.0],
    ],
)
def test_pictures_are_at_their_times_from_the_first(tmp_path: Path, times: list[float]) -> None:
    path = tmp_path / "x.mp4"
    record(path, times)
    found = [moment for moment, _ in read_video(path)]
    assert found == pytest.approx([moment - times[0] for moment in times], abs=1e-4)


def test_times_that_run_backwards_still_rise(tmp_path: Path) -> None:
    path = tmp_path / "x.mp4"
    record(path, [10.0, 10.1, 9.5, 10.1, 10.1, 10.3])
    found = [moment for moment, _ in read_video(path)]
    assert len(found) == 6
    assert found == sorted(set(found))
    assert found == pytest.approx([0, 0.1, 0.1, 0.1, 0.1, 0.3], abs=1e-3)


def test_times_that_begin_anew_go_on_from_there(tmp_path: Path) -> None:
    """When a clip is replayed in a loop, its later rounds must not be squeezed into the end."""
    path = tmp_path / "x.mp4"
    record(path, [0.0, 10.0, 20.0, 0.0, 10.0, 20.0], frame_rate=10.0)
    found = [moment for moment, _ in read_video(path)]
    assert found == pytest.approx([0, 10, 20, 20.1, 30.1, 40.1], abs=1e-3)


@pytest.mark.parametrize("live", [False, True])
def test_a_pause_that_a_file_cannot_hold_begins_the_next(tmp_path: Path, live: bool) -> None:
    """The camera was away for 7 hours; a file can hold a pause of 6.5 hours."""
    hour = 3600.0
    times = [0.0, 0.1, 6.5 * hour, 6.5 * hour + 0.1, 13.5 * hour, 13.5 * hour + 0.2]
    storage = StorageSettings(min_free=0.0) if live else None
    record(tmp_path / "x.mp4", times, storage=storage)
    first, second = (
        [moment for moment, _ in read_video(tmp_path / name)] for name in ("x.mp4", "x-2.mp4")
    )
    assert first == pytest.approx(times[:4], abs=1e-3)
    assert second == pytest.approx([0.0, 0.2], abs=1e-3)


@pytest.mark.parametrize("order", ["RGB", "BGR"])
def test_colours_are_right(tmp_path: Path, order: ColourOrder) -> None:
    red = (200, 20, 10) if order == "RGB" else (10, 20, 200)
    image = np.empty((64, 64, 3), dtype=np.uint8)
    image[:] = red
    made, _ = started(tmp_path / "x.mp4")
    made.send(image, order, 0.0)
    image[:] = 0  # the picture was copied, so the canvas may be reused
    made.close()
    ((_, found),) = read_video(tmp_path / "x.mp4")
    assert found.mean(axis=(0, 1)) == pytest.approx((10, 20, 200), abs=6)


def test_another_size_in_the_middle_is_scaled_to_the_first(tmp_path: Path) -> None:
    made, _ = started(tmp_path / "x.mp4")
    for index, size in enumerate([(160, 120), (320, 240), (81, 61), (160, 120)]):
        made.send(coded_picture(index, *size), "BGR", index / 30)
    made.close()
    frames = read_video(tmp_path / "x.mp4")
    assert {image.shape for _, image in frames} == {(120, 160, 3)}
    assert [read_code(image) for _, image in frames] == [0, 1, 2, 3]


@pytest.mark.parametrize(("size", "bars"), [((90, 160), "sides"), ((160, 40), "above and below")])
def test_another_shape_in_the_middle_is_not_distorted(
    tmp_path: Path, size: tuple[int, int], bars: str
) -> None:
    made, _ = started(tmp_path / "x.mp4")
    made.send(coded_picture(0), "BGR", 0.0)
    made.send(np.full((size[1], size[0], 3), 200, np.uint8), "BGR", 0.1)
    made.close()
    _, (_, image) = read_video(tmp_path / "x.mp4")
    bright = image.mean(axis=2) > 100
    assert bright[60, 80]
    columns, rows = bright.any(axis=0).sum(), bright.any(axis=1).sum()
    assert columns / rows == pytest.approx(size[0] / size[1], rel=0.06)
    dark = bright[60, 2] if bars == "sides" else bright[2, 80]
    assert not dark


def test_a_recording_that_is_cut_off_plays_up_to_there(tmp_path: Path) -> None:
    """The file is copied while it is being written, which looks like a power failure."""
    path = tmp_path / "x.mp4"
    made, _ = started(path, frame_rate=10.0)
    for index in range(65):
        made.send(coded_picture(index), "BGR", index / 10)

    def readable() -> int:
        copy = tmp_path / "copy.mp4"
        shutil.copy(path, copy)
        try:
            return len(read_video(copy))
        except (OSError, ValueError, IndexError):
            return 0

    wait_until(lambda: path.exists() and readable() >= 40, "a playable part")
    frames = read_video(tmp_path / "copy.mp4")
    assert [read_code(image) for _, image in frames] == list(range(len(frames)))
    made.close()
    assert len(read_video(path)) == 65


def test_a_killed_process_leaves_a_playable_recording(tmp_path: Path) -> None:
    program = (
        "import sys, time, numpy as np\n"
        "from pose_edge.config.outputs import RecordSettings\n"
        "from pose_edge.sinks.recorder import recorder\n"
        "settings = RecordSettings(path=sys.argv[1])\n"
        "r = recorder(settings, None, frame_rate=10.0, report=print)\n"
        "r.open()\n"
        "for n in range(10**6):\n"
        "    r.send(np.full((64, 64, 3), n % 200, np.uint8), 'BGR', n / 10)\n"
        "    time.sleep(0.002)\n"
    )
    path = tmp_path / "x.mp4"
    process = subprocess.Popen([sys.executable, "-c", program, str(path)])
    try:
        wait_until(lambda: path.exists() and path.stat().st_size > 20_000, "a recording")
    finally:
        process.kill()
        process.wait(30)
    assert len(read_video(path)) >= 10


def test_closed_in_order_it_is_a_plain_file(tmp_path: Path) -> None:
    path = tmp_path / "x.mp4"
    record(path, [index / 30 for index in range(90)])
    content, boxes, position = path.read_bytes(), [], 0
    while position < len(content):
        boxes.append(content[position + 4 : position + 8].decode())
        position += int.from_bytes(content[position : position + 4], "big")
    assert boxes.count("moov") == 1
    assert "moof" not in boxes, "players seek in plain files only"


def test_a_full_disk_ends_the_recording_with_a_message(tmp_path: Path) -> None:
    path = tmp_path / "x.mp4"
    path.symlink_to("/dev/full")
    made, reports = started(path)
    for index in range(90):
        made.send(noise(160, 120, index), "BGR", index / 30)
    made.close()
    assert made.failed is not None
    assert made.failed == f"recording {path} ended: No space left on device"
    assert reports == [made.failed]


class SmallDisk(SegmentFile):
    """A file on a disk with room for a fixed number of bytes."""

    room = 60_000

    def write(self, data: object) -> int:
        if self.tell() + len(memoryview(data)) > self.room and self.error is None:  # type: ignore[arg-type]
            self.error = OSError(28, "No space left on device")
        return super().write(data)


def test_a_disk_that_fills_up_leaves_what_was_recorded(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(files_module, "SegmentFile", SmallDisk)
    path = tmp_path / "x.mp4"
    made, reports = started(path, frame_rate=5.0)
    for index in itertools.count():
        made.send(noise(64, 48, index), "BGR", index / 5)
        if made.failed is not None:
            break
        assert index < 2000
    for _ in range(50):  # later pictures do not block
        made.send(noise(64, 48), "BGR", index / 5)
    made.close()
    assert reports == [f"recording {path} ended: No space left on device"]
    assert path.stat().st_size <= SmallDisk.room
    assert len(read_video(path)) >= 5


@pytest.mark.parametrize("turn", [np.fliplr, np.rot90, lambda image: image[:, :, ::-1]])
def test_a_picture_may_be_a_view_of_another(tmp_path: Path, turn: Callable[[Image], Image]) -> None:
    shown = turn(smooth(64, 48))
    made, _reports = started(tmp_path / "r.mp4")
    made.send(shown, "BGR", 0.0)
    made.close()
    assert made.failed is None
    ((_, picture),) = read_video(tmp_path / "r.mp4")
    assert picture.shape == shown.shape
    assert np.abs(picture.astype(int) - shown).mean() < 8


def test_a_failed_recording_keeps_no_encoder(tmp_path: Path) -> None:
    def threads() -> int:
        return len(list(Path("/proc/self/task").iterdir()))

    path = tmp_path / "r.mp4"
    with path.open("w+b", buffering=0) as raw:
        file = SegmentFile(raw, path, regular=True, live=True)
        video = Mp4(file, SETTINGS, 30.0)
        gc.collect()
        before = threads()
        video.write(copied_picture(coded_picture(0, 640, 360), "BGR", 0.0))
        file.error = OSError(errno.ENOSPC, "No space left on device")
        failures = []
        for index in (1, 2):
            with pytest.raises(OSError, match="No space") as failure:
                video.write(copied_picture(coded_picture(index, 640, 360), "BGR", index * 0.9))
            failures.append(failure)
        with pytest.raises(OSError, match="No space") as failure:
            video.finish()
        gc.collect()
        wait_until(lambda: threads() <= before, "the end of the encoder's threads")
        assert len(failures) == 2, "their tracebacks are still there"


def test_a_live_recording_never_holds_up_the_picture(tmp_path: Path) -> None:
    made, _ = started(tmp_path / "x.mp4", storage=StorageSettings(min_free=0))
    picture = noise(640, 480)
    began = time.monotonic()
    for index in range(60):
        made.send(picture, "BGR", index / 30)
    assert time.monotonic() - began < 20
    made.close()
    assert made.failed is None
    assert 1 <= len(read_video(tmp_path / "x.mp4")) <= 60


@pytest.mark.parametrize("name", ["x.avi", "x", "x.mp4.txt"])
def test_other_kinds_of_files_are_refused(tmp_path: Path, name: str) -> None:
    with pytest.raises(UsageError, match=r"must end in \.mp4"):
        started(tmp_path / name)


def test_a_place_that_cannot_be_written_is_refused_at_the_start(tmp_path: Path) -> None:
    with pytest.raises(OutputError, match="there is no folder"):
        started(tmp_path / "gone" / "x.mp4")
    (tmp_path / "folder.mp4").mkdir()
    with pytest.raises(OutputError, match="is a folder"):
        started(tmp_path / "folder.mp4")


def test_without_a_picture_there_is_no_file(tmp_path: Path) -> None:
    path = tmp_path / "x.mp4"
    path.write_bytes(b"kept")
    made, _ = started(path, replace=True)
    made.close()
    assert path.read_bytes() == b"kept"


@pytest.mark.parametrize("frame_rate", [None, 0.5, 29.97, 240.0])
def test_any_frame_rate(tmp_path: Path, frame_rate: float | None) -> None:
    made, _ = started(tmp_path / "x.mp4", frame_rate=frame_rate)
    for index in range(5):
        made.send(coded_picture(index), "BGR", index / (frame_rate or 30))
    made.close()
    assert made.failed is None
    assert len(read_video(tmp_path / "x.mp4")) == 5
