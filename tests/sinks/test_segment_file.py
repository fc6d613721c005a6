from __future__ import annotations

import errno
import io
import os
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pose_edge.sinks.segment_file import SegmentFile


class FailingFile:
    """A raw file that accepts a limited number of bytes, at most `at_once` per call."""

    def __init__(self, room: int, at_once: int = 1 << 30) -> None:
        self.room, self.at_once = room, at_once
        self.content = bytearray()
        self.position = 0
        self.closed = False
        self.calls_after_failure = 0
        self.failed = False

    def write(self, data: memoryview) -> int:
        self.calls_after_failure += self.failed
        count = min(len(data), self.at_once, self.room - self.position)
        if count <= 0:
            self.failed = True
            raise OSError(errno.ENOSPC, "No space left on device")
        self.content[self.position : self.position + count] = data[:count]
        self.position += count
        return count

    def read(self, size: int) -> bytes:
        data = bytes(self.content[self.position :][:size])
        self.position += len(data)
        return data

    def seek(self, offset: int, whence: int = os.SEEK_SET) -> int:
        self.calls_after_failure += self.failed
        base = {os.SEEK_SET: 0, os.SEEK_CUR: self.position, os.SEEK_END: len(self.content)}
        self.position = base[whence] + offset
        return self.position

    def truncate(self, size: int) -> int:
        del self.content[size:]
        return size

    def close(self) -> None:
        self.closed = True


def create(path: Path, *, live: bool = False) -> SegmentFile:
    return SegmentFile(io.FileIO(path, "w+"), path, regular=True, live=live)


def failing(room: int, at_once: int = 1 << 30) -> tuple[SegmentFile, FailingFile]:
    raw = FailingFile(room, at_once)
    made = SegmentFile(raw, Path("x.mp4"), regular=True, live=False)  # type: ignore[arg-type]
    return made, raw


def test_it_is_a_file(tmp_path: Path) -> None:
    path = tmp_path / "x.mp4"
    path.write_bytes(b"longer content of another time")
    file = create(path)
    assert file.write(b"0123456789") == 10
    assert file.tell() == 10
    assert file.seek(2) == 2
    assert file.write(memoryview(b"ab")) == 2
    assert file.seek(-1, os.SEEK_CUR) == 3
    assert file.read(2) == b"b4"
    assert file.tell() == 5
    assert file.seek(0, os.SEEK_END) == 10
    assert file.read() == b""
    file.close()
    file.close()
    assert path.read_bytes() == b"01ab456789"
    assert file.error is None


def test_a_write_that_is_taken_in_parts_is_written_whole() -> None:
    file, raw = failing(100, at_once=7)
    assert file.write(bytes(range(50))) == 50
    assert bytes(raw.content) == bytes(range(50))
    assert file.error is None
    file.close()


def test_what_lies_on_a_full_disk_stays_as_it_is() -> None:
    file, raw = failing(25, at_once=10)
    assert file.write(b"a" * 20) == 20
    file.settle()
    assert file.write(b"b" * 20) == 20, "the caller must not see the failure"
    assert file.error is not None
    assert file.error.errno == errno.ENOSPC
    kept = bytes(raw.content)
    assert kept == b"a" * 20, "no half of what was written last"
    with pytest.raises(OSError, match="No space left"):
        file.settle()
    # To finish a file, FFmpeg seeks back, overwrites the start, reads, and seeks to the end.
    assert file.tell() == 40
    assert file.seek(4) == 4
    assert file.write(b"finish") == 6
    assert file.tell() == 10
    assert file.seek(5, os.SEEK_CUR) == 15
    assert file.read(4) == b""
    assert bytes(raw.content) == kept
    assert raw.calls_after_failure == 0
    file.close()
    assert raw.closed


@given(
    st.lists(
        st.one_of(
            st.tuples(st.just("write"), st.integers(0, 40)),
            st.tuples(st.just("seek"), st.integers(0, 100)),
            st.tuples(st.just("read"), st.integers(0, 20)),
        ),
        max_size=20,
    ),
    st.integers(0, 120),
    st.integers(1, 30),
)
def test_whatever_is_done_after_a_failure_changes_nothing_on_the_disk(
    steps: list[tuple[str, int]],
    room: int,
    at_once: int,
) -> None:
    file, raw = failing(room, at_once)
    kept: bytes | None = None
    for what, number in steps:
        if what == "write":
            before = file.tell()
            assert file.write(b"x" * number) == number
            assert file.tell() == before + number
        elif what == "seek":
            assert file.seek(number) == number
        else:
            assert len(file.read(number)) <= number
        if file.error is not None:
            kept = bytes(raw.content) if kept is None else kept
            assert bytes(raw.content) == kept
    file.close()


@pytest.mark.parametrize("live", [False, True])
def test_all_is_on_the_disk_before_the_start_is_rewritten(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, live: bool
) -> None:
    synced: list[bytes] = []
    path = tmp_path / "x.mp4"
    monkeypatch.setattr(os, "fdatasync", lambda _descriptor: synced.append(path.read_bytes()))
    file = create(path, live=live)
    file.write(b"head, frames, end")
    assert (file.size, file.unsynced, file.safe) == (17, True, 0)
    file.seek(0)
    file.write(b"plan")
    assert synced == ([b"head, frames, end"] if live else [])
    file.sync()
    assert synced[-1] == b"plan, frames, end"
    assert (file.size, file.unsynced, file.safe) == (17, False, 17)
    file.close()


def test_where_that_fails_the_start_stays_as_it_is(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail(_descriptor: int) -> None:
        raise OSError(errno.EIO, "Input/output error")

    monkeypatch.setattr(os, "fdatasync", fail)
    file = create(tmp_path / "x.mp4", live=True)
    file.write(b"head, frames")
    assert file.seek(0) == 0
    assert file.write(b"plan") == 4
    file.close()
    assert file.error is not None
    assert file.error.errno == errno.EIO
    assert (tmp_path / "x.mp4").read_bytes() == b"head, frames"


# --- missing files and streams --------------------------------------------------------------------


def test_a_file_that_is_gone_is_noticed(tmp_path: Path) -> None:
    file = create(tmp_path / "x.mp4")
    file.check_place()
    (tmp_path / "x.mp4").rename(tmp_path / "y.mp4")
    with pytest.raises(OSError, match="moved or removed while it was written"):
        file.check_place()
    (tmp_path / "x.mp4").touch()
    with pytest.raises(OSError, match="moved or removed while it was written"):
        file.check_place()
    file.close()


def test_nothing_is_cut_off_a_stream() -> None:
    """Standard output may be appended to a file with content from before this run."""
    raw = FailingFile(18)
    raw.write(memoryview(b"earlier lines\n"))
    stream = SegmentFile(raw, Path("-"), regular=False, live=False)  # type: ignore[arg-type]
    stream.write(b"x\n")
    stream.settle()
    stream.write(b"lost")
    assert stream.error is not None
    assert bytes(raw.content) == b"earlier lines\nx\nlo"
