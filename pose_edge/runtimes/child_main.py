"""The child process: loads a model and runs it for its parent.

What a broken library or a lost device does to this process (abort, crash, an inference that never
ends, an interpreter that is held for seconds) does not touch the parent.
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
from pose_edge.util.child_process import die_with
from pose_edge.zoo.registry import ModelFile, Tensor

REQUEST: Final = struct.Struct("<Q")
"""The number of a request; its answer repeats it."""
MAX_MESSAGE: Final = 1 << 16
"""Bytes of the longest message."""
ALIGNMENT: Final = 64
"""Bytes from tensor to tensor in shared memory: a cache line, and enough for every type."""


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


FIRST_ANSWER: Final[TypeAdapter[Loaded | str]] = TypeAdapter(
    Loaded | str, config=ConfigDict(defer_build=True)
)
"""Writes and checks the child's first message, as JSON."""


@dataclass(frozen=True, slots=True)
class SharedTensors:
    """Input and outputs of one inference, in memory that two processes share.

    Attributes:
        descriptor: File descriptor of the memory. The memory has no name, so it is freed with the
            last process that uses it, however that ends.
        input: Array of the input's shape and type.
        outputs: Arrays of the outputs' shapes and types.
    """

    descriptor: int
    input: AnyArray
    outputs: tuple[AnyArray, ...]

    @classmethod
    def make(cls, source: Tensor, targets: Sequence[Tensor]) -> SharedTensors:
        """Allocate memory for such tensors; call `close_descriptor` once it is shared."""
        descriptor = os.memfd_create("pose-edge", os.MFD_CLOEXEC)
        os.ftruncate(descriptor, sum(map(_aligned_size, (source, *targets))))
        return cls.of(descriptor, source, targets)

    @classmethod
    def of(cls, descriptor: int, source: Tensor, targets: Sequence[Tensor]) -> SharedTensors:
        """Map the memory that the other process has allocated for the same tensors."""
        memory, offset = mmap.mmap(descriptor, 0), 0
        arrays: list[AnyArray] = []
        for tensor in (source, *targets):
            arrays.append(np.ndarray(tensor.shape, tensor.dtype, memory, offset))
            offset += _aligned_size(tensor)
        return cls(descriptor, arrays[0], tuple(arrays[1:]))

    def close_descriptor(self) -> None:
        """Close the descriptor, which only sharing needs; the arrays stay valid."""
        os.close(self.descriptor)


def _aligned_size(tensor: Tensor) -> int:
    size = math.prod(tensor.shape) * np.dtype(tensor.dtype).itemsize
    return -(-size // ALIGNMENT) * ALIGNMENT


def main() -> None:
    """Load the model and answer requests until the parent closes the channel.

    The standard input is the channel of packets from and to the parent; its first packet holds the
    job, the least level that is logged, and the parent's process number. Everything that is logged
    or written goes to the standard output and error, which the parent reads.
    """
    # Ctrl-C and a service's stop reach the whole group: the parent ends in order, and then closes
    # the channel. A library that hangs would not notice that, so the kernel has to help.
    for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
        signal.signal(number, signal.SIG_IGN)
    channel = socket.socket(fileno=0)
    if not (first := channel.recv(MAX_MESSAGE)):
        return
    job, log_level, parent = pickle.loads(first)  # noqa: S301 - from our parent
    die_with(parent)
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
    except (RuntimeError, ValueError) as error:  # as the runtime raises a delegate's error
        sys.exit(" ".join(str(error).split())[:200])  # with status 1, and this as the last words


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
    """Log to the standard error, each line with its level in angle brackets, as for systemd.

    A line without a level was written by a library.
    """
    handler = logging.StreamHandler(sys.stderr)
    handler.setFormatter(logging.Formatter("<%(levelno)s>%(message)s"))
    logging.basicConfig(handlers=[handler], level=logging.WARNING)
    logging.getLogger("pose_edge").setLevel(level)
