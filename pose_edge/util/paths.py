"""Paths that users type, and where they are mounted."""

from __future__ import annotations

import os
from contextlib import suppress
from pathlib import Path


def user_path(text: str) -> Path:
    """Return the path of a text; ``~`` is the user's home, where there is one."""
    path = Path(text)
    with suppress(RuntimeError):  # without a home, or for an unknown user, ~ is taken literally
        path = path.expanduser()
    return path


def mount_point(folder: Path) -> Path:
    """Return the mount point of the file system that holds a folder."""
    folder = folder.resolve()
    return next(one for one in (folder, *folder.parents) if os.path.ismount(one))
