"""Fill the machine's disk completely, and free it again."""

from __future__ import annotations

from typing import Final

from system.agent import Agent

FULL: Final = "/var/full"
"""Prefix of the files that fill the disk; a dot and a number follow."""


def fill(agent: Agent) -> None:
    """Fill the disk to the last block, including the blocks reserved for root."""
    agent(
        f"b=$(stat --file-system --format='%f * %S / 4096 * 4096' /); "
        # Allocate blocks without writing them, which would take minutes. The file system needs
        # some blocks for its own data, so fill the remainder with smaller and smaller files.
        f"n=0; for s in $(( $b )) 1G 300M 100M 30M 10M 3M 1M 300K 100K 30K 4K; do "
        f"while fallocate --length $s {FULL}.$n 2>/dev/null; do n=$((n + 1)); done; "
        f"rm -f {FULL}.$n; done",
        timeout=120,
    )


def free(agent: Agent) -> None:
    """Delete the files that `fill` created."""
    agent(f"rm -f {FULL}.*")
