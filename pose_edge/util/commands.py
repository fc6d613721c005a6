"""Running of external commands."""

from __future__ import annotations

import subprocess
from collections.abc import Mapping, Sequence


def run_command(
    command: Sequence[str],
    environment: Mapping[str, str] | None = None,
    timeout: float | None = None,
) -> subprocess.CompletedProcess[str]:
    """Run a command without input and wait for it; failures are returned, not raised.

    Args:
        command: The program and its arguments.
        environment: The command's complete environment; None for that of this process.
        timeout: Time after which the command is killed, seconds; None for no limit.

    Returns:
        The command's exit status and output. As in a shell, status 124 means a timeout, and 127
        that the command could not be started.
    """
    try:
        return subprocess.run(
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
        status, reason = 124, f"no answer after {timeout:g} s"
    except OSError as error:
        status, reason = 127, error.strerror or str(error)
    return subprocess.CompletedProcess(command, status, "", f"{command[0]}: {reason}")
