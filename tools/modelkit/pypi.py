"""Fetches files from a wheel on the Python Package Index."""

from __future__ import annotations

import sys
import zipfile
from collections.abc import Mapping, Sequence
from pathlib import Path

from .fetch import FetchError, only_archive, pinned_files, run_client


def wheel_files(package: str, pins: Mapping[str, str], cache: Path) -> dict[str, bytes]:
    """Return checked files of a wheel, which is fetched only if they are not in the cache.

    Args:
        package: `name==version`.
        pins: SHA-256 of each wanted file, by its path inside the wheel.
        cache: Folder that keeps the used files, in a subfolder for each package.

    Raises:
        FetchError: The wheel cannot be fetched, or lacks a file.
        ChecksumError: A file differs from its pinned SHA-256.
    """
    folder = cache / package.replace("==", "-")
    return pinned_files(pins, folder, lambda scratch: download(package, scratch), unpack)


def download(package: str, folder: Path) -> Path:
    """Fetch the wheel of `package` (`name==version`) into `folder`, without its dependencies."""
    options = ["--quiet", "--no-deps", "--only-binary", ":all:", "--dest", str(folder)]
    run_client([sys.executable, "-m", "pip", "download", *options, package])
    return only_archive(folder, "*.whl")


def unpack(wheel: Path, names: Sequence[str]) -> dict[str, bytes]:
    """Read files from a wheel.

    Raises:
        FetchError: A file is missing.
    """
    with zipfile.ZipFile(wheel) as archive:
        missing = sorted(set(names) - set(archive.namelist()))
        if missing:
            raise FetchError(f"{wheel.name} has no file {missing[0]}")
        return {name: archive.read(name) for name in names}
