"""The command `completion`."""

from __future__ import annotations

from argparse import Namespace

from pose_edge.util import resources


def command_completion(options: Namespace) -> int:
    """Run ``pose-edge completion``: print the completion script of a shell."""
    print(resources.completion(options.shell).read_text(encoding="utf-8"), end="")
    return 0
