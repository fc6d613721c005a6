"""Processes of this machine, and what they hold."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path


@dataclass(frozen=True)
class Process:
    """A process of this machine.

    Attributes:
        number: Its own.
        state: One letter; Z is a zombie.
        parent: The number of its parent.
        session: The number of the process that leads its session.
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
        except OSError:  # it has ended meanwhile
            continue
        # The name, in parentheses, may contain anything.
        state, parent, _group, session = rest.rpartition(")")[2].split()[:4]
        found.append(Process(int(number), state, int(parent), int(session)))
    return found


@dataclass(frozen=True)
class Footprint:
    """What a process holds.

    Attributes:
        threads: Their number.
        descriptors: Open files, pipes, sockets, shared memory.
        mappings: Of shared memory.
        children: Processes that it has started and not buried yet.
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
