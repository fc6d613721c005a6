"""Files that are either whole and right, or not there."""

from __future__ import annotations

import hashlib
import os
from collections.abc import Mapping
from pathlib import Path


class ChecksumError(Exception):
    """Bytes that are not the ones this kit was written for."""


def sha256(data: bytes) -> str:
    """Returns the SHA-256 of `data` as 64 hexadecimal digits."""
    return hashlib.sha256(data).hexdigest()


def verified(data: bytes, expected: str, name: str) -> bytes:
    """Passes `data` through when its SHA-256 is `expected`.

    Raises:
        ChecksumError: It is not; the message has `name` and both checksums.
    """
    actual = sha256(data)
    if actual != expected:
        raise ChecksumError(f"{name}: sha256 is {actual}, expected {expected}")
    return data


def write_together(files: Mapping[Path, bytes]) -> None:
    """Writes all `files`, in their order, each one atomically.

    Everything is on the disk under a temporary name before the first file is replaced, so a full
    disk or an interruption leaves what was there before.
    """
    staged = {path: path.with_name(f".{path.name}.part") for path in files}
    try:
        for path, data in files.items():
            path.parent.mkdir(parents=True, exist_ok=True)
            with staged[path].open("wb") as stream:
                stream.write(data)
                stream.flush()
                os.fsync(stream.fileno())
        for path, part in staged.items():
            part.replace(path)
    finally:
        for part in staged.values():
            part.unlink(missing_ok=True)
