"""Memory that a process shares with its child, so that tensors need not be sent."""

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
        memory = mmap.mmap(descriptor, 0)
        arrays: list[AnyArray] = []
        offset = 0
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
