"""Memory that a process shares with its child: tensors there and back without a copy in between."""

from __future__ import annotations

import math
import mmap
import os
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from pose_edge.runtimes import AnyArray
from pose_edge.zoo.registry import Tensor

ALIGNMENT = 64
"""Bytes; a cache line, and enough for every type."""


@dataclass(frozen=True, slots=True)
class SharedTensors:
    """One input and the outputs of one inference.

    Attributes:
        descriptor: The memory's file descriptor. The memory has no name, so nothing of it is left
            behind however the processes end; it is freed with the last of its users.
        input: Of the input's shape and type, in shared memory.
        outputs: The same for the outputs.
    """

    descriptor: int
    input: AnyArray
    outputs: tuple[AnyArray, ...]

    @classmethod
    def make(cls, source: Tensor, targets: Sequence[Tensor]) -> SharedTensors:
        """Make the memory for tensors of these shapes and types; `close_descriptor` it."""
        descriptor = os.memfd_create("pose-edge", os.MFD_CLOEXEC)
        os.ftruncate(descriptor, sum(map(_room, (source, *targets))))
        return cls.of(descriptor, source, targets)

    @classmethod
    def of(cls, descriptor: int, source: Tensor, targets: Sequence[Tensor]) -> SharedTensors:
        """Use memory that the other process made for the same tensors."""
        memory = mmap.mmap(descriptor, 0)
        arrays: list[AnyArray] = []
        offset = 0
        for tensor in (source, *targets):
            arrays.append(np.ndarray(tensor.shape, tensor.dtype, memory, offset))
            offset += _room(tensor)
        return cls(descriptor, arrays[0], tuple(arrays[1:]))

    def close_descriptor(self) -> None:
        """Close what was only needed to share the memory; the arrays stay."""
        os.close(self.descriptor)


def _room(tensor: Tensor) -> int:
    size = math.prod(tensor.shape) * np.dtype(tensor.dtype).itemsize
    return -(-size // ALIGNMENT) * ALIGNMENT
