"""Functions for child processes, which run code that may crash or hang."""

from __future__ import annotations

import ctypes
import os
import signal
import sys
from typing import Final

PR_SET_PDEATHSIG: Final = 1
"""Constant of linux/prctl.h."""


def child_command(code: str) -> tuple[str, ...]:
    """Return the command that runs Python code without importing from the current folder."""
    return (sys.executable, "-P", "-c", code)


def child_environment() -> dict[str, str]:
    """Return the environment in which a child finds the same modules as this process."""
    return {**os.environ, "PYTHONPATH": os.pathsep.join(sys.path)}


def kill_with_parent(parent: int) -> None:
    """Make the kernel kill this process when its parent ends, even if this process hangs.

    Strictly, the kernel watches the thread of the parent that started this process.

    Args:
        parent: Process id of the parent.
    """
    ctypes.CDLL(None).prctl(PR_SET_PDEATHSIG, signal.SIGKILL)
    if os.getppid() != parent:  # the parent had already ended
        os._exit(1)


def redirect_output(descriptor: int) -> None:
    """Redirect standard output and error of this process to another file descriptor."""
    os.dup2(descriptor, 1)
    os.dup2(descriptor, 2)


def describe_death(status: int | None, last_words: str = "") -> str:
    """Describe how a child process has ended.

    Args:
        status: Exit status, or the negative number of the signal that ended it; None if it closed
            its connection but still runs.
        last_words: The end of its output.

    Returns:
        A sentence without its full stop, e.g. "its process was ended by SIGSEGV (last words)".
    """
    if status is None:
        how = "stopped answering"
    elif status < 0:
        names = {one.value: one.name for one in signal.Signals}  # without real-time signals
        how = f"was ended by {names.get(-status, f'signal {-status}')}"
    else:
        how = f"ended with status {status}"
    return f"its process {how}" + (f" ({last_words})" if last_words else "")
