"""The commands: what each does with its options, what it prints, and the exit status it leads to.

One file per group, named as the first word that is typed. It is imported only when asked for, so
that no command waits for what another needs. Only `cli` and these files print; and they do not end
the process: they return the exit status to `cli`, or raise one of `errors`.
"""

from __future__ import annotations

from argparse import Namespace
from collections.abc import Callable
from importlib import import_module

Command = Callable[[Namespace], int]
"""Takes the options, returns the exit status."""


def find_command(name: str) -> Command:
    """Import a command.

    Args:
        name: One of those of `arguments`, e.g. "models list".

    Returns:
        The function of that name, e.g. `command_models_list` of models.py.
    """
    group = import_module(f"{__name__}.{name.partition(' ')[0]}")
    command: Command = getattr(group, f"command_{name.replace(' ', '_')}")
    return command
