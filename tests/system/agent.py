"""The host's end of the channel over which commands are sent to the virtual machine."""

from __future__ import annotations

import itertools
import json
import socket
import threading
import time
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

ANSWER_S: Final = 10.0
"""Seconds to wait for an answer beyond the command's own time limit."""


class AgentError(Exception):
    """The machine does not answer, or a command that must succeed failed."""


@dataclass(frozen=True)
class Answer:
    """Exit status and output of a command."""

    status: int
    stdout: bytes
    stderr: bytes

    @property
    def text(self) -> str:
        """The standard output, without trailing newlines."""
        return self.stdout.decode("utf-8", "replace").rstrip("\n")


class Agent:
    """Client of guest/agent.py, which runs commands as root, one at a time."""

    def __init__(self, channel: socket.socket) -> None:
        """Create the client on a socket connected to the machine's virtio-serial port."""
        self._channel = channel
        self._received = bytearray()
        self._numbers = itertools.count(1)
        self._lock = threading.Lock()

    def wait(self, timeout: float) -> None:
        """Wait until the machine has booted far enough to answer commands.

        Raises:
            AgentError: The machine did not answer within `timeout` seconds.
        """
        self.run("true", timeout=timeout)

    def __call__(self, command: str, *, timeout: float = 60.0, given: bytes = b"") -> str:
        """Run a shell command that must succeed, and return its standard output.

        Args:
            command: The command line, run by bash.
            timeout: Seconds after which the command is killed.
            given: Bytes for its standard input.

        Raises:
            AgentError: The command failed, or the machine does not answer.
        """
        answer = self.run(command, timeout=timeout, given=given)
        if answer.status != 0:
            raise AgentError(
                f"{command!r} failed in the machine with status {answer.status}: "
                f"{answer.text} {answer.stderr.decode('utf-8', 'replace')}"
            )
        return answer.text

    def run(self, command: str, *, timeout: float = 60.0, given: bytes = b"") -> Answer:
        """Run a shell command and return its result, whatever its exit status.

        The arguments are those of `__call__`.

        Raises:
            AgentError: The machine does not answer.
        """
        with self._lock:
            number = next(self._numbers)
            head = {"number": number, "command": command, "timeout": timeout, "input": len(given)}
            deadline = time.monotonic() + timeout + ANSWER_S
            try:
                self._channel.settimeout(timeout + ANSWER_S)
                self._channel.sendall(json.dumps(head).encode() + b"\n" + given)
                while True:
                    found, answer = self._answer(deadline)
                    if found == number:  # else a late answer to a command that was given up
                        return answer
            except OSError as error:
                raise AgentError(f"no answer from the machine to {command!r}: {error}") from error

    def push(self, path: Path, target: str) -> None:
        """Copy a file into the machine."""
        self(f"cat >{target}", given=path.read_bytes())

    def pull(self, path: str) -> bytes:
        """Return the content of a file in the machine."""
        answer = self.run(f"cat {path}")
        if answer.status != 0:
            raise AgentError(answer.stderr.decode("utf-8", "replace"))
        return answer.stdout

    def close(self) -> None:
        """Close the channel."""
        self._channel.close()

    def _answer(self, deadline: float) -> tuple[int, Answer]:
        """Read one whole answer; keep a partial one for the next call if the deadline passes."""
        while True:
            end = self._received.find(b"\n") + 1
            if end:
                head: dict[str, Any] = json.loads(self._received[:end])
                middle = end + head["stdout"]
                stop = middle + head["stderr"]
                if len(self._received) >= stop:
                    parts = bytes(self._received[end:middle]), bytes(self._received[middle:stop])
                    del self._received[:stop]
                    return head["number"], Answer(head["status"], *parts)
            self._channel.settimeout(max(0.001, deadline - time.monotonic()))
            received = self._channel.recv(1 << 18)
            if not received:
                raise ConnectionError("the machine has been switched off")
            self._received += received
