"""Paths as users type them, and the file systems they are on."""

from __future__ import annotations

import os
from contextlib import suppress
from pathlib import Path


def user_path(text: str) -> Path:
    """Return the path that a text means: ``~`` is the home of the user, where there is one."""
    path = Path(text)
    with suppress(RuntimeError):  # a user without a home, or nobody of that name: taken literally
        path = path.expanduser()
    return path


def mount_point(folder: Path) -> Path:
    """Return where the file system of a folder is mounted."""
    folder = folder.resolve()
    return next(one for one in (folder, *folder.parents) if os.path.ismount(one))
