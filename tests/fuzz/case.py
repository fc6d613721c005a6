"""A fuzz case: the program's command, what happens while it runs, and the expected results."""

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
"""All exit statuses that the program documents."""


@dataclass
class Case:
    """One run of the program with unusual input.

    Attributes:
        arguments: Arguments of `pose-edge`.
        environment: Environment variables in addition to those common to all cases.
        setup: A shell command that is run first in the same process, e.g. "ulimit -f 64".
        redirection: A shell redirection of the program's streams, e.g. "2>&-"; other output goes
            to the files "stdout" and "stderr" in the case's folder.
        seconds: How long the program is expected to run.
        statuses: Accepted exit statuses.
        poses: Glob pattern of the pose files in the case's folder. If the program ends with status
            0, they must have one line for each frame that it reports as processed.
        video: Glob pattern of the videos that must then have the same number of frames.
        meanwhile: Called while the program runs.
        sent_signals: Signals that may end the program because they were sent before it had
            installed its handlers.
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
        """Return the command line: a shell that is replaced by the program (exec)."""
        program = [sys.executable, "-m", "pose_edge", *self.arguments]
        setup = f"{self.setup}; " if self.setup else ""
        return ["/bin/sh", "-c", f'{setup}exec "$@" {self.redirection}', "sh", *program]

    def script(self, folder: Path, environment: Mapping[str, str]) -> str:
        """Return a shell script that starts the program in the same way."""
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
"""Creates a random case of one kind, with its inputs in a folder. The stack closes the servers that
it starts."""
