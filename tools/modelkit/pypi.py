"""Files out of a wheel of the Python package index."""

from __future__ import annotations

import sys
import zipfile
from collections.abc import Mapping, Sequence
from pathlib import Path

from .fetch import FetchError, only_archive, pinned_files, run_client


def wheel_files(package: str, pins: Mapping[str, str], cache: Path) -> dict[str, bytes]:
    """Returns checked files of a wheel, fetching it only when they are not in the cache.

    Args:
        package: `name==version`.
        pins: Path inside the wheel -> SHA-256.
        cache: Folder that keeps the used files, in a subfolder per package.

    Raises:
        FetchError: The wheel cannot be fetched, or lacks a file.
        ChecksumError: The wheel holds other bytes than the pinned ones.
    """
    folder = cache / package.replace("==", "-")
    return pinned_files(pins, folder, lambda scratch: download(package, scratch), unpack)


def download(package: str, folder: Path) -> Path:
    """Fetches the wheel of `package` (`name==version`) into `folder`, without its dependencies."""
    options = ["--quiet", "--no-deps", "--only-binary", ":all:", "--dest", str(folder)]
    run_client([sys.executable, "-m", "pip", "download", *options, package])
    return only_archive(folder, "*.whl")


def unpack(wheel: Path, names: Sequence[str]) -> dict[str, bytes]:
    """Reads files from a wheel.

    Raises:
        FetchError: A file is missing.
    """
    with zipfile.ZipFile(wheel) as archive:
        missing = sorted(set(names) - set(archive.namelist()))
        if missing:
            raise FetchError(f"{wheel.name} has no file {missing[0]}")
        return {name: archive.read(name) for name in names}
