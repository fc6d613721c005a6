"""Recordings and pose files on real disks: segments, full disks, missing folders, hung writes."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from itertools import chain
from pathlib import Path

import pytest
from helpers import (
    coded_picture,
    make_frame,
    make_result,
    noise,
    pose,
    read_code,
    read_video,
    wait_until,
)
from pose_lines import strict

from pose_edge.config.outputs import PosesSettings, RecordSettings, StorageSettings
from pose_edge.sinks import recorder as recorder_module
from pose_edge.sinks import segment_files, segment_writer
from pose_edge.sinks.jsonl import pose_file
from pose_edge.sinks.message import PoseMessage
from pose_edge.sinks.recorder import recorder
from pose_edge.supervision.hung_threads import HUNG_LIMIT
from pose_edge.supervision.supervisor import Supervisor

FAST = 8.0
"""Speed of the supervisor's clock relative to real time, so that no test waits 20 s."""


@pytest.fixture(autouse=True)
def quick(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(segment_writer, "CHECK_INTERVAL_S", 0.1)


class Outputs:
    """The pose file of a live source, and a thread that checks its supervisor as a run does."""

    def __init__(self, folder: Path, **storage: float) -> None:
        self.storage = StorageSettings(**{"min_free": 0.0, **storage})
        self.faults: list[str | None] = []
        self.supervisor = Supervisor(lambda: time.monotonic() * FAST)
        self.lines = pose_file(
            PosesSettings(path=str(folder / "p.jsonl")),
            self.storage,
            report=self.faults.append,
            supervisor=self.supervisor,
        )
        self.sent = 0
        self._end = threading.Event()
        self._watch = threading.Thread(target=self._look, daemon=True)
        self._watch.start()

    def _look(self) -> None:
        while not self._end.wait(0.02):
            assert self.supervisor.look()

    def send(self) -> None:
        self.lines.send(PoseMessage.of(make_result(make_frame(index=self.sent), [pose(), pose()])))
        self.sent += 1
        time.sleep(0.002)

    def send_until_failed(self) -> None:
        def failed() -> bool:
            self.send()
            return self.lines.failed is not None

        wait_until(failed, "the fault")

    def send_until_well(self) -> None:
        def well() -> bool:
            self.send()
            return self.lines.failed is None

        wait_until(well, "the end of the fault")

    def close(self) -> None:
        self._end.set()
        self._watch.join()
        self.lines.close()


@contextmanager
def outputs(folder: Path, **storage: float) -> Iterator[Outputs]:
    made = Outputs(folder, **storage)
    made.lines.open()
    try:
        yield made
    finally:
        made.close()


def poses(path: Path) -> PosesSettings:
    return PosesSettings(path=str(path))


def numbers(path: Path) -> list[int]:
    """Return the frame numbers in a pose file; fail if a line is incomplete."""
    return [strict(line)["seq"] for line in path.read_text().splitlines()]


# --- segments -------------------------------------------------------------------------------------


def segments(folder: Path, name: str) -> list[Path]:
    """Return a folder's segments in order: at least three, as their number depends on timing."""
    first = folder / name
    count = len(list(folder.iterdir()))
    rest = [first.with_stem(f"{first.stem}-{number}") for number in range(2, count + 1)]
    assert count >= 3
    assert sorted([first, *rest]) == sorted(folder.iterdir())
    return [first, *rest]


def boxes(path: Path) -> list[str]:
    content, found, position = path.read_bytes(), [], 0
    while position < len(content):
        found.append(content[position + 4 : position + 8].decode())
        position += int.from_bytes(content[position : position + 4], "big")
    return found


def test_segments_lose_and_double_no_frame(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(recorder_module, "QUEUE_LENGTH", 1000)  # enough on a busy machine, too
    recording = recorder(
        RecordSettings(path=str(tmp_path / "r.mp4"), quality=18),
        StorageSettings(segment=0.01, min_free=0),
        frame_rate=30,
        report=lambda _reason: None,
    )
    recording.open()
    started = time.monotonic()
    count = 0
    while count < 40 or time.monotonic() - started < 1.6:
        recording.send(coded_picture(count), "BGR", 1000 + count / 30)
        count += 1
        time.sleep(0.02)
    recording.close()
    assert (recording.failed, recording.lost, recording.dropped) == (None, 0, 0)
    names = segments(tmp_path, "r.mp4")
    codes: list[int] = []
    for path in names:
        assert boxes(path).count("moov") == 1
        assert "moof" not in boxes(path), "finished: players seek in it"
        frames = read_video(path)
        times = [moment for moment, _ in frames]
        assert times == pytest.approx([index / 30 for index in range(len(times))], abs=1e-3)
        codes += [read_code(image) for _, image in frames]
    assert codes == list(range(count))


def test_segments_of_lines(tmp_path: Path) -> None:
    with outputs(tmp_path, segment=0.01) as made:

        def third_has_begun() -> bool:
            made.send()
            return (tmp_path / "p-3.jsonl").exists()

        wait_until(third_has_begun, "the third file")
    assert made.lines.lost == 0
    parts = [numbers(path) for path in segments(tmp_path, "p.jsonl")]
    assert list(chain.from_iterable(parts)) == list(range(made.sent))


def size_of(folder: Path) -> int:
    """Return the total size in bytes of a folder whose files may be removed meanwhile."""
    total = 0
    for path in folder.iterdir():
        with suppress(FileNotFoundError):
            total += path.stat().st_size
    return total


def test_what_is_kept_stays_within_its_bound(tmp_path: Path) -> None:
    (tmp_path / "p.txt").write_text("a stranger")
    with outputs(tmp_path, keep=0.001) as made:
        largest = 0
        for _ in range(1600):
            result = make_result(make_frame(index=made.sent), [pose(), pose()])
            made.lines.send(PoseMessage.of(result))
            made.sent += 1
            if made.sent % 40 == 0:
                time.sleep(0.02)
                largest = max(largest, size_of(tmp_path))
    kept = sorted(tmp_path.glob("p*.jsonl"), key=lambda path: path.stat().st_mtime_ns)
    assert 3 <= len(kept) <= 5
    assert not (tmp_path / "p.jsonl").exists(), "the oldest is gone"
    assert sum(path.stat().st_size for path in kept) < 1_300_000
    assert largest < 2_000_000
    assert numbers(kept[-1])[-1] == made.sent - 1
    assert (tmp_path / "p.txt").exists()


# --- disks ----------------------------------------------------------------------------------------


@contextmanager
def small_disk(folder: Path, megabytes: int) -> Iterator[Path]:
    """Mount a tmpfs of a given size; skip the test if mounting is not permitted."""
    folder.mkdir()
    mount = ["mount", "-t", "tmpfs", "-o", f"size={megabytes}M", "tmpfs", str(folder)]
    if os.geteuid() != 0 or subprocess.run(mount, check=False, capture_output=True).returncode:
        pytest.skip("mounting a small disk needs root")
    try:
        yield folder
    finally:
        subprocess.run(["umount", "--lazy", str(folder)], check=True)


def fill(path: Path, leave: int) -> None:
    """Fill a disk except for `leave` bytes."""
    with path.open("wb") as file:
        while (left := shutil.disk_usage(path.parent).free - leave) > 0:
            file.write(bytes(min(left, 1 << 16)))
            file.flush()


def test_a_full_disk_is_written_to_again_when_there_is_room(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level("INFO", "pose_edge")
    with small_disk(tmp_path / "disk", 4) as disk:
        fill(disk / "filler", 280_000)
        with outputs(disk) as made:
            made.send_until_failed()
            wait_until(lambda: "; it goes on when there is room" in caplog.text)
            (disk / "filler").unlink()
            made.send_until_well()
            last = made.sent
            for _ in range(20):
                made.send()
        assert numbers(disk / "p.jsonl")[0] == 0
        assert "No space left on device; restarting it in" in caplog.text
        newest = disk / "p-2.jsonl"
        assert f"poses: going on in {newest}" in caplog.text
        assert numbers(newest)[-20:] == list(range(last, last + 20))
        assert sorted(path.name for path in disk.iterdir()) == ["p-2.jsonl", "p.jsonl"]
        assert made.lines.lost
        assert made.faults[-1] is None


def test_a_recording_on_a_full_disk(tmp_path: Path) -> None:
    with small_disk(tmp_path / "disk", 4) as disk:
        fill(disk / "filler", 450_000)
        made = Outputs(disk)
        recording = recorder(
            RecordSettings(path=str(disk / "r.mp4")),
            made.storage,
            frame_rate=10,
            report=made.faults.append,
            supervisor=made.supervisor,
        )
        recording.open()
        count = 0

        def add_until(well: bool) -> None:
            def there() -> bool:
                nonlocal count
                recording.send(noise(64, 48, count), "BGR", count / 10)
                count += 1
                time.sleep(0.01)
                return (recording.failed is None) is well

            wait_until(there)

        add_until(well=False)
        (disk / "filler").unlink()
        add_until(well=True)
        recording.close()
        made.close()
        assert len(read_video(disk / "r.mp4")) >= 8, "what was recorded before plays"
        assert len(read_video(disk / "r-2.mp4")) >= 8
        assert sorted(path.name for path in disk.iterdir()) == ["r-2.mp4", "r.mp4"]


def test_with_too_little_room_nothing_is_written(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(segment_files, "RESERVE_SHARE", 100.0)  # lets the reserve exceed the disk
    free = shutil.disk_usage(tmp_path).free / 1e9
    with outputs(tmp_path, min_free=free * 2) as made:
        made.send_until_failed()
        (part,) = made.supervisor.parts
        wait_until(lambda: made.supervisor.parts[0].state.value == "waiting")
        assert part.name == "poses"
        for _ in range(20):
            made.send()
    assert "free on" in str(made.faults[0])
    assert made.lines.lost >= 20
    assert list(tmp_path.iterdir()) == []


def test_a_small_disk_is_written_to(tmp_path: Path) -> None:
    """The default reserve of 0.5 GB exceeds the whole disk, as in /run or on a small USB stick."""
    with small_disk(tmp_path / "disk", 4) as disk:
        with outputs(disk, min_free=0.5) as made:
            for _ in range(20):
                made.send()
        assert numbers(disk / "p.jsonl") == list(range(20))
        assert made.faults == []


def test_a_folder_that_goes_and_comes_back(tmp_path: Path) -> None:
    folder = tmp_path / "stick"
    folder.mkdir()
    with outputs(folder) as made:
        for _ in range(5):
            made.send()
        wait_until(lambda: numbers(folder / "p.jsonl")[-1:] == [4])
        folder.rename(tmp_path / "pulled")
        made.send_until_failed()
        assert made.lines.failed == f"there is no folder {folder}"
        folder.mkdir()
        made.send_until_well()
    assert made.faults == [f"there is no folder {folder}", None]
    assert numbers(folder / "p.jsonl")[-1] == made.sent - 1
    assert numbers(tmp_path / "pulled" / "p.jsonl")[:5] == [0, 1, 2, 3, 4]


def test_a_write_that_hangs_is_left_and_another_file_begun(tmp_path: Path) -> None:
    fifo, away = tmp_path / "p.jsonl", tmp_path / "away"
    before = threading.active_count()
    with outputs(tmp_path) as made:
        # The FIFO did not exist at the start, so it is taken for a file. As nobody reads it,
        # opening it hangs, like on a network disk that is gone.
        os.mkfifo(fifo)
        made.send_until_failed()
        assert made.faults == ["the output does not answer; trying again"]
        fifo.rename(away)
        made.send_until_well()
        last = made.sent
        for _ in range(10):
            made.send()
    assert numbers(fifo)[-10:] == list(range(last, last + 10))
    reader = os.open(away, os.O_RDONLY | os.O_NONBLOCK)
    try:
        wait_until(lambda: threading.active_count() <= before, "the end of the hung threads")
        assert os.read(reader, 1 << 20).count(b"\n") <= HUNG_LIMIT, "one that wakes up ends"
    finally:
        os.close(reader)


# --- after a kill ---------------------------------------------------------------------------------

PROGRAM = """
import sys, time, numpy as np
from pose_edge.config.outputs import RecordSettings, StorageSettings
from pose_edge.sinks.recorder import recorder
recording = recorder(RecordSettings(path=sys.argv[1]), StorageSettings(min_free=0),
                     frame_rate=20.0, report=print)
recording.open()
for number in range(10**6):
    recording.send(np.full((64, 64, 3), number % 200, np.uint8), "BGR", time.monotonic())
    print(number, flush=True)
    time.sleep(0.05)
"""


def test_a_killed_recording_plays_up_to_the_last_second(tmp_path: Path) -> None:
    path = tmp_path / "r.mp4"
    process = subprocess.Popen(
        [sys.executable, "-c", PROGRAM, str(path)], stdout=subprocess.PIPE, text=True
    )
    assert process.stdout is not None
    for line in process.stdout:
        if int(line) >= 50:
            break
    process.kill()
    process.wait(30)
    process.stdout.close()
    frames = read_video(path)
    last = int(frames[-1][1].mean().round())
    assert 50 - last <= 21, "20 frames a second"


# --- changes of settings --------------------------------------------------------------------------


def test_other_settings_while_it_runs(tmp_path: Path) -> None:
    with outputs(tmp_path) as made:
        for _ in range(5):
            made.send()
        made.lines.change(poses(tmp_path / "p.jsonl"), made.storage)  # nothing changes
        for _ in range(5):
            made.send()
        made.lines.change(poses(tmp_path / "q.jsonl"), made.storage)
        for _ in range(5):
            made.send()
        wait_until((tmp_path / "q.jsonl").exists)
        made.lines.change(PosesSettings(), made.storage)
        made.send()
        assert not made.lines.active
        made.lines.change(poses(tmp_path / "q.jsonl"), made.storage)
        for _ in range(5):
            made.send()
    assert numbers(tmp_path / "p.jsonl") == list(range(10))
    assert numbers(tmp_path / "q.jsonl") == list(range(10, 15))
    assert numbers(tmp_path / "q-2.jsonl") == list(range(16, 21))
    assert (made.lines.lost, made.lines.failed) == (0, None)


def test_a_change_that_cannot_be_leaves_all_as_it_is(tmp_path: Path) -> None:
    from pose_edge.errors import OutputError, UsageError

    settings = RecordSettings(path=str(tmp_path / "r.mp4"))
    recording = recorder(
        settings, StorageSettings(min_free=0), frame_rate=30, report=lambda _reason: None
    )
    recording.open()
    recording.send(coded_picture(0), "BGR", 0.0)
    wait_until((tmp_path / "r.mp4").exists)
    with pytest.raises(OutputError, match="there is no folder"):
        recording.change(RecordSettings(path=str(tmp_path / "gone" / "r.mp4")), StorageSettings())
    with pytest.raises(UsageError, match=r"must end in \.mp4"):
        recording.change(
            settings.model_copy(update={"path": str(tmp_path / "r.avi")}), StorageSettings()
        )
    recording.send(coded_picture(1), "BGR", 0.1)
    recording.change(settings.model_copy(update={"quality": 30}), StorageSettings(min_free=0))
    recording.send(coded_picture(2), "BGR", 0.2)
    recording.close()
    assert [read_code(image) for _, image in read_video(tmp_path / "r.mp4")] == [0, 1]
    assert [read_code(image) for _, image in read_video(tmp_path / "r-2.mp4")] == [2]


def test_another_kind_of_source_while_it_runs(tmp_path: Path) -> None:
    """With a video file no line is dropped and no file overwritten; then it is a camera again."""
    settings = poses(tmp_path / "p.jsonl")
    with outputs(tmp_path) as made:
        for _ in range(5):
            made.send()
        wait_until((tmp_path / "p.jsonl").exists)
        made.lines.change(settings, None)
        assert made.supervisor.parts == [], "a failure is for good"
        for _ in range(600):  # more than the queue holds
            made.lines.send(PoseMessage.of(make_result(make_frame(index=made.sent))))
            made.sent += 1
        wait_until((tmp_path / "p-2.jsonl").exists)
        made.lines.change(settings, made.storage)
        assert [part.name for part in made.supervisor.parts] == ["poses"]
        made.send()
    assert numbers(tmp_path / "p.jsonl") == list(range(5))
    assert numbers(tmp_path / "p-2.jsonl") == list(range(5, 605))
    assert numbers(tmp_path / "p-3.jsonl") == [605]


def test_what_is_put_while_it_is_changed_is_not_lost(tmp_path: Path) -> None:
    names = [tmp_path / f"{name}.jsonl" for name in "abcdef"]
    lines = pose_file(poses(names[0]), None, report=lambda _reason: None)
    lines.open()

    def send() -> None:
        for index in range(2000):
            lines.send(PoseMessage.of(make_result(make_frame(index=index))))

    thread = threading.Thread(target=send)
    thread.start()
    for name in names[1:]:
        time.sleep(0.02)
        lines.change(poses(name), None)
    thread.join()
    lines.close()
    found = [numbers(name) for name in names if name.exists()]
    assert [number for part in found for number in part] == list(range(2000))
    assert lines.lost == 0
