"""Every command in README and docs is run, or is marked with what it needs."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from itertools import pairwise
from pathlib import Path

import cv2
import pytest
from checkout import REPOSITORY
from clips import demo_frames, write_clip
from documentation import PAGES, CommandLine, command_lines

from pose_edge.cli.arguments import COMMANDS
from pose_edge.cli.parser import parse
from pose_edge.cli.settings import overrides
from pose_edge.config.load import load_config

BIN = Path(sys.executable).parent
PERSON = 60
"""Index of a frame of the demo clip in which the first inference pass finds a person."""

LINES = [line for page in PAGES for line in command_lines(page)]
NAMES = ("script/run", "script/test", *(f"pose-edge {command}" for command in COMMANDS))
"""Commands that, without arguments and outside a code block, are only mentioned."""


def is_mention(line: CommandLine) -> bool:
    words = [" ".join((program, *arguments)) for program, arguments in line.programs()]
    return not line.block and words[0] in NAMES


RUN = {line.text: line for line in LINES if line.runs and not is_mention(line)}
OUTPUTS = ("--record", "--poses", "-o")
ENDLESS = {
    "POSE_EDGE_RUN__MAX_FRAMES": "2",
    "POSE_EDGE_SOURCE__PACE": "false",
    "POSE_EDGE_DISPLAY__KIND": "none",
    "POSE_EDGE_LOG__LEVEL": "warning",
}
"""Settings that end a run which would go on forever, and that open no screen."""


@pytest.fixture(scope="session")
def checkout(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Create a checkout that is already set up, with some files of a user in it.

    The stamp makes `script/run` treat it as ready: it starts at once and installs nothing.
    """
    folder = tmp_path_factory.mktemp("docs") / "pose_edge"
    folder.mkdir()
    shutil.copytree(REPOSITORY / "script", folder / "script")
    shutil.copy(REPOSITORY / "setup.cfg", folder)
    (folder / "examples").symlink_to(REPOSITORY / "examples")
    (folder / ".venv" / "bin").mkdir(parents=True)
    for name in ("python", "pose-edge"):
        (folder / ".venv" / "bin" / name).symlink_to(BIN / name)
    (folder / ".venv" / "apt.failed").touch()  # so that missing packages are not installed
    stamp = 'root=$PWD && . script/lib.sh && stamp >"$venv/run.stamp"'
    subprocess.run(["sh", "-euc", stamp], cwd=folder, check=True)

    frames = demo_frames(range(PERSON, PERSON + 3))
    write_clip(folder / "video.mp4", frames)
    (folder / "pictures").mkdir()
    for path in (folder / "person.jpg", folder / "pictures" / "one.png"):
        cv2.imwrite(str(path), frames[0])
    config = folder / "config-home" / "pose-edge" / "config.yaml"
    config.parent.mkdir(parents=True)
    config.write_text("")  # else the machine's own file would be used
    return folder


@pytest.fixture
def user_folder(checkout: Path, tmp_path: Path) -> Path:
    """Return a folder that looks like the checkout, and in which a command may create files."""
    for path in checkout.iterdir():
        (tmp_path / path.name).symlink_to(path)
    return tmp_path


@pytest.mark.parametrize("text", RUN)
def test_the_command_runs(text: str, checkout: Path, user_folder: Path) -> None:
    if not (BIN / "pose-edge").exists():
        pytest.skip(f"no pose-edge beside {sys.executable}")
    clean = {
        name: value
        for name, value in os.environ.items()
        if not name.startswith("POSE_EDGE_") and name not in ("DISPLAY", "WAYLAND_DISPLAY")
    }
    done = subprocess.run(
        ["bash", "-euo", "pipefail", "-c", text],
        cwd=user_folder,
        env={
            **clean,
            **ENDLESS,
            "PATH": f"{BIN}:{os.environ['PATH']}",
            "HOME": str(user_folder),
            "XDG_CONFIG_HOME": str(checkout / "config-home"),
            "XDG_DATA_HOME": str(checkout / "data-home"),
        },
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        check=False,
        timeout=180,
    )
    # The doctor also exits with 1 if it finds a fault of this machine.
    allowed = (0, 1) if "pose-edge doctor" in text else (0,)
    assert done.returncode in allowed, (RUN[text].page, done.stderr)
    assert "Traceback" not in done.stderr
    for _program, arguments in RUN[text].programs():
        for option, value in pairwise(arguments):
            if option in OUTPUTS and value != "-":
                assert list(user_folder.glob(value.replace("{time}", "*"))), f"no {value}"


@pytest.mark.parametrize("line", LINES, ids=[f"{line.page}: {line.text}" for line in LINES])
def test_the_command_exists_with_its_options(line: CommandLine) -> None:
    """The name, options and settings are valid, also for commands that need hardware."""
    if is_mention(line):
        return
    for program, words in line.programs():
        if program not in ("pose-edge", "script/run") or {"--help", "--version"} & set(words):
            continue
        arguments = words if program == "pose-edge" else ["run", *words]
        load_config(REPOSITORY / "config.yaml", {}, overrides(parse(arguments)))


def test_pages_have_commands_that_run_and_some_that_cannot() -> None:
    """Guard against a parser of the pages that finds no commands."""
    assert len(RUN) > 25
    assert "script/run" in RUN
    assert "script/run --source video.mp4" in RUN
    assert any(line.needs == "a Raspberry Pi, the network" for line in LINES)
    assert not any({"apt", "script/test"} & set(text.split()) for text in RUN)
