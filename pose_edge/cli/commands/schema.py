"""The command `schema`."""

from __future__ import annotations

from argparse import Namespace

from pose_edge.util import resources


def command_schema(_options: Namespace) -> int:
    """Run ``pose-edge schema``: print the JSON Schema of a line of poses."""
    print(resources.pose_line_schema().read_text(encoding="utf-8"), end="")
    return 0
