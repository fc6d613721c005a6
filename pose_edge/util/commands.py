"""Commands of the system, run to their end."""

from __future__ import annotations

import subprocess
from collections.abc import Mapping, Sequence
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class CommandResult:
    """A command that has ended.

    Attributes:
        status: Its exit status. As in a shell, 124 means that it took too long, and 127 that it
            could not be started.
        stdout: What it wrote to its standard output.
        stderr: What it wrote to its standard error.
    """

    status: int
    stdout: str = ""
    stderr: str = ""


def run_command(
    command: Sequence[str],
    environment: Mapping[str, str] | None = None,
    timeout: float | None = None,
) -> CommandResult:
    """Run a command without input and wait for it; nothing is raised.

    Args:
        command: The program and its arguments.
        environment: All its environment variables; None for those of this process.
        timeout: Seconds after which it is killed; None for no limit.
    """
    try:
        done = subprocess.run(
            command,
            env=environment,
            stdin=subprocess.DEVNULL,
            capture_output=True,
            check=False,
            text=True,
            errors="replace",
            timeout=timeout,
        )
    except subprocess.TimeoutExpired:
        return CommandResult(124, "", f"{command[0]}: no answer after {timeout:g} s")
    except OSError as error:
        return CommandResult(127, "", f"{command[0]}: {error.strerror or error}")
    return CommandResult(done.returncode, done.stdout, done.stderr)
