"""Every command has a function, and its module is imported only when the command is run."""

from __future__ import annotations

import argparse
import subprocess
import sys
from collections.abc import Iterator

import pytest

from pose_edge.cli.commands import find_command
from pose_edge.cli.parser import make_parser


def full_names(parser: argparse.ArgumentParser) -> Iterator[str]:
    """Yield the full name of each command of a parser, such as "models list"."""
    groups = [action.choices for action in parser._actions if isinstance(action.choices, dict)]
    for group in groups:
        for inner in group.values():
            yield from full_names(inner)
    if not groups:
        yield parser.get_default("command")


NAMES = list(full_names(make_parser()))


def test_the_walk_finds_commands_and_those_of_groups() -> None:
    assert {"run", "models list", "service status"} <= set(NAMES)
    assert len(NAMES) == len(set(NAMES))


@pytest.mark.parametrize("name", NAMES)
def test_each_command_is_the_one_that_it_is_called(name: str) -> None:
    command = find_command(name)
    assert f"``pose-edge {name}" in (command.__doc__ or "")


def test_reading_the_command_line_loads_nothing_that_only_commands_need() -> None:
    code = (
        "import sys, pose_edge.cli.dispatch; pose_edge.cli.dispatch.parse(['models', 'list'])\n"
        "needless = {'logging', 'json', 'pydantic', 'yaml', 'rich', 'numpy', 'cv2',"
        " 'importlib.metadata', 'pose_edge.config.load'}\n"
        "loaded = needless & set(sys.modules)\n"
        "assert not loaded, loaded"
    )
    subprocess.run([sys.executable, "-c", code], check=True, timeout=120)
