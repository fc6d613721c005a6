"""Counts the instructions of one inference of a model on the processors of a Pi 4 and a Pi 5.

    apt-get install qemu-user qemu-user-static mmdebstrap arch-test gcc      (Debian 12, x86-64)
    pip install -e .[test]
    nice python tools/count_instructions.py [MODEL.tflite ...]           as root, for all of models/

QEMU emulates a Cortex-A72 and a Cortex-A76 and executes LiteRT in Debian for arm64, with one
thread, while a plug-in counts. Only inferences after a first one are counted, so initialisation is
excluded. The result is a table in Markdown.

Instruction counts approximate the run time only roughly: an instruction takes a fraction of a cycle
or many cycles, depending on its kind and on where its data are. Compare only models of one kind
(INT8 with INT8) on one processor.

Exit status: 0 done; 2 wrong usage; 3 a prerequisite is missing; 1 any other error.
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
"""The dynamically linked emulator, in Debian 12; the static one cannot load plug-ins."""

WHEELS: Final = "manylinux_2_27_aarch64"
"""Platform tag of the wheels of LiteRT and its dependencies; Debian 12 and 13 can run them."""

LOADER: Final = "ld.so"
"""Name under which the dynamic loader of this machine is copied."""

RUNS: Final = 2
"""Counted runs of each graph. They differ by Python's own instructions; the smallest count is
used."""

UNIT: Final = ("movenet-lightning-int8", (192, 192))
"""Model and size to which the ratios in the table refer."""

Size = tuple[int, int]
"""Height and width of a model's input, pixels."""

Counts = dict[tuple[str, Size], dict[str, int]]
"""Instructions of one run, by (model, size) and then by the name of the processor."""


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
    """Return a message on a missing prerequisite, or None if there is none."""
    for program, package in ((EMULATOR, "qemu-user"), ("gcc", "gcc"), ("ldd", "libc-bin")):
        if shutil.which(program) is None:
            return f"not installed: {package}"
    if "-plugin" not in output(EMULATOR, "--help"):
        return f"{EMULATOR} loads no plug-ins: that of Debian 12 does, that of Debian 13 does not"
    return root.missing(RELEASE)


def count(models: Sequence[Path]) -> Counts:
    """Count the instructions of each model on each processor, at each of its sizes.

    Raises:
        RuntimeError: A model cannot be run, or Debian for arm64 cannot be set up.
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
    """Create a folder with the emulator, its libraries, the plug-in and guest.py.

    The emulator runs on this machine's processor, so the arm64 system lacks its libraries.
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
    """Install the LiteRT version of this machine into a folder, for a Python version on aarch64.

    This machine's pip does it, because the emulated one would take a minute.
    """
    output(
        *(sys.executable, "-m", "pip", "install", "--quiet", "--target", str(folder)),
        *("--platform", WHEELS, "--python-version", python, "--only-binary", ":all:"),
        f"ai-edge-litert=={version('ai-edge-litert')}",
    )


def count_one(machine: Machine, model: Path) -> dict[Size, int]:
    """Return the number of instructions of one run of a model at each of its sizes.

    Args:
        machine: The emulated machine, with the folders `emulator` and `packages` in /tmp.
        model: The model file.

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
    """Return the number of instructions of each run, by size, from the output of guest and plug-in.

    Args:
        written: For each graph the line `input HEIGHT WIDTH`, then `executed SUM` before the first
            counted run and after each run. Other lines are ignored: libraries write them.
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
    """Return the counts as a Markdown table, in millions and as ratios to the count of `UNIT`."""
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
    """Run a command on this machine and return its standard output.

    Raises:
        RuntimeError: The command failed.
    """
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    if done.returncode != 0:
        raise RuntimeError(f"{' '.join(command)} failed:\n{done.stderr}")
    return done.stdout


def tell(text: str) -> None:
    """Write a line of progress to the standard error."""
    print(text, file=sys.stderr, flush=True)


if __name__ == "__main__":
    sys.exit(main())
