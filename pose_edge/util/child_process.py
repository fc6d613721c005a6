"""Functions for child processes, in which code runs that may crash or hang."""

from __future__ import annotations

import ctypes
import os
import signal
import sys
from typing import Final

PR_SET_PDEATHSIG: Final = 1
"""linux/prctl.h"""


def child_command(code: str) -> tuple[str, ...]:
    """Return the command that runs Python code; nothing in the current folder is imported."""
    return (sys.executable, "-P", "-c", code)


def child_environment() -> dict[str, str]:
    """Return the variables with which a child finds the modules that this process finds."""
    return {**os.environ, "PYTHONPATH": os.pathsep.join(sys.path)}


def die_with(parent: int) -> None:
    """Let the kernel kill this process when its parent ends, even when this process hangs.

    Strictly, the kernel watches the parent's thread that has started this process.
    """
    ctypes.CDLL(None).prctl(PR_SET_PDEATHSIG, signal.SIGKILL)
    if os.getppid() != parent:  # it has ended before the kernel was asked
        os._exit(1)


def redirect_output(descriptor: int) -> None:
    """Send standard output and error of this process to another descriptor."""
    os.dup2(descriptor, 1)
    os.dup2(descriptor, 2)


def describe_death(status: int | None, last_words: str = "") -> str:
    """Say how a child process has ended.

    Args:
        status: Exit status, or the negative number of the signal that ended it; None when it
            closed its connection and goes on.
        last_words: The last of what it wrote.

    Returns:
        A sentence without its full stop, e.g. "its process was ended by SIGSEGV (last words)".
    """
    if status is None:
        how = "stopped answering"
    elif status < 0:
        names = {one.value: one.name for one in signal.Signals}  # not those of real time
        how = f"was ended by {names.get(-status, f'signal {-status}')}"
    else:
        how = f"ended with status {status}"
    return f"its process {how}" + (f" ({last_words})" if last_words else "")
