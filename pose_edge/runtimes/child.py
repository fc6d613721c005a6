"""The parent's side of a child process that runs a model; `child_main.py` is the child's side."""

from __future__ import annotations

import contextlib
import logging
import os
import pickle
import re
import socket
import subprocess
import threading
from collections import deque
from collections.abc import Callable
from typing import Final

import numpy as np

from pose_edge.errors import UnavailableError
from pose_edge.poses import Provenance
from pose_edge.runtimes import child_main
from pose_edge.runtimes.child_fault import LOAD_S, ChildDied, ChildFault, ChildLate
from pose_edge.runtimes.child_main import (
    FIRST_ANSWER,
    MAX_MESSAGE,
    REQUEST,
    Job,
    Loaded,
    SharedTensors,
)
from pose_edge.runtimes.runtime import AnyArray
from pose_edge.util.child_process import child_command, child_environment, describe_death

log = logging.getLogger(__name__)

END_S: Final = 2.0
"""Time for a child to exit by itself and release its device, seconds, before it is killed."""
POLL_S: Final = 0.1
"""Interval at which `Child.load` calls `wanted`, seconds."""
SLICE_S: Final = 0.05
"""Length of the slices into which waiting for a message is divided, seconds. A slice never counts
as more than its length, so that a timeout does not include time in which the whole program was
stopped (Ctrl-Z) or the machine was suspended."""
OUTPUT_S: Final = 0.25
"""Time to wait for the last output of a dead process, seconds. It is available at once, unless the
process has started another one that keeps the pipe open."""
DIED: Final = "its process has died"
INVALID_REPLY: Final = "its process gave a wrong answer"
QUOTED_BYTES: Final = 3
"""Number of lines of a dead process's last output that error messages quote."""
LOG_LINE: Final = re.compile(r"<(\d+)>(.*)")
"""A log record of the child: level and text; see `child_main`."""


class Child:
    """A child process that runs one model.

    One thread may call `run` while another one supervises the process. The kernel kills the process
    when the thread that created it ends, so that thread must live as long as the child is needed.

    Attributes:
        pid: Process number.
        loaded: Description of the loaded model; set by `load`.
    """

    loaded: Loaded

    def __init__(self, job: Job, *, name: str) -> None:
        """Start the process without waiting for the model; `name` identifies it in the log."""
        self._name = name
        self._number = 0
        self._closed = False
        self._tensors: SharedTensors | None = None
        self._last_words: deque[str] = deque(maxlen=QUOTED_BYTES)
        # Packets keep message boundaries: a message arrives as a whole or not at all.
        self._channel, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
        level = logging.getLogger("pose_edge").getEffectiveLevel()
        try:
            # The parent closes the child's end, so that the child's death closes the connection.
            with theirs:
                self._channel.send(pickle.dumps((job, level, os.getpid())))
                self._process = subprocess.Popen(
                    child_command(f"from {child_main.__name__} import main; main()"),
                    env=child_environment(),
                    stdin=theirs.fileno(),
                    stdout=subprocess.PIPE,
                    stderr=subprocess.STDOUT,
                    encoding="utf-8",
                    errors="replace",
                )
        except BaseException:
            self._channel.close()
            raise
        self.pid = self._process.pid
        self._reader = threading.Thread(target=self._read_output, name=f"{name} log", daemon=True)
        self._reader.start()

    @property
    def alive(self) -> bool:
        """Whether the process is running."""
        return not self._closed and self._process.poll() is None

    def load(self, timeout: float, wanted: Callable[[], bool] = lambda: True) -> None:
        """Wait until the model is loaded.

        Args:
            timeout: Timeout, seconds.
            wanted: Called repeatedly; when it returns False, the wait is abandoned.

        Raises:
            ChildFault: The child cannot load the model, has died, or takes too long; or `wanted`
                returned False.
        """
        left, message = timeout, b""
        while not message:
            try:
                message = self._receive(min(left, POLL_S))
            except ChildLate:
                left -= POLL_S
                if left <= 0 or not wanted():
                    raise ChildFault(f"the model is not loaded within {timeout:g} s") from None
            except ChildDied:
                fault = self.cause_of_death()
                if fault.crashed:
                    text = f"{fault} while it loaded: library and LiteRT do not match?"
                    fault = ChildFault(text, crashed=True)
                raise fault from None
        try:
            answer = FIRST_ANSWER.validate_json(message)
            if isinstance(answer, str):
                raise ChildFault(answer)
            self.loaded = answer
            self._tensors = SharedTensors.make(answer.input, answer.outputs)
        except (ValueError, OverflowError, OSError, MemoryError) as error:
            raise ChildFault(INVALID_REPLY) from error
        try:
            socket.send_fds(self._channel, [b"m"], [self._tensors.descriptor])
        except OSError as error:
            raise self.cause_of_death() from error
        finally:
            self._tensors.close_descriptor()

    def run(self, tensor: AnyArray, timeout: float) -> list[AnyArray]:
        """Run the model once.

        Args:
            tensor: Tensor of the input's shape; it is converted to the input's type.
            timeout: Time to wait for the result, seconds.

        Returns:
            The outputs, valid until the next call.

        Raises:
            ChildLate: The result has not arrived yet; call `answer` before the next `run`.
            ChildDied: The process has died.
            ChildFault: The reply is invalid; the child must not be used any more.
        """
        if self._tensors is None:
            raise ChildDied(DIED)
        np.copyto(self._tensors.input, tensor, casting="unsafe")
        self._number += 1
        try:
            self._channel.send(REQUEST.pack(self._number))
        except OSError as error:
            raise ChildDied(DIED) from error
        return self.answer(timeout)

    def answer(self, timeout: float) -> list[AnyArray]:
        """Wait for the result of the last `run`; returns and raises as `run` does."""
        if self._tensors is None:
            raise ChildDied(DIED)
        if self._receive(timeout) != REQUEST.pack(self._number):
            raise ChildFault(INVALID_REPLY)
        return list(self._tensors.outputs)

    def close(self) -> None:
        """End the process, by force if necessary; a second call does nothing."""
        if self._closed:
            return
        self._closed = True
        self._channel.close()
        if self._wait() is None:
            log.debug("%s does not end in time: killed", self._name)
            self._process.kill()
            # A process in uninterruptible sleep dies only when the device returns.
            self._wait()
        self._reader.join(OUTPUT_S)
        self._tensors = None  # freed now: a fault's traceback may keep this object alive for long

    def kill(self) -> None:
        """End the process at once, because it is stalled."""
        if not self._closed:
            self._process.kill()
            self.close()

    def cause_of_death(self) -> ChildFault:
        """Return how the process ended; wait up to `END_S` if it has not ended yet."""
        if not self._closed:
            self._wait()
            self._reader.join(OUTPUT_S)
        status = self._process.returncode
        words = "; ".join(self._last_words)
        return ChildFault(describe_death(status, words), crashed=status is not None and status < 0)

    def _wait(self) -> int | None:
        """Wait up to `END_S` for the process to end; return its status, or None if it runs on."""
        with contextlib.suppress(subprocess.TimeoutExpired):
            self._process.wait(END_S)
        return self._process.returncode

    def _receive(self, timeout: float) -> bytes:
        left, message = max(timeout, 1e-3), None
        while message is None:
            part = min(left, SLICE_S)
            self._channel.settimeout(part)
            try:
                message = self._channel.recv(MAX_MESSAGE)
            except TimeoutError as error:
                left -= part
                if left <= 0:
                    raise ChildLate(f"no answer within {timeout:g} s") from error
            except OSError as error:
                raise ChildDied(DIED) from error
        if not message:
            raise ChildDied(DIED)
        return message

    def _read_output(self) -> None:
        """Forward the child's log records and output to the log (main of the reader thread)."""
        assert self._process.stdout is not None
        with self._process.stdout as lines:
            for line in lines:
                text = line.rstrip()
                if logged := LOG_LINE.fullmatch(text):
                    log.log(int(logged[1]), "%s: %s", self._name, logged[2])
                elif text:
                    if not text.startswith("INFO: "):  # LiteRT announces its delegates
                        self._last_words.append(text)
                    log.debug("%s: %s", self._name, text)


def start_child(job: Job, wanted: Callable[[], bool] = lambda: True) -> Child:
    """Start a child process and wait until its model is loaded.

    Args:
        job: The model and how to run it.
        wanted: See `Child.load`.

    Raises:
        ChildFault: The process cannot be started, or cannot load the model.
    """
    try:
        child = Child(job, name="model" if job.library is None else "edgetpu")
    except OSError as error:
        raise ChildFault(f"no process can be started: {error.strerror}") from error
    try:
        child.load(LOAD_S, wanted)
    except BaseException:
        child.kill()
        raise
    return child


class ChildRuntime:
    """A `Runtime` in a child process without a fallback, for measuring one backend alone."""

    def __init__(self, child: Child, provenance: Provenance, *, timeout: float) -> None:
        """Wrap a child that has loaded its model.

        Args:
            child: The child process; `close` ends it.
            provenance: The model's name, and the hardware that runs it.
            timeout: Time after which an inference has failed, seconds.
        """
        self._child = child
        self._timeout = timeout
        self.input, self.outputs = child.loaded.input, child.loaded.outputs
        self.sizes = ((self.input.shape[1], self.input.shape[2]),)
        self.provenance = provenance
        self.close = child.close

    def run(self, tensor: AnyArray) -> list[AnyArray]:
        """Run the model once.

        Raises:
            UnavailableError: The process has died, does not reply in time, or replies wrongly.
        """
        try:
            return self._child.run(tensor, self._timeout)
        except ChildDied:
            fault = self._child.cause_of_death()
        except ChildFault as error:
            fault = error
        raise UnavailableError(f"{self.provenance.model}: {fault}")

    def describe(self) -> str:
        """Return what runs the model, and the number of the process."""
        return f"{self._child.loaded.describe}, in process {self._child.pid}"
