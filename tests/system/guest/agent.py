"""Runs inside the machine, and executes commands received through a virtio-serial port.

A request is one line of JSON {"number", "command", "timeout", "input"}, followed by `input` bytes
for the command's standard input. The answer is one line {"number", "status", "stdout", "stderr"},
followed by `stdout` and `stderr` bytes of output. Only the standard library is available.
"""

from __future__ import annotations

import json
import os
import signal
import subprocess
import time
from typing import Any

PORT = "/dev/virtio-ports/agent"
PATH = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"
TIMED_OUT = 124


def carry_out(command: str, given: bytes, timeout: float) -> tuple[int, bytes, bytes]:
    """Run a shell command as root, and return its status, standard output and standard error.

    After `timeout` seconds its process group is killed, and the status is `TIMED_OUT`.
    """
    process = subprocess.Popen(
        ["/bin/bash", "-c", command],
        cwd="/root",
        env={"HOME": "/root", "USER": "root", "LANG": "C.UTF-8", "PATH": PATH},
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        start_new_session=True,
    )
    try:
        stdout, stderr = process.communicate(given, timeout)
    except subprocess.TimeoutExpired:
        os.killpg(process.pid, signal.SIGKILL)
        stdout, stderr = process.communicate()
        return TIMED_OUT, stdout, stderr + f"\nno end within {timeout:g} s".encode()
    return process.returncode, stdout, stderr


def serve(port: int) -> None:
    """Answer requests for as long as the machine runs."""
    reader = os.fdopen(os.dup(port), "rb", buffering=1 << 16)
    while True:
        line = reader.readline()
        if not line:  # the other end is not connected
            time.sleep(0.05)
            continue
        request: dict[str, Any] = json.loads(line)
        given = reader.read(request["input"])
        status, stdout, stderr = carry_out(request["command"], given, request["timeout"])
        head = {"number": request["number"], "status": status}
        sizes = {"stdout": len(stdout), "stderr": len(stderr)}
        answer = memoryview(json.dumps(head | sizes).encode() + b"\n" + stdout + stderr)
        while answer:
            answer = answer[os.write(port, answer) :]


if __name__ == "__main__":
    serve(os.open(PORT, os.O_RDWR))
