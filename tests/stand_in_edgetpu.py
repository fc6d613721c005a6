"""Builds a stand-in for libedgetpu.so.1, and controls it from a test.

`stand_in/edgetpu.c` describes what the stand-in proves and what it does not;
`stand_in/steering.h` lists its commands and events.
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
    """Compile the library with this machine's compiler; skip the test if there is none.

    Args:
        folder: Folder for the library.

    Returns:
        Path of the library.
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
    """Copy a CPU model so that the program takes it for a compiled Edge TPU model.

    The program runs only compiled models on an Edge TPU, but the stand-in can run only CPU models.
    The mark is appended to the file; data after the model does not change its answers.

    Args:
        model: File of a CPU model.
        folder: Folder for the copy.

    Returns:
        Path of the copy, named like a compiled model.
    """
    copy = folder / f"{model.stem}-edgetpu.tflite"
    copy.write_bytes(model.read_bytes() + COMPILED_MARK)
    return copy


@dataclass(frozen=True)
class Event:
    """A line of the journal.

    Attributes:
        time_ns: Time by the clock of `time.monotonic_ns`.
        process: Id of the process.
        name: create, accept, refuse, load, crash, answer, stall, abort, fail or destroy.
        detail: Rest of the line: for an inference its number, for create the options.
    """

    time_ns: int
    process: int
    name: str
    detail: str


class StandIn:
    """The library, with a file of commands that control it and a journal of its events."""

    def __init__(self, library: Path, folder: Path) -> None:
        """Create the control of a stand-in that accepts.

        Args:
            library: The library from `build`.
            folder: Folder for the two files.
        """
        self.library = library
        self.file = folder / "stand-in-edgetpu"
        self.journal = folder / "stand-in-edgetpu.journal"
        self.tell("accept")

    @property
    def environment(self) -> dict[str, str]:
        """Environment variables with which a program's stand-in is controlled from here."""
        return {
            "STAND_IN_EDGETPU_FILE": str(self.file),
            "STAND_IN_EDGETPU_JOURNAL": str(self.journal),
        }

    def tell(self, *lines: str) -> None:
        """Replace the commands, also for delegates that are already loaded.

        Args:
            lines: Commands of `steering.h`, one set in each line. A line applies once the line
                before it has taken effect, and the last one stays, for example
                ``tell("abort=5", "refuse", "accept")``.
        """
        assert lines
        beside = self.file.with_suffix(".new")
        beside.write_text("".join(f"{line}\n" for line in lines))
        os.replace(beside, self.file)  # noqa: PTH105 - at once: a program may be reading it

    def told(self) -> list[str]:
        """Return the commands that have not taken effect yet."""
        return self.file.read_text().splitlines()

    def events(self, *names: str) -> list[Event]:
        """Return the events so far in order; with names, only events with one of these names."""
        if not self.journal.exists():
            return []
        lines = (line.split(" ", 3) for line in self.journal.read_text().splitlines())
        events = [
            Event(int(time_ns), int(process), name, "".join(detail))
            for time_ns, process, name, *detail in lines
        ]
        return [event for event in events if not names or event.name in names]

    def count(self, *names: str) -> int:
        """Return the number of events so far with one of these names; by default "answer"."""
        return len(self.events(*(names or ("answer",))))
