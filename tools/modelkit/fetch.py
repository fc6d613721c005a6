"""Gets a pinned package once and keeps of it only the files that were asked for."""

from __future__ import annotations

import os
import shutil
import subprocess
import tempfile
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path

from .files import sha256, verified, write_together


class FetchError(Exception):
    """A package, or a file in it, cannot be had."""


def default_cache() -> Path:
    """Returns the folder for downloads: `pose-edge-tools` in the user's cache folder."""
    return Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "pose-edge-tools"


def pinned_files(
    pins: Mapping[str, str],
    folder: Path,
    download: Callable[[Path], Path],
    unpack: Callable[[Path, Sequence[str]], dict[str, bytes]],
) -> dict[str, bytes]:
    """Reads the pinned files: from `folder` when all are there and right, else from the package.

    Args:
        pins: Path inside the package -> SHA-256 of that file.
        folder: Where the files are kept between runs.
        download: Puts the package's archive into the folder it is given and returns its path.
        unpack: Reads the named files from an archive.

    Returns:
        Path inside the package -> content, checked against its pin.

    Raises:
        FetchError: The package cannot be fetched, or lacks a file.
        ChecksumError: The package holds other bytes than the pinned ones.
    """
    kept = {name: folder / name for name in pins}
    contents = {name: path.read_bytes() for name, path in kept.items() if path.is_file()}
    if all(name in contents and sha256(contents[name]) == pin for name, pin in pins.items()):
        return contents
    # The archive goes away again: the models are a twentieth of the package they come in.
    with tempfile.TemporaryDirectory() as scratch:
        contents = unpack(download(Path(scratch)), list(pins))
    for name, pin in pins.items():
        verified(contents[name], pin, name)
    write_together({kept[name]: data for name, data in contents.items()})
    return contents


def run_client(command: Sequence[str]) -> None:
    """Runs a package client.

    Raises:
        FetchError: The client is not installed, or failed; the message ends with what it said.
    """
    if shutil.which(command[0]) is None:
        raise FetchError(f"{command[0]} is needed and is not installed")
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    if done.returncode != 0:
        said = (done.stderr or done.stdout).strip().splitlines()
        raise FetchError(f"`{' '.join(command)}` failed: {said[-1] if said else 'no message'}")


def only_archive(folder: Path, pattern: str) -> Path:
    """Returns the one file in `folder` that matches `pattern`.

    Raises:
        FetchError: There is none, or more than one.
    """
    found = sorted(folder.glob(pattern))
    if len(found) != 1:
        raise FetchError(f"expected one {pattern} from the package client, found {len(found)}")
    return found[0]
