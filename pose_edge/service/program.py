"""Installs each version of the program in its own virtual environment."""

from __future__ import annotations

import os
import shutil
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Final

from pose_edge.errors import UnavailableError
from pose_edge.service.machine import Machine
from pose_edge.service.origin import Origin, stage
from pose_edge.service.places import HIDDEN, SYSTEM_PYTHON, Places
from pose_edge.util.paths import exists, is_dir

FITNESS: Final = """
import struct, sys
if sys.version_info < (3, 11):
    sys.exit("is Python %d.%d; 3.11 or newer is needed" % sys.version_info[:2])
if struct.calcsize("P") < 8:
    sys.exit("is a 32-bit program, and LiteRT exists for 64 bits only")
import ensurepip, venv
"""

COMPILE: Final = """
import compileall, sys
compileall.compile_dir(sys.argv[1], quiet=2, workers=0)
"""
"""A program that compiles a folder to bytecode on all cores. pip would use one core, and take as
long for it as for the rest of the install. Files for other Python versions are skipped, as by
pip."""


def choose_python(machine: Machine, places: Places) -> Path:
    """Return the Python interpreter for the environment.

    The system's interpreter is preferred: every user may run it, system upgrades include it, and
    apt's picamera2 is compiled for it. If it is unsuitable and apt's picamera2 is not installed,
    the interpreter that runs this code is used.

    Raises:
        UnavailableError: No interpreter is suitable.
    """
    base = Path(getattr(sys, "_base_executable", sys.executable))
    candidates = [SYSTEM_PYTHON]
    if not places.picamera2:
        candidates.append(base)
    reasons = []
    for python in dict.fromkeys(candidates):
        if any(python.resolve().is_relative_to(hidden) for hidden in HIDDEN):
            reasons.append(f"{python} is in a folder that the service cannot see")
            continue
        result = machine.ask(python, "-c", FITNESS)
        if result.returncode == 0:
            return python
        reasons.append(f"{python}: {(result.stderr.strip().splitlines() or ['does not run'])[-1]}")
    raise UnavailableError(
        f"no Python for the service: {'; '.join(reasons)}\n"
        "Debian has it: sudo apt-get install python3 python3-venv"
    )


def make_environment(
    machine: Machine,
    places: Places,
    origin: Origin,
    extras: Sequence[str] = (),
    find_links: Path | None = None,
) -> Path:
    """Install the program in a new virtual environment, and return the environment's path.

    The environment in use is not changed. The new one is removed if a step fails.

    Args:
        machine: The machine to install on.
        places: The paths of the service.
        origin: What to install.
        extras: Extras of the package to install.
        find_links: A folder with the wheels of all packages, to use instead of the network.

    Raises:
        UnavailableError: No Python interpreter is suitable.
        ServiceError: A command failed.
    """
    python = choose_python(machine, places)
    folder = next_folder(places.versions, origin.version)
    staging = folder / "staging"
    environment = {
        **os.environ,
        "PYTHONNOUSERSITE": "1",
        "PIP_USER": "0",  # overrides a pip.conf
        "TMPDIR": str(staging),  # /tmp can be a small RAM disk (Debian 13 on a Zero 2 W)
    }
    flags = ["--system-site-packages"] if places.picamera2 else []
    offline = ["--no-index", "--find-links", str(find_links)] if find_links else []
    try:
        if machine.will(f"make {places.versions}"):
            places.versions.mkdir(parents=True, exist_ok=True)
        machine.run(python, "-m", "venv", *flags, folder)
        if machine.will(f"make {staging}"):
            (staging / "program").mkdir(parents=True)
        what = origin.path if machine.dry else stage(origin, staging / "program")
        wanted = f"{what}[{','.join(sorted(extras))}]" if extras else what
        pip = (folder / "bin" / "python", "-m", "pip", "install", "--no-input", "--no-cache-dir")
        quick = ("--disable-pip-version-check", "--no-compile")
        machine.run(*pip, *quick, *offline, wanted, environment=environment)
        machine.remove(staging)
        machine.run(folder / "bin" / "python", "-c", COMPILE, folder / "lib")
        machine.run(folder / "bin" / "pose-edge", "--version")
        # Write to disk before any link points here: a Pi is often switched off by unplugging it.
        machine.run("sync")
    except BaseException:
        shutil.rmtree(folder, ignore_errors=True)
        raise
    return folder


def next_folder(versions: Path, version: str) -> Path:
    """Return an unused path for an environment; it is final, as environments cannot be moved."""
    number = 1
    while exists(folder := versions / f"{version}-{number}"):
        number += 1
    return folder


def remove_unused_environments(machine: Machine, places: Places, keep: Sequence[Path]) -> None:
    """Remove all environments except those in `keep` and the target of `places.current`."""
    if not is_dir(places.versions):
        return
    used = {path.resolve() for path in (*keep, places.current)}
    for folder in sorted(places.versions.iterdir()):
        if folder.resolve() not in used:
            machine.remove(folder)
