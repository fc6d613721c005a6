"""One trial of the program: its command, what happens meanwhile, and what must come of it."""

from __future__ import annotations

import shlex
import sys
from collections.abc import Callable, Collection, Mapping
from contextlib import ExitStack
from dataclasses import dataclass, field
from pathlib import Path
from random import Random
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from fuzz.trial import Trial

ANY_STATUS = (0, 1, 2, 3)
"""Every exit status that the program has a meaning for."""


@dataclass
class Case:
    """What is tried.

    Attributes:
        arguments: Of `pose-edge`.
        environment: Variables besides those of every case.
        setup: A shell command that is run first in the same process, e.g. "ulimit -f 64".
        redirection: A shell redirection of the program's streams, e.g. "2>&-"; what it does not
            name is kept in the files "stdout" and "stderr" of the case's folder.
        seconds: How long the program runs by itself.
        statuses: Exit statuses that are right.
        poses: The pose files (a glob pattern in the case's folder) that must have a line for every
            frame that the program says it has processed, where it ends with status 0.
        video: A video that must then have as many frames, too.
        meanwhile: Called while the program runs.
        sent_signals: Signals that may end the program, as they were sent before it could heed them.
    """

    arguments: list[str]
    environment: Mapping[str, str] = field(default_factory=dict)
    setup: str = ""
    redirection: str = ""
    seconds: float = 5.0
    statuses: Collection[int] = ANY_STATUS
    poses: str = ""
    video: str = ""
    meanwhile: Callable[[Trial], None] | None = None
    sent_signals: list[int] = field(default_factory=list)

    def command(self) -> list[str]:
        """Return the command; the shell in front replaces itself by the program."""
        program = [sys.executable, "-m", "pose_edge", *self.arguments]
        setup = f"{self.setup}; " if self.setup else ""
        return ["/bin/sh", "-c", f'{setup}exec "$@" {self.redirection}', "sh", *program]

    def script(self, folder: Path, environment: Mapping[str, str]) -> str:
        """Return a shell script that starts the program as it was started here."""
        variables = [f"export {name}={shlex.quote(value)}" for name, value in environment.items()]
        return "\n".join(
            [
                "#!/bin/sh",
                f"cd {shlex.quote(str(folder))}",
                *variables,
                f"exec {shlex.join(self.command())}",
                "",
            ]
        )


Kind = Callable[[Random, Path, ExitStack], Case]
"""Makes a case of one kind: by chance, with its inputs in a folder. Servers that it starts are
closed by the stack."""
