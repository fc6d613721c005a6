"""Where file systems are mounted."""

from __future__ import annotations

import os
from pathlib import Path


def mount_point(folder: Path) -> Path:
    """Return the mount point of the file system that holds a folder."""
    folder = folder.resolve()
    return next(one for one in (folder, *folder.parents) if os.path.ismount(one))
