"""Outputs that would overwrite or damage other files are refused."""

from __future__ import annotations

import fcntl
import os
import sys
from pathlib import Path

import pytest

from pose_edge.config.schema import Settings
from pose_edge.errors import OutputError, UsageError
from pose_edge.sinks.output_guard import (
    Target,
    check_places,
    check_targets,
    files_read,
    run_targets,
)


def refused(*targets: Target, inputs: tuple[Path, ...] = (), replace: bool = True) -> str:
    with pytest.raises(UsageError) as error:
        check_targets(targets, inputs, replace=replace)
    assert error.value.exit_status == 2
    return str(error.value)


@pytest.fixture
def source(tmp_path: Path) -> Path:
    path = tmp_path / "in.mp4"
    path.write_bytes(b"mine")
    return path


@pytest.mark.parametrize("kind", ["itself", "detour", "symbolic", "chain", "hard"])
def test_an_input_by_any_name(tmp_path: Path, source: Path, kind: str) -> None:
    path = tmp_path / "out.mp4"
    if kind == "hard":
        path.hardlink_to(source)
    elif kind == "detour":
        path = tmp_path / ".." / tmp_path.name / "in.mp4"
    elif kind == "itself":
        path = source
    else:
        (tmp_path / "link").symlink_to(source)
        path.symlink_to("link" if kind == "chain" else "in.mp4")
    said = refused(Target("--record", path), inputs=(source,))
    assert said == f"--record {path} is the input {source}; choose another name"


def test_an_input_that_is_a_link_to_the_output(tmp_path: Path, source: Path) -> None:
    link = tmp_path / "link.mp4"
    link.symlink_to(source)
    assert "is the input" in refused(Target("-o", source), inputs=(link,))


def test_everything_that_a_command_reads(tmp_path: Path) -> None:
    folder = tmp_path / "pictures"
    folder.mkdir()
    model, config = tmp_path / "m.tflite", tmp_path / "my.yaml"
    for path in (folder / "a.jpg", folder / "b.txt", model, config):
        path.touch()
    settings = Settings.model_validate(
        {"source": {"name": str(folder)}, "model": {"name": str(model)}}
    )
    inputs = tuple(files_read(settings, config))
    for path in (folder / "a.jpg", folder / "b.txt", model, config):
        assert f"is the input {path}" in refused(Target("--poses", path), inputs=inputs)
    assert "is the input" in refused(Target("-o", folder, folder=True), inputs=inputs)
    check_targets([Target("--poses", folder / "new.jsonl")], inputs, replace=False)


@pytest.mark.parametrize("name", ["auto", "demo", "http://127.0.0.1:9/", "picamera"])
def test_sources_that_are_no_files_of_the_user(name: str) -> None:
    settings = Settings.model_validate({"source": {"name": name}})
    assert all(isinstance(path, Path) for path in files_read(settings, None))


def test_two_outputs_in_one_file(tmp_path: Path) -> None:
    one, other = Target("--record", tmp_path / "x.mp4"), Target("--poses", tmp_path / "x.mp4")
    assert "are the same file" in refused(one, other)
    (tmp_path / "link").symlink_to(tmp_path / "x.mp4")
    assert "are the same file" in refused(one, Target("--poses", tmp_path / "link"))
    (tmp_path / "folder").symlink_to(tmp_path)
    assert "are the same file" in refused(one, Target("--poses", tmp_path / "folder" / "x.mp4"))
    live = [Target(target.option, target.path, numbered=True) for target in (one, other)]
    assert "are the same file" in refused(*live)
    nowhere = Path(os.devnull)
    check_targets([Target("--record", nowhere), Target("--poses", nowhere)], (), replace=False)


def test_what_is_there_stays_unless_it_may_be_replaced(tmp_path: Path, source: Path) -> None:
    target = Target("--poses", source)
    assert refused(target, replace=False) == (
        f"--poses {source} exists already; choose another name, or replace it with --force"
    )
    check_targets([target], (), replace=True)
    check_targets([Target("--poses", source, numbered=True)], (source,), replace=False)
    (tmp_path / "nowhere").symlink_to("gone")
    assert "exists already" in refused(Target("--poses", tmp_path / "nowhere"), replace=False)
    os.mkfifo(tmp_path / "fifo")
    check_targets([Target("--poses", tmp_path / "fifo")], (), replace=False)


def test_what_another_program_writes_is_not_replaced(source: Path) -> None:
    with source.open("rb") as other:
        fcntl.flock(other, fcntl.LOCK_EX)
        said = refused(Target("--poses", source))
        assert said == f"another program is writing {source}; choose another name"
    check_targets([Target("--poses", source)], (), replace=True)
    assert source.read_bytes() == b"mine"


def test_a_place_where_no_file_can_be_made(tmp_path: Path) -> None:
    gone = tmp_path / "gone"
    for option in ("--poses", "--record", "-o"):
        with pytest.raises(OutputError, match=f"cannot write {option} .*: there is no folder"):
            check_places([Target(option, gone / "x", folder=option == "-o")])
    pictures = [Target("-o", gone, folder=True), Target("-o", gone / "a.jpg")]
    check_places(pictures)
    gone.mkdir()
    check_places(pictures)
    check_places([Target("--poses", Path(os.devnull))])


def test_a_folder_is_no_file(tmp_path: Path) -> None:
    assert "is a folder; name a file in it" in refused(Target("--poses", tmp_path))
    check_targets([Target("-o", tmp_path, folder=True)], (), replace=False)


def test_the_log_and_the_standard_output(
    tmp_path: Path, source: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    log = tmp_path / "log.txt"
    with log.open("w") as stderr, source.open("a") as stdout:
        monkeypatch.setattr(sys, "stderr", stderr)
        assert "is where the log goes" in refused(Target("--poses", log))
        monkeypatch.setattr(sys, "stdout", stdout)
        said = refused(inputs=(source,))
        assert said.startswith(f"the standard output goes to the input {source}")
    monkeypatch.setattr(sys, "stdout", None)
    check_targets([Target("--poses", log)], (source,), replace=True)


def test_the_standard_output_is_no_file_of_a_run(tmp_path: Path) -> None:
    for name in ("-", "/dev/stdout", "/dev/fd/1"):
        assert run_targets(Settings.model_validate({"poses": {"path": name}}), numbered=False) == []
    settings = Settings.model_validate({"record": {"path": str(tmp_path / "{time}.mp4")}})
    ((option, path),) = ((one.option, one.path) for one in run_targets(settings, numbered=False))
    assert option == "--record"
    assert "{time}" not in path.name


def test_a_table_is_guarded_as_pose_lines_are(tmp_path: Path) -> None:
    settings = Settings.model_validate(
        {
            "poses": {"path": str(tmp_path / "p.jsonl")},
            "csv": {"path": str(tmp_path / "p.csv")},
        }
    )
    targets = run_targets(settings, numbered=False)
    assert [str(target) for target in targets] == [
        f"--poses {tmp_path / 'p.jsonl'}",
        f"--csv {tmp_path / 'p.csv'}",
    ]


def test_two_outputs_cannot_share_the_standard_output() -> None:
    settings = Settings.model_validate({"poses": {"path": "-"}, "csv": {"path": "/dev/stdout"}})
    with pytest.raises(UsageError, match="--poses and --csv both go to the standard output"):
        run_targets(settings, numbered=True)


def test_recorded_poses_are_an_input(tmp_path: Path) -> None:
    lines = tmp_path / "walk.jsonl"
    settings = Settings.model_validate({"source": {"name": "demo", "poses": str(lines)}})
    assert lines in files_read(settings, None)
