from __future__ import annotations

import fcntl
import itertools
import os
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from pose_edge.runtimes import AnyArray
from pose_edge.runtimes.child_main import ALIGNMENT, SharedTensors
from pose_edge.zoo.registry import Tensor

POSE = Tensor(shape=(1, 1, 17, 3), dtype="float32")
PICTURE = Tensor(shape=(1, 192, 192, 3), dtype="uint8")

TENSORS = st.builds(
    lambda shape, dtype: Tensor(shape=tuple(shape), dtype=dtype),
    st.lists(st.integers(1, 9), max_size=4),
    st.sampled_from(["uint8", "int8", "int32", "float32"]),
)


def fill(array: AnyArray, number: int) -> None:
    """Set all bytes of an array to a number."""
    array[...] = np.full(array.nbytes, number, np.uint8).view(array.dtype).reshape(array.shape)


def holds(array: AnyArray, number: int) -> bool:
    return set(array.tobytes()) == {number}


def descriptors() -> int:
    return len(list(Path("/proc/self/fd").iterdir()))


def mappings(what: str = "memfd:pose-edge") -> int:
    """Count the mappings of mailboxes, or of another file, in this process's memory."""
    return Path("/proc/self/maps").read_text().count(what)


@settings(deadline=None)
@given(TENSORS, st.lists(TENSORS, min_size=1, max_size=4))
def test_any_tensors_have_a_place_of_their_own(source: Tensor, targets: list[Tensor]) -> None:
    mailbox = SharedTensors.make(source, targets)
    mailbox.close_descriptor()
    arrays = [mailbox.input, *mailbox.outputs]
    for array, tensor in zip(arrays, [source, *targets], strict=True):
        assert (array.shape, array.dtype.name) == (tensor.shape, tensor.dtype)
        assert array.flags.c_contiguous
        assert array.flags.writeable
        assert array.ctypes.data % ALIGNMENT == 0
    for one, other in itertools.combinations(arrays, 2):
        assert not np.shares_memory(one, other)
    for number, array in enumerate(arrays, 1):
        fill(array, number)
    assert all(holds(array, number) for number, array in enumerate(arrays, 1))


@settings(deadline=None)
@given(TENSORS, st.lists(TENSORS, min_size=1, max_size=4))
def test_both_ends_see_the_same(source: Tensor, targets: list[Tensor]) -> None:
    ours = SharedTensors.make(source, targets)
    theirs = SharedTensors.of(os.dup(ours.descriptor), source, targets)
    for mailbox in (ours, theirs):
        mailbox.close_descriptor()
    assert not np.shares_memory(ours.input, theirs.input), "two mappings, as in two processes"
    fill(ours.input, 200)
    assert holds(theirs.input, 200)
    for number, (answer, seen) in enumerate(zip(theirs.outputs, ours.outputs, strict=True), 1):
        fill(answer, number)
        assert holds(seen, number)
    assert holds(ours.input, 200)


def test_memory_begins_empty_and_outlives_its_descriptor() -> None:
    mailbox = SharedTensors.make(PICTURE, [POSE])
    assert holds(mailbox.input, 0)
    assert holds(mailbox.outputs[0], 0)
    mailbox.close_descriptor()
    with pytest.raises(OSError, match="Bad file descriptor"):
        os.fstat(mailbox.descriptor)
    fill(mailbox.input, 7)
    assert holds(mailbox.input, 7)


def test_all_of_it_is_freed_and_none_of_it_has_a_name() -> None:
    before, named = (descriptors(), mappings()), mappings("/dev/shm/")
    mailboxes = [SharedTensors.make(PICTURE, [POSE]) for _ in range(20)]
    assert mappings() == before[1] + 20
    assert mappings("/dev/shm/") == named
    for mailbox in mailboxes:
        mailbox.close_descriptor()
    kept = mailboxes[3].outputs[0]
    del mailboxes, mailbox
    assert mappings() == before[1] + 1, "an answer that is still read keeps its memory"
    del kept
    assert (descriptors(), mappings()) == before


def test_no_other_child_inherits_it() -> None:
    mailbox = SharedTensors.make(PICTURE, [POSE])
    assert fcntl.fcntl(mailbox.descriptor, fcntl.F_GETFD) & fcntl.FD_CLOEXEC
    mailbox.close_descriptor()
