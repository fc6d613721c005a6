"""The commands: each reads its options, calls the package, prints, and returns an exit status.

Each module holds the commands of one group, is named after the first word of the command, and is
imported only for its own commands, so that no command waits for the imports of another. To add a
command, write a function `command_GROUP_NAME` and list its options in cli/arguments.py. Commands
never exit: they return the exit status or raise a `PoseEdgeError`.
"""

from __future__ import annotations

from argparse import Namespace
from collections.abc import Callable
from importlib import import_module

Command = Callable[[Namespace], int]
"""Takes the options and returns the exit status."""


def find_command(name: str) -> Command:
    """Import and return a command, e.g. `command_models_list` from models.py for "models list"."""
    group = import_module(f"{__name__}.{name.partition(' ')[0]}")
    command: Command = getattr(group, f"command_{name.replace(' ', '_')}")
    return command
