"""Counts the instructions that one run of a model takes on the processors of a Pi 4 and a Pi 5.

    apt-get install qemu-user qemu-user-static mmdebstrap arch-test gcc      (Debian 12, x86-64)
    pip install -e .[test]
    nice python tools/count_instructions.py [MODEL.tflite ...]           as root, for all of models/

QEMU makes up a Cortex-A72 and a Cortex-A76 and executes LiteRT in Debian for arm64, with one
thread; a plug-in counts. What is counted begins and ends with one run of a graph that has run
before, so nothing of the start is in it. The answer is a table in Markdown.

A stand-in for a measurement, not one: an instruction takes a fraction of a cycle or many, by what
it is and where its data lie. Compare models of one kind (INT8 with INT8), on one processor.

Exit status: 0 done; 2 wrong usage; 3 something that it needs is missing; 1 anything else.
"""

from __future__ import annotations

import argparse
import re
import shutil
import subprocess
import sys
from collections.abc import Sequence
from contextlib import closing
from importlib.metadata import version
from itertools import pairwise
from pathlib import Path
from typing import Final

REPOSITORY: Final = Path(__file__).resolve().parent.parent
sys.path.append(str(REPOSITORY / "tests"))

from aarch64 import root  # noqa: E402 - only now found
from aarch64.machine import Machine  # noqa: E402
from aarch64.processor import PI_4, PI_5  # noqa: E402

SOURCES: Final = Path(__file__).resolve().parent / "instructions"
PROCESSORS: Final = (PI_4, PI_5)
RELEASE: Final = "trixie"
EMULATOR: Final = "qemu-aarch64"
"""Linked dynamically, in Debian 12: the static one can load no plug-in."""

WHEELS: Final = "manylinux_2_27_aarch64"
"""What LiteRT's wheels, and those that it depends on, are built for; Debian 12 and 13 run them."""

LOADER: Final = "ld.so"

RUNS: Final = 2
"""Counted runs of each graph. They differ by what Python does besides; the shorter one counts."""

UNIT: Final = ("movenet-lightning-int8", (192, 192))
"""What the others are compared with."""

Size = tuple[int, int]
"""Height and width of a model's input, pixels."""

Counts = dict[tuple[str, Size], dict[str, int]]
"""The instructions of one run, by model and size, and by processor."""


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the command and return its exit status."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("models", nargs="*", type=Path, metavar="MODEL.tflite")
    options = parser.parse_args(arguments)
    models = options.models or sorted((REPOSITORY / "models").glob("*.tflite"))
    for model in models:
        if not model.is_file():
            parser.error(f"there is no file {model}")
    reason = missing()
    if reason is not None:
        tell(reason)
        return 3
    try:
        print(table(count(models)))
    except RuntimeError as error:
        tell(str(error))
        return 1
    return 0


def missing() -> str | None:
    """Return what there must be to count and is not, or None."""
    for program, package in ((EMULATOR, "qemu-user"), ("gcc", "gcc"), ("ldd", "libc-bin")):
        if shutil.which(program) is None:
            return f"not installed: {package}"
    if "-plugin" not in output(EMULATOR, "--help"):
        return f"{EMULATOR} loads no plug-ins: that of Debian 12 does, that of Debian 13 does not"
    return root.missing(RELEASE)


def count(models: Sequence[Path]) -> Counts:
    """Count what each model takes on each processor, at each of its sizes.

    Raises:
        RuntimeError: A model cannot be run, or there can be no Debian for arm64.
    """
    counts: Counts = {}
    with root.unpacked(RELEASE) as folder:
        put_emulator(folder / "tmp/emulator")
        put_litert(folder / "tmp/packages", root.PYTHONS[RELEASE])
        for processor in PROCESSORS:
            with closing(Machine(folder, processor)) as machine:
                for model in models:
                    tell(f"{model.stem} on {processor.name} ...")
                    for size, instructions in count_one(machine, model).items():
                        row = counts.setdefault((model.stem, size), {})
                        row[processor.name] = instructions
    return counts


def put_emulator(folder: Path) -> None:
    """Make a folder of the emulator that loads plug-ins, the plug-in, and what that counts.

    The emulator's libraries are for another processor than the machine's, so they come along.
    """
    emulator = shutil.which(EMULATOR)
    assert emulator is not None
    folder.mkdir()
    shutil.copy(emulator, folder)
    for library in map(Path, re.findall(r"(/\S+) \(0x", output("ldd", emulator))):
        shutil.copy(library, folder / (LOADER if library.name.startswith("ld-") else library.name))
    shutil.copy(SOURCES / "guest.py", folder)
    options = ("-shared", "-fPIC", "-O2")
    output("gcc", *options, "-o", str(folder / "plugin.so"), str(SOURCES / "plugin.c"))


def put_litert(folder: Path, python: str) -> None:
    """Make a folder of LiteRT for a version of Python on aarch64, the one that is installed here.

    By this machine's pip: under emulation that would take a minute.
    """
    output(
        *(sys.executable, "-m", "pip", "install", "--quiet", "--target", str(folder)),
        *("--platform", WHEELS, "--python-version", python, "--only-binary", ":all:"),
        f"ai-edge-litert=={version('ai-edge-litert')}",
    )


def count_one(machine: Machine, model: Path) -> dict[Size, int]:
    """Return the instructions of one run of a model at each of its sizes.

    Args:
        machine: It has `emulator` and `packages` in /tmp.
        model: The file.

    Raises:
        RuntimeError: The model cannot be run.
    """
    machine.put(model)
    done = machine(
        *(f"emulator/{LOADER}", "--library-path", "emulator", f"emulator/{EMULATOR}"),
        *("-plugin", "emulator/plugin.so"),
        *("/usr/bin/python3", "emulator/guest.py", model.name, str(RUNS)),
        PYTHONPATH="packages",
        OPENBLAS_NUM_THREADS="1",
    )
    sizes = parse(done.stderr)
    if done.status != 0 or not sizes:
        raise RuntimeError(f"{model} cannot be run on {machine.processor.name}:\n{done.stderr}")
    return {size: min(runs) for size, runs in sizes.items()}


def parse(written: str) -> dict[Size, list[int]]:
    """Return the instructions of each run, by size, from what plug-in and guest have written.

    Args:
        written: For each graph the line `input HEIGHT WIDTH`, and then `executed SUM` before the
            first run and after each. Other lines are the libraries'.
    """
    sums: dict[Size, list[int]] = {}
    current: list[int] = []
    for line in written.splitlines():
        match line.split():
            case ["input", height, width]:
                current = sums[int(height), int(width)] = []
            case ["executed", executed]:
                current.append(int(executed))
    return {size: [b - a for a, b in pairwise(sums[size])] for size in sums}


def table(counts: Counts) -> str:
    """Return the counts in Markdown: millions, and how many times what `UNIT` takes."""
    heads = ["model", "height x width"]
    for processor in PROCESSORS:
        heads += [f"{processor.board}, {processor.name}: millions", "ratio"]
    rows = [heads, ["---"] * len(heads)]
    for (model, (height, width)), row in counts.items():
        cells = [f"`{model}`", f"{height} x {width}"]
        for processor in PROCESSORS:
            instructions, unit = row[processor.name], counts.get(UNIT, {}).get(processor.name)
            cells += [f"{instructions / 1e6:.0f}", f"{instructions / unit:.2f}" if unit else "-"]
        rows.append(cells)
    return "\n".join(f"| {' | '.join(cells)} |" for cells in rows)


def output(*command: str) -> str:
    """Run a command of this machine and return what it writes.

    Raises:
        RuntimeError: It failed.
    """
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    if done.returncode != 0:
        raise RuntimeError(f"{' '.join(command)} failed:\n{done.stderr}")
    return done.stdout


def tell(text: str) -> None:
    """Write a line for whoever waits."""
    print(text, file=sys.stderr, flush=True)


if __name__ == "__main__":
    sys.exit(main())
