from __future__ import annotations

import os
from argparse import Namespace
from pathlib import Path

import pytest

from pose_edge.cli.arguments import SETTING_OPTIONS
from pose_edge.cli.parser import make_parser, parse
from pose_edge.cli.settings import config_path, overrides, read_settings
from pose_edge.errors import UsageError


def typed(*arguments: str) -> Namespace:
    return parse(arguments)


def test_each_option_stands_for_its_setting_and_is_named_as_it_was_typed() -> None:
    options = typed("run", "--max-frames", "3", "--set", "camera.fps = 12", "--poses", "-")
    assert sorted(overrides(options)) == [
        ("camera.fps", " 12", "--set camera.fps = 12"),
        ("poses.path", "-", "--poses -"),
        ("run.max_frames", "3", "--max-frames 3"),
    ]


def test_every_option_that_stands_for_a_setting_can_be_typed() -> None:
    known = vars(make_parser().parse_args(["run"]))
    assert set(SETTING_OPTIONS) <= set(known)


@pytest.mark.parametrize(
    "arguments",
    [
        ("run", "--poses", ""),
        ("run", "--source", " "),
        ("run", "--config", ""),
        ("annotate", ""),
        ("annotate", "in.mp4", "-o", ""),
        ("annotate", "in.mp4", "--poses", ""),
        ("eval", "--annotations", "", "--images", "x"),
        ("models", "info", ""),
    ],
)
def test_a_value_that_says_nothing_is_refused(
    arguments: tuple[str, ...],
) -> None:
    with pytest.raises(UsageError, match="the value is empty"):
        typed(*arguments)


def test_a_source_can_be_named_alone() -> None:
    assert overrides(typed("run", "x.mp4", "--max-frames", "3"))[0] == (
        "source.name",
        "x.mp4",
        "x.mp4",
    )
    with pytest.raises(UsageError, match=r"given twice: x\.mp4 and --source y\.mp4"):
        overrides(typed("run", "x.mp4", "--source", "y.mp4"))


def test_a_value_is_missing() -> None:
    with pytest.raises(UsageError, match=r"--set camera\.fps: expected SECTION\.KEY=VALUE"):
        overrides(typed("config", "show", "--set", "camera.fps"))


def test_the_command_line_wins_over_the_environment_and_that_over_the_file(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in [name for name in os.environ if name.startswith("POSE_EDGE_")]:
        monkeypatch.delenv(name)
    monkeypatch.setenv("POSE_EDGE_CAMERA__FPS", "20")
    monkeypatch.setenv("POSE_EDGE_CAMERA__WIDTH", "320")
    path = tmp_path / "mine.yaml"
    path.write_text("camera:\n  fps: 10\n  width: 160\n  height: 120\n")
    options = typed("run", "--config", str(path), "--set", "camera.fps=25")
    assert config_path(options) == path
    camera = read_settings(options).camera
    assert (camera.fps, camera.width, camera.height) == (25, 320, 120)


def test_annotate_can_be_thorough() -> None:
    for arguments, found in ((["a.jpg"], []), (["a.jpg", "--thorough"], ["model.effort"])):
        assert [key for key, *_ in overrides(typed("annotate", *arguments))] == found


def test_the_keys_can_be_locked() -> None:
    for arguments, found in ((["run"], []), (["run", "--lock-keys"], ["display.lock_keys"])):
        assert [key for key, *_ in overrides(typed(*arguments))] == found


def test_the_page_is_switched_on_by_its_place() -> None:
    found = dict(option[:2] for option in overrides(typed("run", "--web", "0.0.0.0:8080")))
    assert found == {"web.listen": "0.0.0.0:8080", "web.enabled": "true"}
