"""Checks files by their SHA-256, and writes them atomically."""

from __future__ import annotations

import hashlib
import os
from collections.abc import Mapping
from pathlib import Path


class ChecksumError(Exception):
    """A file has another SHA-256 than the pinned one."""


def sha256(data: bytes) -> str:
    """Return the SHA-256 of `data` as 64 hexadecimal digits."""
    return hashlib.sha256(data).hexdigest()


def verified(data: bytes, expected: str, name: str) -> bytes:
    """Return `data` if its SHA-256 is `expected`.

    Raises:
        ChecksumError: It is not; the message contains `name` and both checksums.
    """
    actual = sha256(data)
    if actual != expected:
        raise ChecksumError(f"{name}: sha256 is {actual}, expected {expected}")
    return data


def write_together(files: Mapping[Path, bytes]) -> None:
    """Write all `files` in order, each one atomically.

    All files are written to disk under temporary names before the first one is replaced, so a full
    disk or an interruption until then leaves the existing files unchanged.
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
