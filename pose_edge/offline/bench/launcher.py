"""Runs a program and measures it: the main of a small process, which imports nothing of ours.

The kernel counts the memory of the process that starts a program as the program's own peak. So that
must not be this program, with its libraries and models.
"""

from __future__ import annotations

import json
import os
import signal
import sys
import time
from types import FrameType


def _wait_on(_number: int, _frame: FrameType | None) -> None:
    """Leave the end to the program, which gets the same signal."""


def main(command: list[str]) -> None:
    """Run a command without input and output, and write what it took as JSON.

    Args:
        command: Path of the program, and its arguments.
    """
    signal.signal(signal.SIGTERM, _wait_on)  # a handler: the program does not inherit it
    null = os.open(os.devnull, os.O_RDWR)
    files = [(os.POSIX_SPAWN_DUP2, null, 0), (os.POSIX_SPAWN_DUP2, null, 1)]
    started_s = time.perf_counter()
    process = os.posix_spawn(command[0], command, os.environ, file_actions=files)
    _pid, status, used = os.wait4(process, 0)
    figures = {
        "status": os.waitstatus_to_exitcode(status),
        "wall_s": time.perf_counter() - started_s,
        "cpu_s": used.ru_utime + used.ru_stime,
        "voluntary": used.ru_nvcsw,
        "involuntary": used.ru_nivcsw,
        "peak_mb": used.ru_maxrss * 1024 / 1e6,
    }
    sys.stdout.write(json.dumps(figures))


if __name__ == "__main__":
    main(sys.argv[1:])
