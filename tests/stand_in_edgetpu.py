"""A stand-in for libedgetpu.so.1: how it is built, and how a test steers it.

`stand_in/edgetpu.c` says what it proves and what it does not, `stand_in/steering.h` lists the words
and the events.
"""

from __future__ import annotations

import os
import shutil
import subprocess
from dataclasses import dataclass
from pathlib import Path

import pytest

from pose_edge.zoo.registry import COMPILED_MARK

SOURCES = Path(__file__).parent / "stand_in"
SONAME = "libedgetpu.so.1"


def build(folder: Path) -> Path:
    """Compile the library with this machine's compiler; skips the test where there is none.

    Args:
        folder: Where it goes.

    Returns:
        Its path.
    """
    compiler = next(filter(None, map(shutil.which, ("cc", "gcc", "clang"))), None)
    if compiler is None:
        pytest.skip("no C compiler (cc, gcc, clang) is installed to build the stand-in Edge TPU")
    library = folder / SONAME
    done = subprocess.run(
        [
            *(compiler, "-std=c11", "-O2", "-Wall", "-Wextra", "-Werror"),
            *("-shared", "-fPIC", "-fvisibility=hidden", f"-Wl,-soname,{SONAME}"),
            *("-o", str(library), *map(str, sorted(SOURCES.glob("*.c")))),
        ],
        capture_output=True,
        text=True,
        check=False,
        timeout=120,
    )
    assert done.returncode == 0, f"{compiler} cannot build the stand-in:\n{done.stderr}"
    return library


def mark_compiled(model: Path, folder: Path) -> Path:
    """Copy an ordinary model so that the program takes it for a compiled one.

    The program refuses to call the CPU an Edge TPU, and the stand-in can run nothing else than
    ordinary models. What follows a model in its file is not part of it, and changes no answer.

    Args:
        model: A CPU model's file.
        folder: Where the copy goes.

    Returns:
        The copy, named as compiled models are.
    """
    copy = folder / f"{model.stem}-edgetpu.tflite"
    copy.write_bytes(model.read_bytes() + COMPILED_MARK)
    return copy


@dataclass(frozen=True)
class Event:
    """A line of the journal.

    Attributes:
        time_ns: When, by the clock of `time.monotonic_ns`.
        process: In which process.
        name: create, accept, refuse, load, crash, answer, stall, abort, fail or destroy.
        detail: What follows: of an inference its number, of create the options.
    """

    time_ns: int
    process: int
    name: str
    detail: str


class StandIn:
    """The library, with a file of its own that steers it and a journal of what it did."""

    def __init__(self, library: Path, folder: Path) -> None:
        """Describe a stand-in that accepts.

        Args:
            library: As `build` returned it.
            folder: Where its two files go.
        """
        self.library = library
        self.file = folder / "stand-in-edgetpu"
        self.journal = folder / "stand-in-edgetpu.journal"
        self.tell("accept")

    @property
    def environment(self) -> dict[str, str]:
        """What the environment of a program must have for it to be steered from here."""
        return {
            "STAND_IN_EDGETPU_FILE": str(self.file),
            "STAND_IN_EDGETPU_JOURNAL": str(self.journal),
        }

    def tell(self, *lines: str) -> None:
        """Say what to do from now on, also to delegates that are loaded already.

        Args:
            lines: Each with words of `steering.h`; one takes over when the one before it has
                struck, and the last stays: ``tell("abort=5", "refuse", "accept")``.
        """
        assert lines
        beside = self.file.with_suffix(".new")
        beside.write_text("".join(f"{line}\n" for line in lines))
        os.replace(beside, self.file)  # noqa: PTH105 - at once: a program may be reading it

    def told(self) -> list[str]:
        """Return the lines that have not struck yet."""
        return self.file.read_text().splitlines()

    def events(self, *names: str) -> list[Event]:
        """Return what has happened until now, in order, or only the events of these names."""
        if not self.journal.exists():
            return []
        lines = (line.split(" ", 3) for line in self.journal.read_text().splitlines())
        events = [
            Event(int(time_ns), int(process), name, "".join(detail))
            for time_ns, process, name, *detail in lines
        ]
        return [event for event in events if not names or event.name in names]

    def count(self, *names: str) -> int:
        """Return how often one of these events has happened; without names, "answer"."""
        return len(self.events(*(names or ("answer",))))
