"""The main program of the child process that loads a model and runs it for its parent.

The process isolates the parent from a faulty library or a lost device: an abort, a crash, an
inference that never ends, or an interpreter lock held for seconds.
"""

from __future__ import annotations

import logging
import math
import mmap
import os
import pickle
import signal
import socket
import struct
import sys
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

import numpy as np
from pydantic import ConfigDict, TypeAdapter

from pose_edge.errors import PoseEdgeError
from pose_edge.runtimes.litert import LiteRT
from pose_edge.runtimes.runtime import AnyArray
from pose_edge.util.child_process import kill_with_parent
from pose_edge.zoo.registry import ModelFile, Tensor

REQUEST: Final = struct.Struct("<Q")
"""A request: its number, which the reply repeats."""
MAX_MESSAGE: Final = 1 << 16
"""Maximum length of a message, bytes."""
ALIGNMENT: Final = 64
"""Alignment of tensors in shared memory, bytes: a cache line, and enough for every type."""


@dataclass(frozen=True, slots=True)
class Job:
    """The model that a child process runs, and how.

    Attributes:
        model: The model.
        threads: Number of CPU threads.
        library: Name or path of libedgetpu; None to run the model on the CPU.
        device: The library's device option: "", "usb", "usb:0", "pci", "pci:0", ":1".
    """

    model: ModelFile
    threads: int
    library: str | None = None
    device: str = ""


@dataclass(frozen=True, slots=True)
class Loaded:
    """The child's first message, after it has loaded the model and run it once.

    If the child cannot do so, its only message is the reason, a string.

    Attributes:
        input: Shape and type of the input.
        outputs: Shape and type of each output.
        describe: Short description of what runs the model.
        version: Version of the Edge TPU library; None if the library does not report it.
    """

    input: Tensor
    outputs: tuple[Tensor, ...]
    describe: str
    version: str | None = None


FIRST_ANSWER: Final[TypeAdapter[Loaded | str]] = TypeAdapter(
    Loaded | str, config=ConfigDict(defer_build=True)
)
"""Serialises and validates the child's first message as JSON."""


@dataclass(frozen=True, slots=True)
class SharedTensors:
    """Input and outputs of one inference, in memory shared by two processes.

    Attributes:
        descriptor: File descriptor of the memory. The memory has no name, so it is freed when the
            last process that uses it ends, even by a crash.
        input: Array of the input's shape and type.
        outputs: Arrays of the outputs' shapes and types.
    """

    descriptor: int
    input: AnyArray
    outputs: tuple[AnyArray, ...]

    @classmethod
    def make(cls, source: Tensor, targets: Sequence[Tensor]) -> SharedTensors:
        """Allocate memory for these tensors; call `close_descriptor` once it is shared."""
        descriptor = os.memfd_create("pose-edge", os.MFD_CLOEXEC)
        os.ftruncate(descriptor, sum(map(_aligned_size, (source, *targets))))
        return cls.of(descriptor, source, targets)

    @classmethod
    def of(cls, descriptor: int, source: Tensor, targets: Sequence[Tensor]) -> SharedTensors:
        """Map memory that was allocated for the same tensors, here or in the other process."""
        memory, offset = mmap.mmap(descriptor, 0), 0
        arrays: list[AnyArray] = []
        for tensor in (source, *targets):
            arrays.append(np.ndarray(tensor.shape, tensor.dtype, memory, offset))
            offset += _aligned_size(tensor)
        return cls(descriptor, arrays[0], tuple(arrays[1:]))

    def close_descriptor(self) -> None:
        """Close the descriptor, which is only needed for sharing; the arrays stay valid."""
        os.close(self.descriptor)


def _aligned_size(tensor: Tensor) -> int:
    size = math.prod(tensor.shape) * np.dtype(tensor.dtype).itemsize
    return -(-size // ALIGNMENT) * ALIGNMENT


def main() -> None:
    """Load the model and answer requests until the parent closes the channel.

    Standard input is a packet socket connected to the parent. Its first packet contains the job,
    the minimum log level, and the parent's process number. The log and all other output go to
    standard output and standard error, which the parent reads.
    """
    # Ctrl-C and a service's stop signal the whole process group. The child ignores them: the parent
    # shuts down in order and then closes the channel. If a library hangs here, the channel is not
    # read, so the kernel is asked to kill this process with its parent.
    for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
        signal.signal(number, signal.SIG_IGN)
    channel = socket.socket(fileno=0)
    if not (first := channel.recv(MAX_MESSAGE)):
        return
    job, log_level, parent = pickle.loads(first)  # noqa: S301 - from our parent
    kill_with_parent(parent)
    _log_lines(log_level)
    try:
        accelerator = None
        if job.library is not None:
            from pose_edge.runtimes.edgetpu.delegate import edgetpu_accelerator

            accelerator = edgetpu_accelerator(job.library, job.device)
        runtime = LiteRT(job.model, threads=job.threads, accelerator=accelerator)
    except PoseEdgeError as error:
        channel.send(FIRST_ANSWER.dump_json(str(error)))
        return
    version = accelerator.version if accelerator else None
    loaded = Loaded(runtime.input, runtime.outputs, runtime.describe(), version)
    channel.send(FIRST_ANSWER.dump_json(loaded))
    try:
        _answer_requests(channel, runtime)
    except ConnectionError:
        return  # the parent has ended, or has closed the channel
    except (RuntimeError, ValueError) as error:  # raised by the runtime for a delegate's errors
        sys.exit(" ".join(str(error).split())[:200])  # status 1; the parent quotes the message


def _answer_requests(channel: socket.socket, runtime: LiteRT) -> None:
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


def _log_lines(level: int) -> None:
    """Log to standard error, each line prefixed with its level in angle brackets, as for systemd.

    The parent can thus tell log records from lines that a library writes.
    """
    handler = logging.StreamHandler(sys.stderr)
    handler.setFormatter(logging.Formatter("<%(levelno)s>%(message)s"))
    logging.basicConfig(handlers=[handler], level=logging.WARNING)
    logging.getLogger("pose_edge").setLevel(level)
