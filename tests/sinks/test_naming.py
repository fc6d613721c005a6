from __future__ import annotations

import os
import time
from pathlib import Path

import pytest
from hypothesis import assume, given
from hypothesis import strategies as st
from pydantic import ValidationError

from pose_edge.config.schema import PosesSettings, RecordSettings
from pose_edge.sinks.naming import NamePattern

NOW = time.struct_time((2026, 11, 23, 3, 12, 5, 0, 327, 0))
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
    # "a{time}-3" is a name with a time or a number: "x-3.mp4" of the pattern "x-3.mp4" is plain.
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
        ("out.mp4", "out-20261123.mp4", None),  # somebody's date
        ("out.mp4", "out-.mp4", None),
        ("out.mp4", "out_2.mp4", None),
        ("out.mp4", "out-2.mp4.bak", None),
        ("out.mp4", "my-out.mp4", None),
        ("out.mp4", "out-2.MP4", None),
        ("out.mp4", "outxmp4", None),
        ("out.mp4", "out-2.mp4\n", None),
        ("out.mp4", "out-٢.mp4", None),  # digits, but not ours
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
    assert RecordSettings(path=path).path == path
    assert PosesSettings(path=path).path == path
