"""Atomic writes: a file has either its old or its new content, even after a power failure."""

from __future__ import annotations

import fcntl
import os
import secrets
import stat
import tempfile
from contextlib import suppress
from pathlib import Path
from typing import Final

from pose_edge.util.paths import exists

SUFFIX: Final = ".part"
"""Suffix of temporary files, whose names begin with a dot."""


def write_atomically(path: Path, content: str | bytes, *, mode: int | None = None) -> None:
    """Replace a file's content atomically, so that it survives a power failure.

    The new content is on the disk when this returns. Temporary files of killed writers are removed.

    Args:
        path: The file. A link is followed; the folder must exist. An existing file keeps its
            permission bits, and its owner where that is permitted; a new one gets 0o644.
        content: The new content; text is written as UTF-8.
        mode: Permission bits of the file, whatever the old ones were.

    Raises:
        OSError: The file cannot be written; the old content stays.
    """
    path = path.resolve()
    _remove_leftovers(path)
    old = path.stat() if exists(path) else None
    if mode is None:
        mode = stat.S_IMODE(old.st_mode) if old is not None else 0o644
    descriptor, part = _open_part(path)
    try:
        with os.fdopen(descriptor, "wb") as file:
            file.write(content.encode() if isinstance(content, str) else content)
            file.flush()
            if old is not None:
                with suppress(PermissionError):
                    os.fchown(file.fileno(), old.st_uid, old.st_gid)
            os.fchmod(file.fileno(), mode)  # after chown, which takes bits away
            os.fsync(file.fileno())
            part.replace(path)
    except BaseException:
        with suppress(FileNotFoundError):
            part.unlink()
        raise
    sync_folder(path.parent)


def write_complete(path: Path, content: bytes, *, replace: bool) -> None:
    """Write a file completely or not at all, but without protection against power failures.

    This is much faster than `write_atomically`.

    Args:
        path: The file. A symbolic link is itself replaced, not the file that it leads to.
        content: The new content.
        replace: Whether to replace an existing file.

    Raises:
        FileExistsError: The file exists, and `replace` is False.
        OSError: The file cannot be written; the old content stays.
    """
    part = path.with_name(f".{secrets.token_hex(8)}{SUFFIX}")
    _create(part, content)
    made = [part]
    try:
        if not replace:
            _create(path, b"")  # reserves the name
            made.append(path)
        part.replace(path)
    except BaseException:
        for one in made:
            one.unlink(missing_ok=True)
        raise


def link_atomically(path: Path, target: str | Path) -> None:
    """Create a symbolic link at `path`, atomically replacing a link or file of that name.

    Raises:
        OSError: The link cannot be created.
    """
    part = path.with_name(f".{path.name}.link{SUFFIX}")
    with suppress(FileNotFoundError):
        part.unlink()
    part.symlink_to(target)
    part.replace(path)
    sync_folder(path.parent)


def sync_folder(folder: Path) -> None:
    """Sync a folder's directory entries to the disk."""
    descriptor = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def _create(path: Path, content: bytes) -> None:
    """Create a file with content; an existing file is never written to."""
    flags = os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW | os.O_CLOEXEC
    descriptor = os.open(path, flags, 0o666)
    try:
        with os.fdopen(descriptor, "wb") as file:
            file.write(content)
    except BaseException:
        path.unlink(missing_ok=True)
        raise


def _open_part(path: Path) -> tuple[int, Path]:
    """Create a temporary file beside `path`, locked so that no other writer removes it."""
    while True:
        descriptor, name = tempfile.mkstemp(SUFFIX, f".{path.name}.", path.parent)
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX)
            if os.fstat(descriptor).st_nlink:
                return descriptor, Path(name)
        except BaseException:
            os.close(descriptor)
            raise
        os.close(descriptor)  # another writer removed it before it was locked


def _remove_leftovers(path: Path) -> None:
    """Remove temporary files of writers that have ended and so hold no lock."""
    for part in path.parent.iterdir():
        if not (part.name.startswith(f".{path.name}.") and part.name.endswith(SUFFIX)):
            continue
        with suppress(OSError):  # in use by another writer, or removed by it
            descriptor = os.open(part, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK)
            try:
                fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
                part.unlink()
            finally:
                os.close(descriptor)
