"""How full a disk is."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Final, NamedTuple

GIGABYTE: Final = 1_000_000_000


class Space(NamedTuple):
    """Bytes of a file system.

    Attributes:
        free: What the program may still write.
        total: How large it is.
    """

    free: int
    total: int


def space_of(folder: Path) -> Space:
    """Look how much space there is.

    Raises:
        OSError: The folder is gone, or its disk does not answer.
    """
    status = os.statvfs(folder)
    return Space(status.f_bavail * status.f_frsize, status.f_blocks * status.f_frsize)
