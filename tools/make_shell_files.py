"""Makes the completion scripts for bash and zsh and the manual page.

    pip install -r tools/requirements.txt
    python tools/make_shell_files.py

The files are generated from the parser, the settings and the lists of models. Run it again after a
change of an option; a test fails if the files are out of date.

Exit status: 0 done; 1 anything else.
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Final, Literal, get_args, get_origin

import man_page
import shtab

from pose_edge.cli.arguments import SETTING_OPTIONS
from pose_edge.cli.parser import make_parser
from pose_edge.config.schema import TESTING, Settings
from pose_edge.zoo.registry import Zoo

FOLDER: Final = Path(__file__).resolve().parent.parent / "pose_edge" / "data" / "shell"

FOLDERS: Final = ("DIR",)
FILES: Final = ("FILE", "OUT", "OUT.mp4", "OUT.jsonl", "COCO.json", "INPUT", "SRC", "VIDEO")
"""Placeholders (metavars) of values that are completed as files."""
WITH_SETTINGS: Final = ("pose-edge run", "pose-edge annotate", "pose-edge config show")
"""Commands for which --set completes the names of settings; only these, to keep the files short."""
SOURCES: Final = ("auto", "demo", "picamera", "/dev/video0")
"""Completions of a source."""


def main() -> int:
    """Write the files and return the exit status."""
    parser = make_parser()
    for one in walk(parser):
        for action in one._actions:
            set_values(one.prog, action)
    FOLDER.mkdir(exist_ok=True)
    for name, text in (
        ("pose-edge.bash", shtab.complete(parser, "bash")),
        ("_pose-edge", shtab.complete(parser, "zsh")),
        ("pose-edge.1", man_page.render()),
    ):
        (FOLDER / name).write_text(text, encoding="utf-8")
    return 0


def walk(parser: argparse.ArgumentParser) -> Iterator[argparse.ArgumentParser]:
    """Yield a parser and, recursively, the parsers of all its commands."""
    yield parser
    for action in parser._actions:
        if isinstance(action, argparse._SubParsersAction):
            for inner in action.choices.values():
                yield from walk(inner)


def set_values(command: str, action: argparse.Action) -> None:
    """Set the choices of an option or argument that the completion offers."""
    flag = next((name for name in action.option_strings if name.startswith("--")), "")
    setting = flag.removeprefix("--").replace("-", "_")
    if flag == "--set" and command in WITH_SETTINGS:
        action.choices = [f"{section}.{key}=" for section, key in settings()]
    elif flag == "--model" or action.dest in ("name", "names"):
        zoo = Zoo()
        shipped = [] if command.endswith("fetch") else list(zoo.entries)
        action.choices = [*shipped, *zoo.downloads]
    elif setting in SETTING_OPTIONS:
        action.choices = literals(*SETTING_OPTIONS[setting][0].split(".")) or None
    if action.metavar == "SRC":
        action.choices = SOURCES
    if action.metavar in FILES:
        action.complete = shtab.FILE  # type: ignore[attr-defined]
    if action.metavar in FOLDERS:
        action.complete = shtab.DIRECTORY  # type: ignore[attr-defined]


def settings() -> Iterator[tuple[str, str]]:
    """Yield section and key of every setting."""
    for section, values in Settings():
        if section != TESTING:
            yield from ((section, key) for key, _ in values)


def literals(section: str, key: str) -> list[str]:
    """Return the words that a setting accepts; empty if it is not a choice of words."""
    kind = type(getattr(Settings(), section)).model_fields[key].annotation
    return [str(word) for word in get_args(kind)] if get_origin(kind) is Literal else []


if __name__ == "__main__":
    sys.exit(main())
