"""Find the Edge TPU library and pycoral without loading either of them.

Loading the wrong library can crash the process, so its path is determined first; messages name it.
"""

from __future__ import annotations

import importlib.util
import os
import shutil
import sysconfig
from collections.abc import Iterator, Mapping
from contextlib import suppress
from pathlib import Path
from typing import Final, Literal

from pose_edge.util.commands import run_command
from pose_edge.util.paths import is_file, user_path

LDCONFIG_TIMEOUT_S: Final = 10.0
ELF_MARK: Final = b"\x7fELF"


def find_library(name: str, *, environment: Mapping[str, str] = os.environ) -> Path | None:
    """Find a shared library as the dynamic linker does.

    Args:
        name: A path (with a slash; ``~`` is the home folder), or a name like libedgetpu.so.1. A
            name is searched for in LD_LIBRARY_PATH, the linker's cache (`ldconfig -p`) and the
            system's library folders. Libraries for other processors are skipped.
        environment: Environment variables.

    Returns:
        The path of the library, or None. Load it by this path, so that the same file is used.
    """
    if "/" in name:
        path = user_path(name)
        return path if is_file(path) else None
    own_kind = _elf_kind(Path("/proc/self/exe"))
    for path in _candidates(name, environment):
        kind = _elf_kind(path)
        if kind is not None and own_kind in (None, kind):
            return path
    return None


def find_pycoral() -> Literal["google", "namesake"] | None:
    """Return which pycoral is installed, without importing it.

    Returns:
        "google" for the package with `pycoral.utils.edgetpu`; "namesake" for any other, such as the
        coral-reef tool that PyPI has under this name; None if there is none.
    """
    try:
        spec = importlib.util.find_spec("pycoral")
    except ValueError:  # a module of this name without a spec is loaded
        return "namesake"
    if spec is None:
        return None
    folders = spec.submodule_search_locations or ()
    found = any(is_file(Path(folder, "utils", "edgetpu.py")) for folder in folders)
    return "google" if found else "namesake"


def _candidates(name: str, environment: Mapping[str, str]) -> Iterator[Path]:
    listed = environment.get("LD_LIBRARY_PATH", "").replace(";", ":")
    if listed:
        with suppress(FileNotFoundError):  # the working folder has been removed
            # For the linker, an empty part means the working folder.
            yield from [Path(folder or ".").absolute() / name for folder in listed.split(":")]
    yield from cached_libraries(name, _linker_cache())
    triplet = sysconfig.get_config_var("MULTIARCH")
    folders = [f"/lib/{triplet}", f"/usr/lib/{triplet}"] if triplet else []
    yield from (Path(folder, name) for folder in (*folders, "/lib", "/usr/lib"))


def cached_libraries(name: str, listing: str) -> list[Path]:
    """Return the paths of a library in the output of `ldconfig -p`, in that order."""
    lines = (line.strip().partition(" => ") for line in listing.splitlines())
    return [Path(path) for key, arrow, path in lines if arrow and key.split(" (")[0] == name]


def _linker_cache() -> str:
    # On Debian, /sbin is not in the PATH of ordinary users.
    command = shutil.which("ldconfig", path=os.defpath + ":/usr/sbin:/sbin")
    if command is None:
        return ""
    return run_command((command, "-p"), timeout=LDCONFIG_TIMEOUT_S).stdout


def _elf_kind(path: Path) -> bytes | None:
    """Return word size, byte order and processor of an ELF file; None for anything else."""
    try:
        with path.open("rb") as file:
            header = file.read(20)
    except OSError:
        return None
    return header[4:6] + header[18:20] if header.startswith(ELF_MARK) else None
