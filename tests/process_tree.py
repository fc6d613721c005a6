"""Processes of this machine, and the resources that they hold."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path


@dataclass(frozen=True)
class Process:
    """A process of this machine.

    Attributes:
        number: Process id.
        state: State as one letter; Z for a zombie.
        parent: Id of the parent process.
        session: Id of the session leader.
    """

    number: int
    state: str
    parent: int
    session: int


def processes() -> list[Process]:
    """List all processes."""
    found = []
    for file in Path("/proc").glob("[0-9]*/stat"):
        try:
            number, _, rest = file.read_text().partition(" ")
        except OSError:  # the process has ended meanwhile
            continue
        # The name, in parentheses, may contain anything.
        state, parent, _group, session = rest.rpartition(")")[2].split()[:4]
        found.append(Process(int(number), state, int(parent), int(session)))
    return found


@dataclass(frozen=True)
class Footprint:
    """The resources that a process holds.

    Attributes:
        threads: Number of threads.
        descriptors: Number of open files, pipes, sockets and shared memory objects.
        mappings: Number of mappings of shared memory.
        children: Number of child processes that it has not reaped yet.
    """

    threads: int
    descriptors: int
    mappings: int
    children: int

    @classmethod
    def of(cls, process: int) -> Footprint:
        folder = Path("/proc", str(process))
        return cls(
            threads=len(list((folder / "task").iterdir())),
            descriptors=len(list((folder / "fd").iterdir())),
            mappings=(folder / "maps").read_text().count("/memfd:"),
            children=sum(one.parent == process for one in processes()),
        )
