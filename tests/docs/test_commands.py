"""Every command of README and docs is run, or says what it needs that tests do not have."""

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
"""A frame of the demo clip with a person who is found at the first look."""

LINES = [line for page in PAGES for line in command_lines(page)]
NAMES = ("script/run", "script/test", *(f"pose-edge {command}" for command in COMMANDS))
"""Commands without arguments: in a text they are only mentioned."""


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
"""What ends a run that would go on forever, and keeps it from screens."""


@pytest.fixture(scope="session")
def checkout(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Make a checkout that was set up already, with files of a user in it.

    `script/run` takes it for ready by the stamp, so that it starts at once and installs nothing.
    """
    folder = tmp_path_factory.mktemp("docs") / "pose_edge"
    folder.mkdir()
    shutil.copytree(REPOSITORY / "script", folder / "script")
    shutil.copy(REPOSITORY / "setup.cfg", folder)
    (folder / "examples").symlink_to(REPOSITORY / "examples")
    (folder / ".venv" / "bin").mkdir(parents=True)
    for name in ("python", "pose-edge"):
        (folder / ".venv" / "bin" / name).symlink_to(BIN / name)
    (folder / ".venv" / "apt.failed").touch()  # nothing is installed, whatever is missing
    stamp = 'root=$PWD && . script/lib.sh && stamp >"$venv/run.stamp"'
    subprocess.run(["sh", "-euc", stamp], cwd=folder, check=True)

    frames = demo_frames(range(PERSON, PERSON + 3))
    write_clip(folder / "video.mp4", frames)
    (folder / "pictures").mkdir()
    for path in (folder / "person.jpg", folder / "pictures" / "one.png"):
        cv2.imwrite(str(path), frames[0])
    config = folder / "config-home" / "pose-edge" / "config.yaml"
    config.parent.mkdir(parents=True)
    config.write_text("")  # else the machine's own would count
    return folder


@pytest.fixture
def user_folder(checkout: Path, tmp_path: Path) -> Path:
    """Return a folder that looks like the checkout, where a command may leave its files."""
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
    # Of the doctor 1 is an answer too: that something of this machine is not in order.
    allowed = (0, 1) if "pose-edge doctor" in text else (0,)
    assert done.returncode in allowed, (RUN[text].page, done.stderr)
    assert "Traceback" not in done.stderr
    for _program, arguments in RUN[text].programs():
        for option, value in pairwise(arguments):
            if option in OUTPUTS and value != "-":
                assert list(user_folder.glob(value.replace("{time}", "*"))), f"no {value}"


@pytest.mark.parametrize("line", LINES, ids=[f"{line.page}: {line.text}" for line in LINES])
def test_the_command_exists_with_its_options(line: CommandLine) -> None:
    """Also of commands that need hardware the name, options and settings are right."""
    if is_mention(line):
        return
    for program, words in line.programs():
        if program not in ("pose-edge", "script/run") or {"--help", "--version"} & set(words):
            continue
        arguments = words if program == "pose-edge" else ["run", *words]
        load_config(REPOSITORY / "config.yaml", {}, overrides(parse(arguments)))


def test_pages_have_commands_that_run_and_some_that_cannot() -> None:
    """Guards against a reader of the pages that finds nothing."""
    assert len(RUN) > 25
    assert "script/run" in RUN
    assert "script/run --source video.mp4" in RUN
    assert any(line.needs == "a Raspberry Pi, the network" for line in LINES)
    assert not any({"apt", "script/test"} & set(text.split()) for text in RUN)
