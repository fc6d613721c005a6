from __future__ import annotations

import errno
import fcntl
import os
import tempfile
import threading
import time
from contextlib import closing
from pathlib import Path

import pytest
from hypothesis import assume, given
from hypothesis import strategies as st
from pydantic import ValidationError

from pose_edge.config.outputs import PosesSettings, RecordSettings, StorageSettings
from pose_edge.errors import OutputError
from pose_edge.sinks.name_pattern import NamePattern
from pose_edge.sinks.segment_files import GIGABYTE, SegmentFiles

PLENTY = (1000 * GIGABYTE, 900 * GIGABYTE, 100 * GIGABYTE)
NOW = time.struct_time((2026, 11, 23, 3, 12, 5, 0, 327, 0))


def live(path: Path | str, **storage: float) -> SegmentFiles:
    return SegmentFiles(
        "recording",
        str(path),
        StorageSettings(**storage),
        space=lambda _folder: PLENTY,
        local_time=lambda: NOW,
    )


def begin(series: SegmentFiles, content: bytes = b"") -> Path:
    """Create the next file, write its content and finish it; return its path."""
    with closing(series.begin()) as begun:
        begun.write(content)
        begun.settle()
    return begun.path


# --- names ----------------------------------------------------------------------------------------


def test_what_is_there_is_never_overwritten(tmp_path: Path) -> None:
    (tmp_path / "out.mp4").write_text("mine")
    series = live(tmp_path / "out.mp4")
    assert [begin(series).name for _ in range(3)] == ["out-2.mp4", "out-3.mp4", "out-4.mp4"]
    assert (tmp_path / "out.mp4").read_text() == "mine"


def test_numbers_rise_with_time(tmp_path: Path) -> None:
    for name in ("out-7.mp4", "out-20261123.mp4", "out-x.mp4"):
        (tmp_path / name).touch()
    assert begin(live(tmp_path / "out.mp4")).name == "out-8.mp4"


def test_a_clock_that_is_wrong_costs_nothing(tmp_path: Path) -> None:
    series = live(tmp_path / "{time}.mp4")
    names = [begin(series).name for _ in range(3)]
    assert names == [f"2026-11-23_03-12-05{end}.mp4" for end in ("", "-2", "-3")]


def test_a_link_is_a_name_that_is_taken(tmp_path: Path) -> None:
    (tmp_path / "elsewhere").write_text("mine")
    (tmp_path / "out.mp4").symlink_to("elsewhere")
    (tmp_path / "out-2.mp4").symlink_to("nowhere")
    assert begin(live(tmp_path / "out.mp4"), b"new").name == "out-3.mp4"
    assert (tmp_path / "elsewhere").read_text() == "mine"
    assert not (tmp_path / "nowhere").exists()


def test_two_programs_never_get_the_same_file(tmp_path: Path) -> None:
    paths: list[Path] = []

    def make() -> None:
        series = live(tmp_path / "out.mp4")
        paths.extend(begin(series) for _ in range(25))

    threads = [threading.Thread(target=make) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(paths) == len(set(paths)) == 100


def test_a_device_is_written_to_as_it_is(tmp_path: Path) -> None:
    (tmp_path / "out.jsonl").symlink_to("/dev/full")
    with closing(live(tmp_path / "out.jsonl").begin()) as begun:
        assert (begun.path.name, begun.regular) == ("out.jsonl", False)
        begun.write(b"x")
        with pytest.raises(OSError, match="No space left"):
            begun.settle()


def test_without_storage_the_file_is_replaced_on_request(tmp_path: Path) -> None:
    path = tmp_path / "out.mp4"
    path.write_text("old and long")
    with pytest.raises(OutputError, match="it exists already"):
        SegmentFiles("recording", str(path), None).check()
    with pytest.raises(OutputError, match="was created by another program in the meantime"):
        SegmentFiles("recording", str(path), None).begin()
    series = SegmentFiles("recording", str(path), None, replace=True)
    assert begin(series, b"new") == path
    assert path.read_text() == "new"
    assert series.obstacle(writing=False) is None
    assert not series.due(1e9, 1 << 60)


@pytest.mark.parametrize("storage", [None, StorageSettings()])
def test_what_cannot_be_written_is_refused(
    tmp_path: Path, storage: StorageSettings | None, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refused(path: Path) -> str:
        with pytest.raises(OutputError) as error:
            SegmentFiles("recording", str(path), storage).check()
        return str(error.value)

    assert refused(tmp_path / "gone" / "x.mp4").endswith(f"there is no folder {tmp_path / 'gone'}")
    assert refused(tmp_path) == f"cannot write the recording to {tmp_path}: it is a folder"
    monkeypatch.setattr(os, "access", lambda *_: False)
    assert refused(tmp_path / "x.mp4").endswith("permission denied")


def test_a_file_that_may_not_be_written_is_no_matter_where_another_is_made(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = tmp_path / "x.mp4"
    path.touch()
    monkeypatch.setattr(os, "access", lambda asked, _mode: asked != path)
    live(path).check()
    with pytest.raises(OutputError):
        SegmentFiles("recording", str(path), None).check()


# --- limits ---------------------------------------------------------------------------------------


def test_when_a_file_is_due() -> None:
    assert not live("x.mp4").due(1e9, 1 << 60)
    assert live("x.mp4", segment=2.0).due(120, 0)
    assert not live("x.mp4", segment=2.0).due(119.9, 1 << 60)
    # A single file must never take up the whole `keep`.
    assert live("x.mp4", keep=4.0).due(0, GIGABYTE)
    assert not live("x.mp4", keep=4.0).due(1e9, GIGABYTE - 1)


@pytest.mark.parametrize(
    ("space", "min_free", "writing", "reason"),
    [
        ((0.6, 32), 0.5, True, None),
        ((0.5, 32), 0.5, True, None),
        ((0.499, 32), 0.5, True, "less than 0.5 GB free on {}; it goes on when there is room"),
        ((0.5, 32), 0.5, False, "less than 0.5 GB free on {}; it goes on when there is room"),
        ((0.517, 32), 0.5, False, None),
        ((0.0, 32), 0.0, True, None),
        ((0.0, 32), 0.0, False, "less than 16 MB free on {}; it goes on when there is room"),
        ((0.017, 32), 0.0, False, None),
        # On a small disk the reserve is at most a tenth of the disk.
        ((0.002, 0.02), 0.0, False, None),
        ((0.040, 0.4), 0.5, True, None),
        ((0.057, 0.4), 0.5, False, None),
        ((0.039, 0.4), 0.5, True, "less than 40 MB free on {}; it goes on when there is room"),
        ((0.055, 0.4), 0.5, False, "less than 40 MB free on {}; it goes on when there is room"),
        ((0.15, 2.0), 0.5, True, "less than 0.2 GB free on {}; it goes on when there is room"),
        ((0.011, 0.4), 0.01, True, None),
    ],
)
def test_room(
    tmp_path: Path, space: tuple[float, float], min_free: float, writing: bool, reason: str | None
) -> None:
    free, total = (round(gigabytes * GIGABYTE) for gigabytes in space)
    series = SegmentFiles(
        "recording",
        str(tmp_path / "x.mp4"),
        StorageSettings(min_free=min_free),
        space=lambda _folder: (total, total - free, free),
    )
    mount = next(one for one in (tmp_path, *tmp_path.parents) if os.path.ismount(one))
    assert series.obstacle(writing=writing) == (reason and reason.format(mount))


def test_a_disk_that_is_gone_is_an_obstacle_like_others(tmp_path: Path) -> None:
    def fail(_folder: Path) -> tuple[int, int, int]:
        raise OSError(errno.EIO, "Input/output error")

    series = SegmentFiles("recording", str(tmp_path / "x.mp4"), StorageSettings(), space=fail)
    assert series.obstacle(writing=True) == "Input/output error"
    folder = tmp_path / "stick"
    assert live(folder / "x.mp4").obstacle(writing=True) == f"there is no folder {folder}"


def old(path: Path, size: int, age: int) -> Path:
    path.write_bytes(b"x" * size)
    os.utime(path, ns=(0, 10**18 - age * 10**9))
    return path


def test_the_oldest_go_first_and_only_as_many_as_must(tmp_path: Path) -> None:
    for number, age in ((2, 50), (3, 90), (4, 10), (5, 70)):
        old(tmp_path / f"out-{number}.mp4", 400_000, age)
    live(tmp_path / "out.mp4", keep=0.001).remove_oldest()
    assert sorted(path.name for path in tmp_path.iterdir()) == ["out-2.mp4", "out-4.mp4"]


def test_without_a_bound_all_stay(tmp_path: Path) -> None:
    old(tmp_path / "out-2.mp4", 400_000, 5)
    live(tmp_path / "out.mp4").remove_oldest()
    assert (tmp_path / "out-2.mp4").exists()


def test_a_file_that_is_being_written_stays(tmp_path: Path) -> None:
    path = old(tmp_path / "out-2.mp4", 3_000_000, 90)
    finished = old(tmp_path / "out-3.mp4", 3_000_000, 10)
    with path.open("rb") as file:  # held by another run
        fcntl.flock(file, fcntl.LOCK_EX)
        live(tmp_path / "out.mp4", keep=0.001).remove_oldest()
    assert path.exists()
    assert not finished.exists()
    series = live(tmp_path / "out.mp4", keep=0.001)
    begun = series.begin()
    begun.write(b"x" * 2_000_000)
    for one in (series, live(tmp_path / "out.mp4", keep=0.001)):
        one.remove_oldest()
        assert begun.path.exists()
    begun.close()
    assert not path.exists()


def test_without_locks_the_own_file_stays(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def flock(*_arguments: object) -> None:
        raise OSError(errno.ENOLCK, "No locks available")

    monkeypatch.setattr(fcntl, "flock", flock)
    finished = old(tmp_path / "out.mp4", 2_000_000, 10)
    series = live(tmp_path / "out.mp4", keep=0.001)
    begin(series, b"x" * 2_000_000)
    series.remove_oldest()
    assert (tmp_path / "out-2.mp4").exists()
    assert not finished.exists()


NAMES = st.one_of(
    st.from_regex(r"(out|2026-11-23_03-12-05)(-[0-9]{0,6})?\.(mp4|jsonl)", fullmatch=True),
    st.from_regex(r"[a-z.{}-]{1,8}", fullmatch=True).filter(lambda name: name.strip(".")),
)


@given(st.sets(NAMES, max_size=8), st.sampled_from(["out.mp4", "{time}.mp4", "out.jsonl"]))
def test_strangers_are_never_removed(names: set[str], pattern: str) -> None:
    with tempfile.TemporaryDirectory() as place:
        folder = Path(place)
        for name in names:
            old(folder / name, 2_000, 10)
        (folder / "out-31.mp4").mkdir(exist_ok=True)
        old(folder / "target", 2_000, 10)
        (folder / "out-32.mp4").unlink(missing_ok=True)
        (folder / "out-32.mp4").symlink_to("target")
        before = {path.name for path in folder.iterdir()}
        nothing = StorageSettings.model_construct(keep=0.0)
        series = SegmentFiles("x", str(folder / pattern), nothing)
        series.remove_oldest()
        gone = before - {path.name for path in folder.iterdir()}
        made = NamePattern(pattern)
        links = {"out-31.mp4", "out-32.mp4"}
        assert gone == {name for name in names if made.number(name)} - links


# --- patterns of names ----------------------------------------------------------------------------

LETTERS = st.characters(exclude_characters="/\0{}", exclude_categories=["Cs"])
PART = st.text(LETTERS, max_size=12)
MOMENTS = st.datetimes().filter(lambda moment: moment.year >= 1970)


@st.composite
def patterns(draw: st.DrawFn) -> str:
    marks = draw(st.integers(0, 2))
    stem = "{time}".join(draw(PART) for _ in range(marks + 1))
    assume(stem.strip(".") and not stem.startswith("~"))
    return stem + draw(st.sampled_from([".mp4", ".jsonl", ""]))


@given(patterns(), MOMENTS.map(lambda m: m.timetuple()), st.integers(1, 99_999))
def test_a_pattern_knows_the_names_that_it_makes(
    pattern: str, moment: time.struct_time, number: int
) -> None:
    names = NamePattern(f"/recordings/{pattern}")
    path = names.path(moment, number)
    assert path.parent == Path("/recordings")
    assert "{" not in path.name
    known = names.number(path.name)
    # Names may be ambiguous, so `known` may differ from `number`; "x-3.mp4" of the pattern
    # "x-3.mp4" is plain.
    assert known is not None
    assert names.number(path.name, moment) == known
    assert names.path(moment, known) == path


@given(patterns(), st.text(LETTERS, min_size=1, max_size=40))
def test_and_no_other(pattern: str, name: str) -> None:
    names = NamePattern(f"/recordings/{pattern}")
    number = names.number(name)
    if number is not None and "{time}" not in pattern:
        assert names.path(NOW, number).name == name


def test_names() -> None:
    assert NamePattern("out.mp4").path(NOW) == Path("out.mp4")
    assert NamePattern("a/out.mp4").path(NOW, 2) == Path("a/out-2.mp4")
    timed = NamePattern("a/rec-{time}.mp4")
    assert timed.path(NOW) == Path("a/rec-2026-11-23_03-12-05.mp4")
    assert timed.path(NOW, 3) == Path("a/rec-2026-11-23_03-12-05-3.mp4")
    assert NamePattern("{time}_door.jsonl").path(NOW, 2).name == "2026-11-23_03-12-05_door-2.jsonl"


def test_home(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(os.environ, "HOME", "/home/me")
    assert NamePattern("~/out.mp4").path(NOW) == Path("/home/me/out.mp4")


@pytest.mark.parametrize(
    ("pattern", "name", "number"),
    [
        ("out.mp4", "out.mp4", 1),
        ("out.mp4", "out-2.mp4", 2),
        ("out.mp4", "out-99999.mp4", 99_999),
        ("out.mp4", "out-1.mp4", None),
        ("out.mp4", "out-02.mp4", None),
        ("out.mp4", "out-20261123.mp4", None),  # a date of the user's
        ("out.mp4", "out-.mp4", None),
        ("out.mp4", "out_2.mp4", None),
        ("out.mp4", "out-2.mp4.bak", None),
        ("out.mp4", "my-out.mp4", None),
        ("out.mp4", "out-2.MP4", None),
        ("out.mp4", "outxmp4", None),
        ("out.mp4", "out-2.mp4\n", None),
        ("out.mp4", "out-٢.mp4", None),  # digits, but not ASCII
        ("out-5.mp4", "out-5.mp4", 1),
        ("{time}.mp4", "2026-11-23_03-12-05.mp4", 1),
        ("{time}.mp4", "2026-11-23_03-12-05-12.mp4", 12),
        ("{time}.mp4", "2026-13-23_03-12-05.mp4", None),
        ("{time}.mp4", "2026-11-23.mp4", None),
        ("{time}.mp4", "holiday.mp4", None),
        ("{time}{time}.mp4", "2026-11-23_03-12-052026-11-23_03-12-06.mp4", None),
    ],
)
def test_which_number_a_name_has(pattern: str, name: str, number: int | None) -> None:
    assert NamePattern(pattern).number(name) == number


def test_numbers_of_one_moment() -> None:
    names = NamePattern("{time}.mp4")
    later = time.struct_time((2026, 11, 23, 3, 12, 6, 0, 327, 0))
    assert names.number("2026-11-23_03-12-05-2.mp4", NOW) == 2
    assert names.number("2026-11-23_03-12-05-2.mp4", later) is None


@pytest.mark.parametrize("path", ["rec-{date}.mp4", "{time}/rec.mp4", "rec-{time.mp4", "{}.mp4"])
def test_what_a_name_cannot_hold(path: str) -> None:
    with pytest.raises(ValidationError):
        RecordSettings(path=path)
    with pytest.raises(ValidationError):
        PosesSettings(path=path)


@pytest.mark.parametrize(
    "path", ["{time}.mp4", "a/{time}-b.mp4", "/x/y.mp4", "-", "7", "a{time}{time}"]
)
def test_what_it_can_hold(path: str) -> None:
    if path.endswith(".mp4"):
        assert RecordSettings(path=path).path == path
    assert PosesSettings(path=path).path == path
