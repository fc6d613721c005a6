"""Paths that users type, and questions about them that never fail.

Until Python 3.14, `exists`, `is_file` and `is_dir` of pathlib raise an error for a path in a folder
that may not be searched, as a `~/.config` that root has made. For this program such a path is not
there: it asks with the functions here.
"""

from __future__ import annotations

import os
from contextlib import suppress
from pathlib import Path

from pose_edge.errors import UsageError


def user_path(text: str) -> Path:
    """Return the path of a text; ``~`` at its start is the user's home, where there is one."""
    path = Path(text)
    if text.startswith("~"):  # not ./~, of which Path leaves ~
        with suppress(RuntimeError):  # without a home, or for an unknown user, ~ is taken literally
            path = path.expanduser()
    return path


def typed(path: Path) -> str:
    """Return the text of a path that has one meaning only, for `user_path` and the linker.

    >>> typed(Path("~/x")), typed(Path("/x"))
    ('./~/x', '/x')
    """
    return os.path.join(".", path)  # noqa: PTH118 - Path would leave the dot out


def exists(path: Path) -> bool:
    """Tell whether a path leads to something that this user may know of."""
    return os.path.exists(path)  # noqa: PTH110 - see above


def is_file(path: Path) -> bool:
    """Tell whether a path leads to a regular file that this user may know of."""
    return os.path.isfile(path)  # noqa: PTH113 - see above


def is_dir(path: Path) -> bool:
    """Tell whether a path leads to a folder that this user may know of."""
    return os.path.isdir(path)  # noqa: PTH112 - see above


def absolute(path: Path) -> Path:
    """Return a path from the root; links in it are not followed.

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
    """Return a path from the root, with links followed as far as that is possible.

    Raises:
        UsageError: See `absolute`.
    """
    return Path(os.path.realpath(absolute(path)))  # Path.resolve raises at a circle of links


def mount_point(folder: Path) -> Path:
    """Return the mount point of the file system that holds a folder."""
    folder = resolved(folder)
    return next(one for one in (folder, *folder.parents) if os.path.ismount(one))
