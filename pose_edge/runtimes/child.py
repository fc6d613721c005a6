"""The parent's hold on a child process that runs a model."""

from __future__ import annotations

import contextlib
import logging
import multiprocessing
import os
import pickle
import re
import signal
import socket
import threading
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass
from multiprocessing.connection import Connection
from multiprocessing.process import BaseProcess
from multiprocessing.util import Finalize
from typing import Final

import numpy as np

from pose_edge.errors import UnavailableError
from pose_edge.runtimes import AnyArray
from pose_edge.runtimes.child_main import MAX_MESSAGE, REQUEST, Job, Loaded, Refused, serve
from pose_edge.runtimes.shared_tensors import SharedTensors

log = logging.getLogger(__name__)

LOAD_S: Final = 60.0
"""How long loading may take: a USB Coral gets its firmware meanwhile."""
END_S: Final = 2.0
"""How long a child may take to end by itself: a device is given back properly then."""
LOOK_S: Final = 0.1
"""How often a wait for loading looks whether it is still wanted."""
WORDS_S: Final = 0.25
"""How long its last words are waited for. They are there already, but if it has started a process,
that holds their channel open."""
DIED: Final = "its process has died"
LAST_WORDS: Final = 3
"""Lines of what a child wrote that are told when it dies."""
LOGGED: Final = re.compile(r"<(\d+)>(.*)")
"""A line of the log: its level and text; see `worker`."""


class ChildFault(UnavailableError):  # noqa: N818 - an event, like SourceLost
    """The child cannot run the model (any more): why, in words for people.

    Attributes:
        crashed: The process was ended by a signal.
    """

    crashed = False


class ChildDied(ChildFault):
    """The process is gone; `Child.cause_of_death` says how it ended."""


class ChildLate(ChildFault):
    """The answer has not come in time; it may still come: see `Child.answer`."""


class Child:
    """A process that runs one model.

    One thread may `run` it while another looks after the process. The child dies with the thread
    that made it (the kernel sees to it), so that thread must live as long as the child is needed.
    """

    def __init__(self, job: Job, *, name: str) -> None:
        """Start the process; `load` waits for it.

        Args:
            job: What it is to run.
            name: Of the process, for the log.
        """
        self._name = name
        self._number = 0
        self._closed = False
        self._status: int | None = None
        self._mailbox: SharedTensors | None = None
        self._last_words: deque[str] = deque(maxlen=LAST_WORDS)
        # Packets: a message comes whole or not at all.
        self._channel, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
        # A fresh interpreter: a fork of a process with threads, and with OpenCV in it, may hang.
        spawn = multiprocessing.get_context("spawn")
        hear, speak = spawn.Pipe(duplex=False)
        level = logging.getLogger("pose_edge").getEffectiveLevel()
        self._process = spawn.Process(
            target=serve, args=(theirs, speak, job, level, os.getpid()), name=name, daemon=True
        )
        try:
            self._process.start()
        except BaseException:
            self._channel.close()
            hear.close()
            raise
        finally:
            # The child alone holds its ends, so that its death closes them.
            theirs.close()
            speak.close()
        # The interpreter ends only after its children, and this one ignores its request to end.
        Finalize(self, _kill, (self._process,), exitpriority=0)
        self.pid = self._process.pid
        self._listener = threading.Thread(
            target=self._listen, args=(hear,), name=f"{name} log", daemon=True
        )
        self._listener.start()

    @property
    def alive(self) -> bool:
        """Whether the process is there."""
        return not self._closed and self._process.is_alive()

    def load(self, timeout: float, wanted: Callable[[], bool] = lambda: True) -> Loaded:
        """Wait until the model is loaded.

        Args:
            timeout: Seconds that this may take.
            wanted: Asked now and then; when it says no, the wait ends.

        Raises:
            ChildFault: It cannot load the model, has died, or takes too long.
        """
        left = timeout
        while True:
            try:
                answer = pickle.loads(self._receive(min(left, LOOK_S)))  # noqa: S301 - our child's
            except ChildLate:
                left -= LOOK_S
                if left <= 0 or not wanted():
                    raise ChildFault(f"the model is not loaded within {timeout:g} s") from None
            except ChildDied:
                fault = self.cause_of_death()
                if fault.crashed:
                    fault.args = (f"{fault} while it loaded: library and LiteRT do not match?",)
                raise fault from None
            else:
                break
        if isinstance(answer, Refused):
            raise ChildFault(answer.reason)
        assert isinstance(answer, Loaded)
        self._mailbox = mailbox = SharedTensors.make(answer.input, answer.outputs)
        try:
            socket.send_fds(self._channel, [b"m"], [mailbox.descriptor])
        except OSError as error:
            raise self.cause_of_death() from error
        finally:
            mailbox.close_descriptor()
        return answer

    def run(self, tensor: AnyArray, timeout: float) -> list[AnyArray]:
        """Run the model once.

        Args:
            tensor: Of the input's shape; another type is converted.
            timeout: Seconds to wait for the answer.

        Returns:
            The outputs, valid until the next call.

        Raises:
            ChildLate: There is no answer yet: ask for it with `answer` before the next `run`.
            ChildDied: There will be none.
        """
        if self._mailbox is None:
            raise ChildDied(DIED)
        np.copyto(self._mailbox.input, tensor, casting="unsafe")
        self._number += 1
        try:
            self._channel.send(REQUEST.pack(self._number))
        except OSError as error:
            raise ChildDied(DIED) from error
        return self.answer(timeout)

    def answer(self, timeout: float) -> list[AnyArray]:
        """Wait for the answer to the last `run`; see there."""
        if self._mailbox is None:
            raise ChildDied(DIED)
        (number,) = REQUEST.unpack(self._receive(timeout))
        assert number == self._number
        return list(self._mailbox.outputs)

    def close(self) -> None:
        """End the process, by force if need be; doing it twice does no harm."""
        if self._closed:
            return
        self._closed = True
        self._channel.close()
        self._process.join(END_S)
        if self._process.is_alive():
            log.debug("%s does not end by itself: killed", self._name)
            self._process.kill()
            # A process that waits for a device deep in the kernel dies when the device lets go.
            self._process.join(END_S)
        self._listener.join(WORDS_S)
        self._mailbox = None  # at once: a fault's traceback may hold on to this object for long
        if not self._process.is_alive():
            self._status = self._process.exitcode
            self._process.close()

    def kill(self) -> None:
        """End the process at once: it is stalled."""
        if not self._closed:
            self._process.kill()
            self.close()

    def cause_of_death(self) -> ChildFault:
        """Say how the process ended; waits a moment where it has not yet."""
        if not self._closed:
            self._process.join(END_S)
            self._listener.join(WORDS_S)
            self._status = self._process.exitcode
        status = self._status
        if status is None:
            how = "stopped answering"
        elif status < 0:
            names = {one.value: one.name for one in signal.Signals}  # not those of real time
            how = f"was ended by {names.get(-status, f'signal {-status}')}"
        else:
            how = f"ended with status {status}"
        words = "; ".join(self._last_words)
        fault = ChildFault(f"its process {how}" + (f" ({words})" if words else ""))
        fault.crashed = status is not None and status < 0
        return fault

    def _receive(self, timeout: float) -> bytes:
        self._channel.settimeout(max(timeout, 1e-3))
        try:
            message = self._channel.recv(MAX_MESSAGE)
        except TimeoutError as error:
            raise ChildLate(f"no answer within {timeout:g} s") from error
        except OSError as error:
            raise ChildDied(DIED) from error
        if not message:
            raise ChildDied(DIED)
        return message

    def _listen(self, hear: Connection) -> None:
        """Pass on what the child says until it ends."""
        with open(hear.fileno(), encoding="utf-8", errors="replace", closefd=False) as lines, hear:
            for line in lines:
                text = line.rstrip()
                logged = LOGGED.fullmatch(text)
                if logged is not None:
                    log.log(int(logged[1]), "%s: %s", self._name, logged[2])
                elif text:
                    if not text.startswith("INFO: "):  # LiteRT names its parts
                        self._last_words.append(text)
                    log.debug("%s: %s", self._name, text)


def _kill(process: BaseProcess) -> None:
    with contextlib.suppress(ValueError):  # closed: it has ended in order
        process.kill()


@dataclass(frozen=True, slots=True)
class Started:
    """A child that is ready.

    Attributes:
        child: The process.
        loaded: What it has loaded.
    """

    child: Child
    loaded: Loaded


def start_child(job: Job, wanted: Callable[[], bool] = lambda: True) -> Started:
    """Start a child process and wait until it is ready.

    Raises:
        ChildFault: It cannot be started, or cannot load the model.
    """
    try:
        child = Child(job, name="edgetpu" if job.edgetpu else "model")
    except OSError as error:
        raise ChildFault(f"no process can be started: {error.strerror}") from error
    try:
        return Started(child, child.load(LOAD_S, wanted))
    except BaseException:
        child.kill()
        raise
