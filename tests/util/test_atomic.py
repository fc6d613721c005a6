from __future__ import annotations

import os
import random
import secrets
import subprocess
import sys
import time
from pathlib import Path

import pytest
from helpers import wait_until

from pose_edge.util import atomic
from pose_edge.util.atomic import link_atomically, write_atomically, write_complete

CONTENTS = ("old " * 50_000, "new!" * 80_000)

WRITER = """
import itertools, sys
from pathlib import Path
from pose_edge.util.atomic import write_atomically
contents = [Path(name).read_text() for name in sys.argv[2:]]
for content in itertools.cycle(contents):
    write_atomically(Path(sys.argv[1]), content)
"""


def leftovers(folder: Path) -> list[Path]:
    return list(folder.glob(".*.part"))


def test_a_new_file(tmp_path: Path) -> None:
    write_atomically(tmp_path / "config.yaml", "ä: 1\n")
    assert (tmp_path / "config.yaml").read_bytes() == b"\xc3\xa4: 1\n"
    assert (tmp_path / "config.yaml").stat().st_mode & 0o7777 == 0o644
    assert leftovers(tmp_path) == []


def test_the_mode_stays(tmp_path: Path) -> None:
    path = tmp_path / "secret"
    path.write_text("old")
    path.chmod(0o640)
    write_atomically(path, b"new")
    assert (path.read_bytes(), path.stat().st_mode & 0o7777) == (b"new", 0o640)


@pytest.mark.skipif(os.geteuid() != 0, reason="only root gives files away")
def test_the_owner_stays(tmp_path: Path) -> None:
    path = tmp_path / "theirs"
    path.write_text("old")
    os.chown(path, 12345, 23456)
    write_atomically(path, "new")
    assert (path.stat().st_uid, path.stat().st_gid) == (12345, 23456)


def test_a_link_still_leads_there(tmp_path: Path) -> None:
    (tmp_path / "real").write_text("old")
    (tmp_path / "link").symlink_to("real")
    write_atomically(tmp_path / "link", "new")
    assert (tmp_path / "link").is_symlink()
    assert (tmp_path / "real").read_text() == "new"


def test_on_the_disk_before_it_takes_the_place(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = tmp_path / "file"
    path.write_text("old")
    events: list[tuple[str, bool, str]] = []
    fsync = os.fsync

    def noted(descriptor: int) -> None:
        what = Path(f"/proc/self/fd/{descriptor}").readlink()
        events.append(("folder" if what.is_dir() else "file", what == path, path.read_text()))
        fsync(descriptor)

    monkeypatch.setattr(os, "fsync", noted)
    write_atomically(path, "new")
    assert events == [("file", False, "old"), ("folder", False, "new")]


def test_what_cannot_be_written_changes_nothing(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = tmp_path / "file"
    path.write_text("old")

    def full(descriptor: int) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(os, "fsync", full)
    with pytest.raises(OSError, match="No space left"):
        write_atomically(path, "new")
    assert path.read_text() == "old"
    assert leftovers(tmp_path) == []


def test_leftovers_of_the_dead_go_and_those_of_the_living_stay(tmp_path: Path) -> None:
    path = tmp_path / "file"
    dead = tmp_path / ".file.abcdefgh.part"
    dead.write_text("half")
    other = tmp_path / ".file2.abcdefgh.part"
    other.write_text("of another file")
    descriptor, living = atomic._open_part(path)
    write_atomically(path, "new")
    assert not dead.exists()
    assert living.exists()
    assert other.exists()
    os.close(descriptor)
    write_atomically(path, "newer")
    assert leftovers(tmp_path) == [other]


def test_a_killed_writer_leaves_the_old_or_the_new(tmp_path: Path) -> None:
    path = tmp_path / "state" / "file"
    path.parent.mkdir()
    sources = []
    for number, content in enumerate(CONTENTS):
        sources.append(tmp_path / str(number))
        sources[-1].write_text(content)
    moments = random.Random(6)
    seen = set()
    for _ in range(8):
        path.unlink(missing_ok=True)
        writer = subprocess.Popen([sys.executable, "-c", WRITER, path, *sources])
        try:
            wait_until(path.exists, "a first file")
            time.sleep(moments.uniform(0.0, 0.05))
        finally:
            writer.kill()
            writer.wait()
        content = path.read_text()
        assert content in CONTENTS
        seen.add(content)
        assert len(leftovers(path.parent)) <= 1, "what earlier ones left is removed by the next"
    write_atomically(path, "the last")
    assert leftovers(path.parent) == []
    assert seen


def test_many_writers_at_once(tmp_path: Path) -> None:
    path = tmp_path / "file"
    for number, content in enumerate(CONTENTS):
        (tmp_path / str(number)).write_text(content)
    names = [str(tmp_path / str(number)) for number in range(len(CONTENTS))]
    writers = [subprocess.Popen([sys.executable, "-c", WRITER, path, *names]) for _ in range(3)]
    try:
        wait_until(path.exists, "a first file")
        for _ in range(100):
            assert path.read_text() in CONTENTS
            assert all(writer.poll() is None for writer in writers), "none fails"
    finally:
        for writer in writers:
            writer.kill()
            writer.wait()


def test_links(tmp_path: Path) -> None:
    (tmp_path / "1").mkdir()
    (tmp_path / "2").mkdir()
    for target in ("1", "2", "2"):
        link_atomically(tmp_path / "current", target)
        assert (tmp_path / "current").readlink() == Path(target)
    (tmp_path / ".current.link.part").symlink_to("3")  # left by a process that was killed
    link_atomically(tmp_path / "current", "1")
    assert (tmp_path / "current").readlink() == Path("1")
    assert leftovers(tmp_path) == []


# --- complete, but without sync -------------------------------------------------------------------


def test_a_file_is_written_at_once_or_not_at_all(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = tmp_path / "out.jpg"
    write_complete(path, b"one", replace=False)
    with pytest.raises(FileExistsError):
        write_complete(path, b"two", replace=False)
    assert path.read_bytes() == b"one"
    write_complete(path, b"two", replace=True)
    assert path.read_bytes() == b"two"

    def full(_self: Path, _target: Path) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(Path, "replace", full)
    for name, replace in (("out.jpg", True), ("new.jpg", False)):
        with pytest.raises(OSError, match="No space left"):
            write_complete(tmp_path / name, b"three", replace=replace)
    assert [one.name for one in tmp_path.iterdir()] == ["out.jpg"]
    assert path.read_bytes() == b"two"


def test_nothing_that_was_planted_is_followed(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """In a folder that others can write to, symbolic links may wait at guessable names."""
    victim = tmp_path / "victim"
    victim.write_text("mine")
    monkeypatch.setattr(secrets, "token_hex", lambda _length: "guessed")
    for name in (".out.jpg.part", ".guessed.part", "out.jpg"):
        (tmp_path / name).symlink_to(victim)
    for replace in (False, True):
        with pytest.raises(FileExistsError):
            write_complete(tmp_path / "out.jpg", b"theirs", replace=replace)
    monkeypatch.undo()
    with pytest.raises(FileExistsError):
        write_complete(tmp_path / "out.jpg", b"theirs", replace=False)
    write_complete(tmp_path / "out.jpg", b"theirs", replace=True)
    assert victim.read_text() == "mine"
    assert not (tmp_path / "out.jpg").is_symlink()


def test_a_fifo_among_the_unfinished_files_keeps_nobody_waiting(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / ".config.yaml.x.part")
    write_atomically(tmp_path / "config.yaml", "new")
    assert (tmp_path / "config.yaml").read_text() == "new"
