"""Paths that users type, and checks of paths that never raise an error.

Before Python 3.14, pathlib's `exists`, `is_file` and `is_dir` raise an error for a path in a folder
that may not be searched, such as a `~/.config` that root has created. The functions here treat such
a path as missing.
"""

from __future__ import annotations

import os
from contextlib import suppress
from pathlib import Path

from pose_edge.errors import UsageError


def user_path(text: str) -> Path:
    """Return the path that a user typed; ``~`` at its start becomes the home, if there is one."""
    path = Path(text)
    if text.startswith("~"):  # checked in the text, as Path shortens ./~ to ~
        with suppress(RuntimeError):  # no home, or an unknown user: ~ is kept literally
            path = path.expanduser()
    return path


def unambiguous(path: Path) -> str:
    """Return the text that both `user_path` and the dynamic linker read as exactly this path.

    >>> unambiguous(Path("~/x")), unambiguous(Path("/x"))
    ('./~/x', '/x')
    """
    return os.path.join(".", path)  # noqa: PTH118 - Path would leave the dot out


def exists(path: Path) -> bool:
    """Return whether a path leads to anything that this user may see."""
    return os.path.exists(path)  # noqa: PTH110 - see above


def is_file(path: Path) -> bool:
    """Return whether a path leads to a regular file that this user may see."""
    return os.path.isfile(path)  # noqa: PTH113 - see above


def is_dir(path: Path) -> bool:
    """Return whether a path leads to a folder that this user may see."""
    return os.path.isdir(path)  # noqa: PTH112 - see above


def absolute(path: Path) -> Path:
    """Return the absolute path, without following symbolic links.

    Raises:
        UsageError: The path is relative, and the current folder has been removed.
    """
    try:
        return path.absolute()
    except FileNotFoundError as error:
        raise UsageError(
            f"{path}: the current folder has been removed", remedy="`cd` into another one"
        ) from error


def resolved(path: Path) -> Path:
    """Return the absolute path, with symbolic links followed as far as possible.

    Raises:
        UsageError: See `absolute`.
    """
    return Path(os.path.realpath(absolute(path)))  # Path.resolve raises for a loop of links


def mount_point(folder: Path) -> Path:
    """Return the mount point of the file system that holds a folder."""
    folder = resolved(folder)
    return next(one for one in (folder, *folder.parents) if os.path.ismount(one))
