from __future__ import annotations

import os
from pathlib import Path
from types import SimpleNamespace

import pytest
from doctor_contexts import MadeUp, by_subject, sound

from pose_edge.doctor import disk
from pose_edge.doctor.disk import examine, verdict_of


@pytest.fixture(autouse=True)
def no_service(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setattr(disk, "STATE", tmp_path / "no-state")


def fill(monkeypatch: pytest.MonkeyPatch, *, free: float, flag: int = 0, favail: int = 9) -> None:
    status = SimpleNamespace(
        f_blocks=32_000_000_000 // 4096,
        f_frsize=4096,
        f_bavail=int(free / 4096),
        f_flag=flag,
        f_files=100,
        f_favail=favail,
    )
    monkeypatch.setattr(os, "statvfs", lambda _path: status)


@pytest.mark.parametrize(
    ("free", "total", "verdict"),
    [
        (10e9, 32e9, "ok"),
        (1.5e9, 32e9, "warning"),
        (499e6, 5e9, "warning"),
        (49e6, 5e9, "fault"),
        (501e6, 5e9, "ok"),
    ],
)
def test_when_it_is_too_little(free: float, total: float, verdict: str) -> None:
    assert verdict_of(int(free), int(total)) == verdict


def test_enough(made_up: MadeUp, monkeypatch: pytest.MonkeyPatch) -> None:
    fill(monkeypatch, free=20e9)
    (found,) = sound(examine(made_up.context()))
    assert found.verdict == "ok"
    assert found.subject == "system"
    assert "20.0 GB of 32.0 GB free" in found.text


def test_a_full_card(made_up: MadeUp, monkeypatch: pytest.MonkeyPatch) -> None:
    fill(monkeypatch, free=1e6)
    (found,) = sound(examine(made_up.context()))
    assert found.verdict == "fault"


def test_no_more_files(made_up: MadeUp, monkeypatch: pytest.MonkeyPatch) -> None:
    fill(monkeypatch, free=20e9, favail=0)
    (found,) = sound(examine(made_up.context()))
    assert (found.verdict, "no more files" in found.text) == ("fault", True)


def test_a_read_only_system_matters_where_something_is_written(
    made_up: MadeUp, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    fill(monkeypatch, free=20e9, flag=os.ST_RDONLY)
    found = sound(examine(made_up.context()))
    assert {one.verdict for one in found} == {"ok"}
    settings = {"record": {"path": str(tmp_path / "out.mp4")}}
    found = sound(examine(made_up.context(settings=settings)))
    assert "fault" in {one.verdict for one in found}


def test_a_folder_that_is_not_there(made_up: MadeUp, tmp_path: Path) -> None:
    settings = {"poses": {"path": str(tmp_path / "no" / "out.jsonl")}}
    found = by_subject(sound(examine(made_up.context(settings=settings))))
    assert found["poses"].verdict == "fault"
    assert found["poses"].remedy.startswith("`mkdir -p ")
    settings = {"poses": {"path": "-"}}
    assert "poses" not in disk.places(made_up.context(settings=settings))
