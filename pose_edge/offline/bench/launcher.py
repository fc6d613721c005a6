"""Runs a program and measures it: the main module of a small process without our imports.

The kernel includes the memory of the process that starts a program in the program's peak memory
(`ru_maxrss`). So the program must not be started by this one, with its libraries and models.
"""

from __future__ import annotations

import json
import os
import signal
import sys
import time
from types import FrameType


def _wait_on(_number: int, _frame: FrameType | None) -> None:
    """Ignore SIGTERM: the program gets the same signal, and its end is waited for."""


def main(command: list[str]) -> None:
    """Run a command without input and output, and write the resources it used as JSON.

    Args:
        command: Path of the program, and its arguments.
    """
    signal.signal(signal.SIGTERM, _wait_on)  # unlike SIG_IGN, a handler is not inherited
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
