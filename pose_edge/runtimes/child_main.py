"""The child process: loads a model and runs it for its parent.

What a broken library or a lost device does to this process (abort, crash, an inference that never
ends, an interpreter that is held for seconds) does not touch the parent.
"""

from __future__ import annotations

import contextlib
import ctypes
import logging
import os
import pickle
import signal
import socket
import struct
import sys
from dataclasses import dataclass
from multiprocessing.connection import Connection
from typing import Final

from pose_edge.errors import PoseEdgeError
from pose_edge.runtimes.litert import Accelerator, LiteRT
from pose_edge.runtimes.shared_tensors import SharedTensors
from pose_edge.zoo.registry import ModelFile, Tensor

PR_SET_PDEATHSIG: Final = 1
"""linux/prctl.h"""

REQUEST: Final = struct.Struct("<Q")
"""A number, counted up, that the answer repeats."""
MAX_MESSAGE: Final = 1 << 16
"""Bytes of the longest message."""


@dataclass(frozen=True, slots=True)
class EdgeTpu:
    """Which Edge TPU, and by which library.

    Attributes:
        library: Name or path of libedgetpu.
        device: The library's option: "", "usb", "usb:0", "pci", "pci:0", ":1".
    """

    library: str
    device: str


@dataclass(frozen=True, slots=True)
class Job:
    """What a child is to do.

    Attributes:
        model: The model.
        threads: CPU threads.
        edgetpu: What to run it on; None for the CPU.
    """

    model: ModelFile
    threads: int
    edgetpu: EdgeTpu | None


@dataclass(frozen=True, slots=True)
class Loaded:
    """What the child says once the model is loaded and was run once.

    Attributes:
        input: Shape and type of the input.
        outputs: The same of the outputs.
        describe: What runs it.
        version: What the Edge TPU library says of itself; None where it says nothing.
    """

    input: Tensor
    outputs: tuple[Tensor, ...]
    describe: str
    version: str | None = None


@dataclass(frozen=True, slots=True)
class Refused:
    """What the child says when it cannot load the model, before it ends.

    Attributes:
        reason: In words for people.
    """

    reason: str


def serve(channel: socket.socket, words: Connection, job: Job, log_level: int, parent: int) -> None:
    """Load the model and answer requests until the parent closes the channel: the child's main.

    Args:
        channel: Packets to and from the parent.
        words: Gets what is written to the standard output and error, and the log.
        job: What to do.
        log_level: From which level on to log.
        parent: The parent's process number.
    """
    _live_and_die_with(parent)
    _speak_to(words, log_level)
    try:
        accelerator = _accelerator(job.edgetpu)
        # The standard error is the parent's to read already, and last words must reach it.
        runtime = LiteRT(
            job.model,
            threads=job.threads,
            accelerator=accelerator,
            capture=contextlib.nullcontext,
        )
    except PoseEdgeError as error:
        channel.send(pickle.dumps(Refused(str(error))))
        return
    version = accelerator.version if accelerator else None
    loaded = Loaded(runtime.input, runtime.outputs, runtime.describe(), version)
    channel.send(pickle.dumps(loaded))
    try:
        _answer(channel, runtime)
    except ConnectionError:
        return  # the parent is gone or has enough: that is the end
    except (RuntimeError, ValueError) as error:  # what the runtime makes of a delegate's error
        sys.exit(" ".join(str(error).split())[:200])  # status 1, and the last words


def _answer(channel: socket.socket, runtime: LiteRT) -> None:
    _, descriptors, _, _ = socket.recv_fds(channel, 1, 1)
    if not descriptors:
        return
    mailbox = SharedTensors.of(descriptors[0], runtime.input, runtime.outputs)
    mailbox.close_descriptor()
    while request := channel.recv(REQUEST.size):
        outputs = runtime.run(mailbox.input)
        for place, output in zip(mailbox.outputs, outputs, strict=True):
            place[...] = output
        channel.send(request)


def _accelerator(edgetpu: EdgeTpu | None) -> Accelerator | None:
    if edgetpu is None:
        return None
    from pose_edge.runtimes.edgetpu.delegate import edgetpu_accelerator

    return edgetpu_accelerator(edgetpu.library, edgetpu.device)


def _live_and_die_with(parent: int) -> None:
    """Let the parent alone decide when this process ends, and let its death end it at once."""
    # Ctrl-C and a service's stop reach the whole group; the parent ends in order, and this with it.
    for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
        signal.signal(number, signal.SIG_IGN)
    # A stalled library would never notice that the channel is closed: the kernel has to kill.
    ctypes.CDLL(None).prctl(PR_SET_PDEATHSIG, signal.SIGKILL)
    if os.getppid() != parent:  # it died before this was asked for
        os._exit(1)


def _speak_to(words: Connection, level: int) -> None:
    """Send everything that is written or logged to the parent.

    A line of the log begins with its level in angle brackets, as systemd reads it too; a line
    without is something that a library wrote.
    """
    for descriptor in (1, 2):
        os.dup2(words.fileno(), descriptor)
    words.close()
    # C's own buffer would keep back what a library prints until the process ends in order.
    handler = logging.StreamHandler(sys.stderr)
    handler.setFormatter(logging.Formatter("<%(levelno)s>%(message)s"))
    logging.basicConfig(handlers=[handler], level=logging.WARNING)
    logging.getLogger("pose_edge").setLevel(level)
