"""A disk without room."""

from __future__ import annotations

from typing import Final

from system.agent import Agent

FULL: Final = "/var/full"
"""What fills it: this name, a point and a number."""


def fill(agent: Agent) -> None:
    """Fill the disk to the last block, root's reserve too."""
    agent(
        f"b=$(stat --file-system --format='%f * %S / 4096 * 4096' /); "
        # Without writing it: that would take minutes. The rest, what the file system itself needs
        # for it, in smaller and smaller pieces.
        f"n=0; for s in $(( $b )) 1G 300M 100M 30M 10M 3M 1M 300K 100K 30K 4K; do "
        f"while fallocate --length $s {FULL}.$n 2>/dev/null; do n=$((n + 1)); done; "
        f"rm -f {FULL}.$n; done",
        timeout=120,
    )


def free(agent: Agent) -> None:
    """Give the room back."""
    agent(f"rm -f {FULL}.*")
