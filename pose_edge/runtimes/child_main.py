"""The child process: loads a model and runs it for its parent.

What a broken library or a lost device does to this process (abort, crash, an inference that never
ends, an interpreter that is held for seconds) does not touch the parent.
"""

from __future__ import annotations

import logging
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
from pose_edge.util.child_process import die_with, redirect_output
from pose_edge.zoo.registry import ModelFile, Tensor

REQUEST: Final = struct.Struct("<Q")
"""The number of a request; its answer repeats it."""
MAX_MESSAGE: Final = 1 << 16
"""Bytes of the longest message."""


@dataclass(frozen=True, slots=True)
class Job:
    """What a child process runs.

    Attributes:
        model: The model.
        threads: CPU threads.
        library: Name or path of libedgetpu; None to run the model on the CPU.
        device: Option of the library: "", "usb", "usb:0", "pci", "pci:0", ":1".
    """

    model: ModelFile
    threads: int
    library: str | None = None
    device: str = ""


@dataclass(frozen=True, slots=True)
class Loaded:
    """The child's first message when it has loaded the model and run it once.

    When it cannot, its first and last message is the reason, a string.

    Attributes:
        input: Shape and type of the input.
        outputs: Shape and type of each output.
        describe: What runs the model.
        version: Version of the Edge TPU library; None where the library does not tell.
    """

    input: Tensor
    outputs: tuple[Tensor, ...]
    describe: str
    version: str | None = None


def serve(
    channel: socket.socket, output: Connection, job: Job, log_level: int, parent: int
) -> None:
    """Load the model and answer requests until the parent closes the channel: the child's main.

    Args:
        channel: Packets to and from the parent.
        output: Gets the log, and what is written to the standard output and error.
        job: What to run.
        log_level: The least level that is logged.
        parent: The parent's process number.
    """
    # Ctrl-C and a service's stop reach the whole group: the parent ends in order, and then closes
    # the channel. A library that hangs would not notice that, so the kernel has to help.
    for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
        signal.signal(number, signal.SIG_IGN)
    die_with(parent)
    _log_to(output, log_level)
    try:
        accelerator = _accelerator(job)
        runtime = LiteRT(job.model, threads=job.threads, accelerator=accelerator)
    except PoseEdgeError as error:
        channel.send(pickle.dumps(str(error)))
        return
    version = accelerator.version if accelerator else None
    loaded = Loaded(runtime.input, runtime.outputs, runtime.describe(), version)
    channel.send(pickle.dumps(loaded))
    try:
        _answer(channel, runtime)
    except ConnectionError:
        return  # the parent has ended, or has closed the channel
    except (RuntimeError, ValueError) as error:  # as the runtime raises a delegate's error
        sys.exit(" ".join(str(error).split())[:200])  # with status 1, and this as the last words


def _answer(channel: socket.socket, runtime: LiteRT) -> None:
    _, descriptors, _, _ = socket.recv_fds(channel, 1, 1)
    if not descriptors:
        return
    tensors = SharedTensors.of(descriptors[0], runtime.input, runtime.outputs)
    tensors.close_descriptor()
    while request := channel.recv(REQUEST.size):
        outputs = runtime.run(tensors.input)
        for place, output in zip(tensors.outputs, outputs, strict=True):
            place[...] = output
        channel.send(request)


def _accelerator(job: Job) -> Accelerator | None:
    if job.library is None:
        return None
    from pose_edge.runtimes.edgetpu.delegate import edgetpu_accelerator

    return edgetpu_accelerator(job.library, job.device)


def _log_to(output: Connection, level: int) -> None:
    """Send everything that is written or logged to the parent.

    A line of the log begins with its level in angle brackets, as systemd reads it too; a line
    without is one that a library wrote.
    """
    redirect_output(output.fileno())
    output.close()
    # C's own buffer would keep back what a library prints until the process ends in order.
    handler = logging.StreamHandler(sys.stderr)
    handler.setFormatter(logging.Formatter("<%(levelno)s>%(message)s"))
    logging.basicConfig(handlers=[handler], level=logging.WARNING)
    logging.getLogger("pose_edge").setLevel(level)
